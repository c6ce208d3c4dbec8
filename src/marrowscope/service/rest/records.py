"""JSON of patients, fields, analyses and cells, and how each is made from the store."""

from collections.abc import Collection
from operator import attrgetter
from typing import Any, Literal

from pydantic import Field as Limits

from marrowscope.service.images.patients import FieldView
from marrowscope.service.rest.shapes import Instant, Shape
from marrowscope.service.review.cells import AnsweredCell
from marrowscope.service.store.analyses import Analysis
from marrowscope.service.store.patients import Patient

API = "/api/v1"
Status = Literal["queued", "running", "done", "failed", "cancelled"]
PatientStatus = Literal["empty", "ready", "queued", "running", "done", "failed", "cancelled", "signed"]


class AnalysisShape(Shape):
    """An analysis and how far it is; `version` is 0 until it is signed."""

    id: str
    patient_id: str
    status: Status
    priority: int
    bundle: str
    bundle_sha256: str
    rule: str
    mpp: float | None
    done: int
    total: int
    failed: int
    cells: int
    blasts: int
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    message: str
    revision: int
    version: int
    locked: bool


class ResultShape(Shape):
    """What the worklist shows of a count; percentages 0 to 100."""

    counted: int
    blasts: int
    blast_percent: float | None
    ci_low: float | None
    ci_high: float | None
    decision: str
    reviewed_cells: int


class SignedShape(Shape):
    """The latest signature."""

    version: int
    by: str
    at: str
    meaning: str


class PatientShape(Shape):
    """A patient as the worklist shows it."""

    id: str
    name: str
    created_at: Instant
    status: PatientStatus
    fields: int
    fields_failed: int
    analysis: AnalysisShape | None
    result: ResultShape | None
    signed: SignedShape | None
    thumbnail: str | None


class FieldShape(Shape):
    """An image and its reading by the latest analysis; sizes in pixels, `mpp` micrometres per pixel."""

    id: str
    patient_id: str
    name: str
    width: int
    height: int
    mpp: float | None
    scale_source: str
    status: Literal["stored", "read", "failed", "duplicate"]
    message: str
    flags: list[str]
    cells: int
    thumbnail: str | None
    dzi: str | None


class CellShape(Shape):
    """A cell: what the networks said, and what the reading asked for says; box in pixels of the field."""

    id: str
    analysis_id: str
    field_id: str
    number: int
    box: tuple[float, float, float, float]
    score: float = Limits(ge=0, le=1)
    probability: float
    p_blast: float
    flags: list[str]
    counted: bool
    origin: Literal["network", "person"]
    model_type: str | None
    reviewed_type: str | None
    type: str
    reviewed_by: str | None
    reviewed_at: Instant | None
    deleted: bool
    comments: int
    revision: int
    crop: str


_ANSWERED = (
    "counted", "reviewed_type", "type", "reviewed_by", "reviewed_at", "deleted", "comments", "revision"
)  # fmt: skip
_FOUND = tuple(name for name in CellShape.model_fields if name not in {*_ANSWERED, "crop"})
_CELL_MEMBERS = (*_FOUND, *_ANSWERED, "crop")
# Lists hold thousands of cells: one getter for all members is quicker than a getter for each.
_found, _said = attrgetter(*_FOUND), attrgetter(*_ANSWERED)


def analysis_shape(analysis: Analysis) -> AnalysisShape:
    """Show an analysis."""
    own = {name: getattr(analysis, name) for name in AnalysisShape.model_fields if name != "bundle"}
    return AnalysisShape(bundle=analysis.bundle_title, **own)


def patient_shape(
    patient: Patient, analysis: Analysis | None, blind: Collection[str] = frozenset()
) -> PatientShape:
    """Show a patient with its latest analysis; without its count where that is among the `blind` ones."""
    result = None if analysis is None or analysis.id in blind else analysis.result
    return PatientShape(
        id=patient.id,
        name=patient.name,
        created_at=patient.created_at,
        status=patient.status,  # type: ignore[arg-type]  # the store holds these words only
        fields=patient.fields_count,
        fields_failed=patient.fields_failed,
        analysis=None if analysis is None else analysis_shape(analysis),
        result=ResultShape(**result) if result else None,
        signed=_signed(analysis),
        thumbnail=None if patient.cover_id is None else f"{API}/fields/{patient.cover_id}/thumbnail.jpg",
    )


def field_shape(view: FieldView) -> FieldShape:
    """Show an image."""
    field, reading = view.field, view.reading
    is_image = field.width > 0
    base = f"{API}/fields/{field.id}"
    facts: dict[str, Any] = {"status": field.status, "message": field.message, "mpp": field.mpp}
    facts |= {"scale_source": "metadata" if field.mpp else "", "flags": [], "cells": 0}
    if reading is not None and reading.status in {"done", "failed", "duplicate"}:
        facts["status"] = "read" if reading.status == "done" else reading.status
        facts["message"] = reading.message
    if reading is not None and reading.status == "done":
        facts |= {name: getattr(reading, name) for name in ("mpp", "scale_source", "flags", "cells")}
    return FieldShape(
        id=field.id,
        patient_id=field.patient_id,
        name=field.name,
        width=field.width,
        height=field.height,
        thumbnail=f"{base}/thumbnail.jpg" if is_image else None,
        dzi=f"{base}/image.dzi" if is_image else None,
        **facts,
    )


def cell_shape(answered: AnsweredCell) -> CellShape:
    """Show a cell as a reading has it."""
    found, said = _found(answered.cell), _said(answered)
    crop = f"{API}/cells/{answered.cell.id}/crop.jpg"
    return CellShape(**dict(zip(_CELL_MEMBERS, (*found, *said, crop), strict=True)))


def _signed(analysis: Analysis | None) -> SignedShape | None:
    if analysis is None or not analysis.signed:
        return None
    return SignedShape(**{name: analysis.signed[name] for name in SignedShape.model_fields})
