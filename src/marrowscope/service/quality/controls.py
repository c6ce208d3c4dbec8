"""Control slides: adding them, and saying of which one a patient is an occasion."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import ConflictError, ForbiddenError
from marrowscope.service.images import patients
from marrowscope.service.review import readings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.analyses import DONE, Analysis
from marrowscope.service.store.tables.controls import Control
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail import audit


def listed(session: Session) -> Sequence[Control]:
    """Return all control slides by name."""
    return session.scalars(select(Control).order_by(Control.name)).all()


def get(session: Session, control_id: str) -> Control:
    """Return a control slide.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Control, control_id, "control slide")


def add(session: Session, actor: Actor, name: str, first: int, target_id: str | None) -> Control:
    """Add a control slide.

    Parameters
    ----------
    first : number of occasions that set its limits
    target_id : signed analysis whose answers are the expected ones, None for the first occasions' own

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ConflictError
        The name is taken, or the analysis is not signed.
    """
    if session.scalar(select(Control.id).where(Control.name == name)) is not None:
        raise ConflictError("there is a control slide of this name")
    if target_id is not None and not analyses.get(session, target_id).locked:
        raise ConflictError("only a signed analysis can say what to expect of a control slide")
    control = Control(name=name, first=first, target_id=target_id)
    session.add(control)
    session.flush()
    after = {"first": first, "target": target_id}
    audit.record(session, actor, "control.add", "control", control.id, after=after)
    return control


def remove(session: Session, actor: Actor, control_id: str) -> None:
    """Remove a control slide; its occasions are patients like others again.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        The actor reads something of it blind, and would no longer be kept from the rest.
    """
    control = get(session, control_id)
    if is_hidden(session, actor, control):
        raise ForbiddenError(readings.BLIND)
    for patient in session.scalars(select(Patient).where(Patient.control_id == control.id)):
        patient.control_id = None
    session.flush()
    session.delete(control)
    audit.record(session, actor, "control.remove", "control", control_id)


def mark(session: Session, actor: Actor, patient_id: str, control_id: str | None) -> Patient:
    """Say that a patient is an occasion of a control slide, or of none.

    Raises
    ------
    NotFoundError
        There is no such patient or control slide.
    ForbiddenError
        The actor reads the patient or its control slide blind, and would no longer be kept from the rest.
    """
    patient = patients.get(session, patient_id, is_held=True)
    readings.refuse_blind_of(session, actor, patient.id)
    if control_id is not None:
        get(session, control_id)
    before = patient.control_id
    if before != control_id:
        patient.control_id = control_id
        patients.refresh(session, patient)
        audit.record(
            session, actor, "control.mark", "patient", patient.id, patient_id=patient.id,
            before={"control": before}, after={"control": control_id},
        )  # fmt: skip
    return patient


def readings_of(session: Session, control: Control) -> Sequence[Analysis]:
    """Return a control slide's occasions, in order of time: of a patient and bundle the latest analysis.

    It stands where the first one does: a field added later does not move an occasion that set limits.
    """
    done = session.scalars(
        select(Analysis)
        .join(Patient, Patient.id == Analysis.patient_id)
        .where(Patient.control_id == control.id, Analysis.status == DONE)
        .options(contains_eager(Analysis.patient))
        .order_by(Analysis.finished_at, Analysis.id)
    )
    return list({(each.patient_id, each.bundle_sha256): each for each in done}.values())


def target_of(session: Session, control: Control) -> Analysis | None:
    """Return the analysis whose last signed version says what to expect, None where there is none."""
    return None if control.target_id is None else session.get(Analysis, control.target_id)


def is_hidden(session: Session, actor: Actor, control: Control) -> bool:
    """Return whether an actor reads something of a control slide blind, so that its figures would tell."""
    return control.id in hidden_from(session, actor)


def hidden_from(session: Session, actor: Actor) -> set[str]:
    """Return the control slides of which an actor reads something blind: an occasion, or the target."""
    blind = readings.blind_to(session, actor)
    if not blind:
        return set()
    occasions = select(Patient.control_id).where(Patient.id.in_(blind), Patient.control_id.is_not(None))
    targets = select(Control.id).join(Analysis, Analysis.id == Control.target_id)
    found = session.scalars(occasions.union(targets.where(Analysis.patient_id.in_(blind))))
    return {control for control in found if control is not None}
