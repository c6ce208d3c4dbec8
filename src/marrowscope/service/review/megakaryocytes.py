"""Megakaryocytes of a patient: candidates that a reviewer confirms or rejects, counted per area.

They lie on slides, and in the fields that the latest analysis has read so far. They are in no differential. A
report that is not signed follows every answer.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.megakaryocytes import Megakaryocytes, megakaryocytes_of
from marrowscope.domain.case.specimen import Specimen
from marrowscope.service.actors import Actor
from marrowscope.service.analyses.megakaryocytes import held_in, in_fields, on_slides, showing_same_cell
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import patients
from marrowscope.service.review import answers, readings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.analyses import DONE, Analysis, AnalysisField
from marrowscope.service.store.tables.patients import Field, Megakaryocyte, Patient, Slide
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class FoundOfPatient:
    """The megakaryocytes of a patient, None where none were looked for, and the rows behind them.

    `rows` are in the order of the report: those in fields, then those on slides.
    """

    count: Megakaryocytes | None
    rows: tuple[tuple[Slide | Field, Megakaryocyte], ...]
    is_locked: bool


def found(session: Session, actor: Actor, patient_id: str) -> FoundOfPatient:
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
        return FoundOfPatient(None, (), is_locked)
    slides = [slide for slide, _ in patients.slides_of(session, patient_id)]
    fields = [] if latest is None else in_fields(session, latest.id)
    images = [*fields, *on_slides(session, slides)]
    count = megakaryocytes_of((each.image.name, each.image.sha256 or "", each.search) for each in images)
    rows = tuple((each.image, row) for each in images for row in each.rows)
    return FoundOfPatient(count, rows, is_locked)


def image_of(session: Session, actor: Actor, candidate_id: str) -> tuple[Slide | Field, Megakaryocyte]:
    """Return a candidate with its slide or field.

    Raises
    ------
    NotFoundError
        There is no such candidate.
    ForbiddenError
        The actor is reading the patient blind.
    """
    candidate = row_of(session, Megakaryocyte, candidate_id, "candidate")
    image: Slide | Field
    if candidate.field_id is None:
        image = session.get_one(Slide, candidate.slide_id)
    else:
        image = session.get_one(Field, candidate.field_id)
    readings.refuse_blind_of(session, actor, image.patient_id)
    return image, candidate


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
        The specimen is blood, or the latest analysis has not found the candidate in its field.
    """
    image, candidate = image_of(session, actor, candidate_id)
    patient_id = image.patient_id
    # Analyses before the patient, as answers and signatures take them: the other order would be a deadlock.
    # Between them the candidates, which a reading that carries answers over holds before the patient, too.
    unsigned = select(Analysis).where(
        Analysis.patient_id == patient_id, Analysis.status == DONE, Analysis.locked.is_(False)
    )
    held = session.scalars(unsigned.order_by(Analysis.id).with_for_update()).all()
    of_cell = _held_of_cell(session, candidate)
    patient = patients.get(session, patient_id, is_held=True)
    _refuse(session, patient, candidate)
    before = candidate.confirmed
    if before is is_confirmed:
        return patient_id
    is_taken_back, at = is_confirmed is None, now()
    for row in of_cell:
        row.confirmed = is_confirmed
        row.answered_by = None if is_taken_back else actor.name
        row.answered_at = None if is_taken_back else at
    for analysis in held:
        answers.renew(analysis)
    patient.changed_at = now()
    place = {} if candidate.field_id is None else {"field": candidate.field_id}
    audit.record(
        session, actor, "megakaryocyte.answer", "megakaryocyte", candidate.id, patient_id=patient_id,
        before={"confirmed": before}, after={"confirmed": is_confirmed, **place},
    )  # fmt: skip
    return patient_id


def _held_of_cell(session: Session, candidate: Megakaryocyte) -> list[Megakaryocyte]:
    """Return a candidate with all that show its cell; others who answer wait until this transaction ends."""
    if candidate.field_id is None:
        session.refresh(candidate, with_for_update=True)
        return [candidate]
    return showing_same_cell(candidate, held_in(session, candidate.field_id))


def _refuse(session: Session, patient: Patient, candidate: Megakaryocyte) -> None:
    latest = patients.latest_analysis(session, patient)
    if latest is not None:
        answers.refuse_locked(latest)
    if patients.details_of(patient).specimen is Specimen.BLOOD:
        raise ConflictError("the specimen is blood, in which megakaryocytes are not looked for")
    if candidate.field_id is None:
        return
    listed = session.scalar(
        select(AnalysisField.megakaryocytes)
        .join(Patient, Patient.analysis_id == AnalysisField.analysis_id)
        .where(Patient.id == patient.id, AnalysisField.field_id == candidate.field_id)
    )
    if candidate.place not in (listed or ()):
        raise ConflictError("the latest analysis has not found this candidate")
