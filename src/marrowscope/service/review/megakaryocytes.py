"""Megakaryocytes on a patient's slides: candidates that a reviewer confirms or rejects, counted per area.

They are in no differential. A report that is not signed follows every answer.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import Megakaryocytes, megakaryocytes_of
from marrowscope.domain.case.specimen import Specimen
from marrowscope.service.actors import Actor
from marrowscope.service.analyses.megakaryocytes import rows_on, searches_of
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import patients
from marrowscope.service.review import answers, readings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.analyses import DONE, Analysis
from marrowscope.service.store.tables.patients import Megakaryocyte, Patient, Slide
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class FoundOnSlides:
    """The megakaryocytes of a patient, None where none were looked for, and the rows behind them."""

    count: Megakaryocytes | None
    rows: tuple[tuple[Slide, Megakaryocyte], ...]
    is_locked: bool


def found(session: Session, actor: Actor, patient_id: str) -> FoundOnSlides:
    """Return the candidates of a patient.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor is reading the patient blind.
    """
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, actor, patient_id)
    latest = patients.latest_analysis(session, patient)
    is_locked = latest is not None and latest.locked
    if patients.details_of(patient).specimen is Specimen.BLOOD:
        return FoundOnSlides(None, (), is_locked)
    slides = {slide.id: slide for slide, _ in patients.slides_of(session, patient_id)}
    searches = searches_of(session, list(slides.values()))
    count = megakaryocytes_of((slide.name, slide.sha256, searches[slide.id]) for slide in slides.values())
    rows = [(slides[row.slide_id], row) for row in rows_on(session, list(slides))]
    order = list(slides)
    rows.sort(key=lambda entry: (order.index(entry[0].id), entry[1].place))
    return FoundOnSlides(count, tuple(rows), is_locked)


def slide_of(session: Session, actor: Actor, candidate_id: str) -> tuple[Slide, Megakaryocyte]:
    """Return a candidate with its slide.

    Raises
    ------
    NotFoundError
        There is no such candidate.
    ForbiddenError
        The actor is reading the patient blind.
    """
    candidate = row_of(session, Megakaryocyte, candidate_id, "candidate")
    slide = patients.get_slide(session, candidate.slide_id)
    readings.refuse_blind_of(session, actor, slide.patient_id)
    return slide, candidate


def answer(session: Session, actor: Actor, candidate_id: str, *, is_confirmed: bool | None) -> str:
    """Say whether a candidate is a megakaryocyte, or take the answer back; return its patient's identifier.

    Raises
    ------
    NotFoundError
        There is no such candidate.
    ForbiddenError
        The actor is reading the patient blind.
    LockedError
        The latest analysis is signed.
    ConflictError
        The specimen is blood.
    """
    patient_id = slide_of(session, actor, candidate_id)[0].patient_id
    # Analyses before the patient, as answers and signatures take them: the other order would be a deadlock.
    unsigned = select(Analysis).where(
        Analysis.patient_id == patient_id, Analysis.status == DONE, Analysis.locked.is_(False)
    )
    held = session.scalars(unsigned.order_by(Analysis.id).with_for_update()).all()
    patient = patients.get(session, patient_id, is_held=True)
    _refuse(session, patient)
    _, candidate = slide_of(session, actor, candidate_id)
    before = candidate.confirmed
    if before is is_confirmed:
        return patient_id
    candidate.confirmed = is_confirmed
    is_taken_back = is_confirmed is None
    candidate.answered_by = None if is_taken_back else actor.name
    candidate.answered_at = None if is_taken_back else now()
    for analysis in held:
        answers.renew(analysis)
    patient.changed_at = now()
    audit.record(
        session, actor, "megakaryocyte.answer", "megakaryocyte", candidate.id, patient_id=patient_id,
        before={"confirmed": before}, after={"confirmed": is_confirmed},
    )  # fmt: skip
    return patient_id


def _refuse(session: Session, patient: Patient) -> None:
    latest = patients.latest_analysis(session, patient)
    if latest is not None:
        answers.refuse_locked(latest)
    if patients.details_of(patient).specimen is Specimen.BLOOD:
        raise ConflictError("the specimen is blood, in which megakaryocytes are not looked for")
