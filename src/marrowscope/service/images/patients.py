"""Patients: adding and finding them, their images, and what the worklist shows of both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marrowscope.codec import from_json
from marrowscope.domain.case.details import CaseDetails
from marrowscope.imaging.names import natural_key
from marrowscope.service.actors import Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.copies import settle_copies
from marrowscope.service.store.base import row_of
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import is_referenced
from marrowscope.service.store.tables.analyses import UNDER_WAY, Analysis, AnalysisField
from marrowscope.service.store.tables.patients import (
    FIELD_FAILED,
    FIELD_REPLACED,
    FIELD_STORED,
    Field,
    Patient,
    Slide,
)
from marrowscope.service.trail import audit

SIGNED = "signed"


@dataclass(frozen=True)
class FieldView:
    """An image and its reading by the patient's latest analysis, None before."""

    field: Field
    reading: AnalysisField | None


def add(session: Session, actor: Actor, name: str) -> Patient:
    """Add a patient without images."""
    patient = Patient(name=name)
    session.add(patient)
    session.flush()
    audit.record(session, actor, "patient.add", "patient", patient.id, patient_id=patient.id)
    return patient


def get(session: Session, patient_id: str, *, is_held: bool = False) -> Patient:
    """Return a patient.

    Parameters
    ----------
    is_held : whether other transactions that ask the same wait until this one ends

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Patient, patient_id, "patient", is_held=is_held)


def details_of(patient: Patient) -> CaseDetails:
    """Return what is stated about a patient's case."""
    return from_json(patient.details, CaseDetails)


def latest_analysis(session: Session, patient: Patient) -> Analysis | None:
    """Return the patient's latest analysis, None before the first."""
    return None if patient.analysis_id is None else session.get(Analysis, patient.analysis_id)


def refresh(session: Session, patient: Patient) -> None:
    """Update what the worklist shows after images or the latest analysis changed."""
    session.flush()
    fields = current_fields(session, patient.id)
    analysis = latest_analysis(session, patient)
    patient.fields_count = len(fields)
    good = [field for field in fields if field.status == FIELD_STORED]
    patient.cover_id = good[0].id if good else None
    if analysis is None:
        patient.fields_failed = sum(field.status == FIELD_FAILED for field in fields)
        patient.status = "ready" if good else "empty"
    else:
        patient.fields_failed = analysis.failed
        patient.status = SIGNED if analysis.locked and analysis.version else analysis.status
    patient.changed_at = now()


def fields_of(session: Session, patient_id: str) -> list[Field]:
    """Return a patient's images in natural order of their names."""
    found = session.scalars(select(Field).where(Field.patient_id == patient_id)).all()
    return in_natural_order(found)


def current_fields(session: Session, patient_id: str) -> list[Field]:
    """Return a patient's images without those that were replaced: what a new analysis is of."""
    return [field for field in fields_of(session, patient_id) if field.status != FIELD_REPLACED]


def in_natural_order(fields: Sequence[Field]) -> list[Field]:
    """Sort images by name as the command line sorts files."""
    return sorted(fields, key=lambda field: [natural_key(part) for part in field.name.split("/")])


def field_views(session: Session, patient: Patient) -> list[FieldView]:
    """Return a patient's images with their readings by the latest analysis."""
    readings: dict[str, AnalysisField] = {}
    if patient.analysis_id is not None:
        found = session.scalars(select(AnalysisField).where(AnalysisField.analysis_id == patient.analysis_id))
        readings = {reading.field_id: reading for reading in found}
    return [FieldView(field, readings.get(field.id)) for field in fields_of(session, patient.id)]


def get_field(session: Session, field_id: str) -> Field:
    """Return an image.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Field, field_id, "image")


def field_view(session: Session, field_id: str) -> FieldView:
    """Return an image with its reading by the patient's latest analysis.

    Raises
    ------
    NotFoundError
        There is none.
    """
    field = get_field(session, field_id)
    reading = session.scalar(
        select(AnalysisField)
        .join(Patient, Patient.analysis_id == AnalysisField.analysis_id)
        .where(AnalysisField.field_id == field_id, Patient.id == field.patient_id)
    )
    return FieldView(field, reading)


def remove_field(session: Session, actor: Actor, blobs: Blobs, field_id: str) -> list[str]:
    """Remove an image; return digests of bytes that may be unreferenced now (see `forget`).

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        An analysis has read it or is about to.
    """
    field = get_field(session, field_id)
    patient = get(session, field.patient_id, is_held=True)
    read = session.scalar(select(AnalysisField.id).where(AnalysisField.field_id == field_id).limit(1))
    if read is not None:
        raise ConflictError("an analysis has read this image; it stays with its patient")
    digest = field.sha256
    session.delete(field)
    slides = drop_empty_slides(session, patient.id)
    settle_copies(session, blobs, patient.id)
    refresh(session, patient)
    audit.record(
        session, actor, "field.remove", "field", field_id, patient_id=patient.id, before={"sha256": digest}
    )
    return [*([] if digest is None else [digest]), *slides]


def slides_of(session: Session, patient_id: str) -> list[tuple[Slide, int]]:
    """Return a patient's slides in the order they were added, each with the number of its tiles."""
    tiles = func.count(Field.id).filter(Field.status != FIELD_REPLACED)
    found = session.execute(
        select(Slide, tiles)
        .join(Field, Field.slide_id == Slide.id)
        .where(Slide.patient_id == patient_id)
        .group_by(Slide.id)
        .order_by(Slide.created_at, Slide.id)
    )
    return [(slide, number) for slide, number in found]


def get_slide(session: Session, slide_id: str) -> Slide:
    """Return a slide.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Slide, slide_id, "slide")


def drop_empty_slides(session: Session, patient_id: str) -> list[str]:
    """Remove a patient's slides of which no tile is left; return digests to `forget`."""
    session.flush()
    held = select(Field.slide_id).where(Field.slide_id.is_not(None), Field.patient_id == patient_id)
    empty = session.scalars(select(Slide).where(Slide.patient_id == patient_id, Slide.id.not_in(held))).all()
    for slide in empty:
        session.delete(slide)
    return [slide.sha256 for slide in empty]


def forget(database: Database, blobs: Blobs, digests: Iterable[str]) -> None:
    """Remove unreferenced bytes from the disk; to be called after the deletion is committed."""
    with database.reading() as session:
        orphans = [digest for digest in digests if not is_referenced(session, digest)]
    for digest in orphans:
        blobs.remove(digest)


def waiting_analyses(session: Session) -> int:
    """Return how many analyses are queued or running."""
    return (
        session.scalar(select(func.count()).select_from(Analysis).where(Analysis.status.in_(UNDER_WAY))) or 0
    )
