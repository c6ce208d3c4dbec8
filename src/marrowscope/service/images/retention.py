"""Removal of patients on request, and of images alone when the retention time is over.

The audit trail keeps what was done, under identifiers that name nobody.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import expiring_digests, referenced_digests
from marrowscope.service.store.tables.analyses import UNDER_WAY, Analysis
from marrowscope.service.store.tables.controls import Control
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import Version
from marrowscope.service.trail import audit


def remove_patient(session: Session, actor: Actor, patient_id: str, reason: str) -> list[str]:
    """Delete a patient with images, analyses, reviews and signed reports.

    A control slide of which it said what to expect has no such case any more.

    Returns
    -------
    Digests of bytes to forget (`patients.forget`) once the deletion is committed

    Raises
    ------
    NotFoundError
        There is no such patient.
    ConflictError
        An analysis is under way.
    """
    patient = patients.get(session, patient_id)
    if patient.status in UNDER_WAY:
        raise ConflictError("an analysis of this patient is under way; cancel it first")
    digests = sorted(referenced_digests(session, patient_id))
    signed = session.execute(
        select(Version.version, Version.sha256)
        .join(Analysis, Analysis.id == Version.analysis_id)
        .where(Analysis.patient_id == patient_id)
        .order_by(Version.signed_at)
    ).all()
    before = {
        "status": patient.status,
        "images": patient.fields_count,
        "signed": [{"version": version, "sha256": sha256} for version, sha256 in signed],
    }
    _forget_target(session, actor, patient_id)
    # Analyses first: their rows refer to the images. The database removes everything below them.
    session.execute(delete(Analysis).where(Analysis.patient_id == patient_id))
    session.execute(delete(Patient).where(Patient.id == patient_id))
    session.expunge(patient)
    audit.record(
        session, actor, "patient.delete", "patient", patient_id, patient_id=patient_id,
        before=before, after={"reason": reason},
    )  # fmt: skip
    return digests


def _forget_target(session: Session, actor: Actor, patient_id: str) -> None:
    """Tell control slides that the patient's signed case is no longer there to say what to expect."""
    of_patient = select(Analysis.id).where(Analysis.patient_id == patient_id)
    for control in session.scalars(select(Control).where(Control.target_id.in_(of_patient))):
        before = {"target": control.target_id}
        control.target_id, control.target_gone_at = None, now()
        audit.record(
            session, actor, "control.target_gone", "control", control.id,
            before=before, after={"target": None},
        )  # fmt: skip


def sweep(database: Database, blobs: Blobs, days: float, stops: Callable[[], bool] = lambda: False) -> int:
    """Remove the images of patients unchanged for `days`; counts and signed reports stay.

    An image that another patient has too stays.

    Parameters
    ----------
    stops : whether to leave the other patients to the next sweep

    Returns
    -------
    How many patients lost images
    """
    before = now() - timedelta(days=days)
    with database.reading() as session:
        old = session.scalars(_unchanged(before)).all()
    return sum(not stops() and _expire(database, blobs, patient_id, before) for patient_id in old)


def _unchanged(before: datetime) -> "Select[str]":
    """Select the patients whose images are past their time."""
    return select(Patient.id).where(Patient.changed_at < before, Patient.status.not_in(UNDER_WAY))


def _expire(database: Database, blobs: Blobs, patient_id: str, before: datetime) -> bool:
    """Remove the images of one patient and tell whether there were any left."""
    with database.writing() as session:
        # Others came before: in the meantime images may have been added, or an analysis asked for.
        if session.scalar(_unchanged(before).where(Patient.id == patient_id).with_for_update()) is None:
            return False
        expiring = expiring_digests(session, patient_id)
        kept = sorted(digest for digest in expiring if blobs.path(digest).is_file())
        if not kept:
            return False
        session.execute(update(Field).where(Field.patient_id == patient_id).values(expired_at=now()))
        audit.record(
            session, SYSTEM, "patient.expire", "patient", patient_id, patient_id=patient_id,
            after={"images": len(kept)},
        )  # fmt: skip
    for digest in kept:
        blobs.remove(digest)
    return True
