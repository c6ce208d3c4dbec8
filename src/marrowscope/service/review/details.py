"""What is stated about a patient's case: specimen, request, morphology, conclusion.

It belongs to the patient, so that it stays when the images are analysed again. The count depends on the
specimen, and the report on all of it: a change is therefore a change of every count that is not signed.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.codec import to_json
from marrowscope.domain.case.details import DETAILS, CaseDetails, check
from marrowscope.errors import InputError
from marrowscope.service.actors import Actor
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import patients
from marrowscope.service.review import answers, readings
from marrowscope.service.store.tables.analyses import DONE, Analysis
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail import audit


def shown(session: Session, actor: Actor, patient_id: str) -> Patient:
    """Return a patient whose details an actor may see.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor's own second reading is open, and comment and conclusion would tell of the first.
    """
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, actor, patient_id)
    return patient


def state(session: Session, actor: Actor, patient_id: str, details: CaseDetails, revision: int) -> Patient:
    """State the details of a case anew; `revision` is that of the details the actor saw.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor's own second reading is open.
    LockedError
        The latest analysis is signed.
    ConflictError
        Somebody else has changed the details since.
    InputError
        They cannot be so.
    """
    # Analyses before the patient, as answers and signatures take them: the other order would be a deadlock.
    unsigned = select(Analysis).where(
        Analysis.patient_id == patient_id, Analysis.status == DONE, Analysis.locked.is_(False)
    )
    held = session.scalars(unsigned.order_by(Analysis.id).with_for_update()).all()
    patient = patients.get(session, patient_id, is_held=True)
    readings.refuse_blind_of(session, actor, patient_id)
    latest = patients.latest_analysis(session, patient)
    if latest is not None:
        answers.refuse_locked(latest)
    if patient.details_revision != revision:
        raise ConflictError(
            "somebody else has changed these details since; look again", revision=patient.details_revision
        )
    try:
        check(details)
    except ValueError as error:
        raise InputError(str(error)) from error
    before = patients.details_of(patient)
    changed = [name for name in DETAILS if getattr(before, name) != getattr(details, name)]
    if not changed:
        return patient
    patient.details = to_json(details)
    patient.details_revision += 1
    session.flush()
    for analysis in held:
        answers.touch(session, analysis)
    # Texts may name persons: they are deleted with the patient, while the trail stays.
    audit.record(
        session, actor, "patient.describe", "patient", patient.id, patient_id=patient.id,
        before={"specimen": before.specimen.value},
        after={"specimen": details.specimen.value, "changed": changed, "revision": patient.details_revision},
    )  # fmt: skip
    return patient
