"""Patients: the worklist and its entries."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import fields
from marrowscope.service.images import patients, worklist
from marrowscope.service.images.worklist import Sought
from marrowscope.service.rest.analyses.analyses import AnalysisShape, analysis_shape
from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.shapes import (
    API,
    Cursor,
    Id,
    Instant,
    Limit,
    Line,
    Page,
    Shape,
    SpecimenName,
    Verdict,
)
from marrowscope.service.review import readings
from marrowscope.service.review.notes import requests, tags
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import Patient

router = APIRouter(prefix="/patients", tags=["patients"])
PatientStatus = Literal[
    "empty", "ready", "queued", "running", "live", "done", "failed", "cancelled", "signed"
]


class ResultShape(Shape):
    """What the worklist shows of a count; percentages 0 to 100, `adjusted_*` of the share that decides."""

    counted: int
    blasts: int
    blast_percent: float | None
    ci_low: float | None
    ci_high: float | None
    adjusted_percent: float | None = None
    adjusted_low: float | None = None
    adjusted_high: float | None = None
    decision: Verdict
    reviewed_cells: int


class SignedShape(Shape):
    """The latest signature of a patient, of whichever analysis.

    `state` is ``current`` while it holds, ``amended`` while its analysis is open again, and ``superseded``
    when a newer analysis is not signed yet. `added` images are not in the signed analysis.
    """

    analysis_id: str
    version: int
    by: str
    at: str
    meaning: str
    state: Literal["current", "amended", "superseded"]
    added: int


class PatientShape(Shape):
    """A patient as the worklist shows it, with its latest analysis.

    `added` images are not in that analysis. `asked` are the names of colleagues who were asked about the
    patient and have not answered. To who is reading the patient blind, neither they nor tags are told.
    """

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
    specimen: SpecimenName
    added: int
    tags: list[str]
    asked: list[str]


class NewPatient(Shape):
    """A patient to add; the name may be a number, a person's name is never needed."""

    name: Line


@router.get("")
def list_patients(
    session: Transaction,
    user: Viewer,
    search: Annotated[str | None, Query(max_length=200)] = None,
    status: PatientStatus | None = None,
    specimen: SpecimenName | None = None,
    tag: Annotated[str | None, Query(max_length=200)] = None,
    asked: Annotated[str | None, Query(max_length=200)] = None,
    decision: Verdict | None = None,
    controls: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PatientShape]:
    """List patients, the newest first; `asked` is the user name of who has a request to answer.

    Occasions of control slides are listed when asked for, or by name.
    """
    sought = Sought(
        search=search,
        status=status,
        specimen=specimen,
        tag=tags.normal(tag) if tag else None,
        asked=asked,
        decision=decision,
        with_controls=controls,
        hidden=readings.blind_to(session, user),
    )
    rows, more = worklist.page(session, sought, limit, cursor)
    return Page(items=_shapes(session, user, rows), next=more)


@router.post("", status_code=201)
def add_patient(session: Transaction, user: Reviewer, body: NewPatient) -> PatientShape:
    """Add a patient without images."""
    (shape,) = _shapes(session, user, [(patients.add(session, user, body.name), None)])
    return shape


@router.get("/{patient_id}")
def show_patient(session: Transaction, user: Viewer, patient_id: Id) -> PatientShape:
    """Show one patient."""
    patient = patients.get(session, patient_id)
    row = patient, patients.latest_analysis(session, patient)
    (shape,) = _shapes(session, user, [row])
    return shape


def _shapes(
    session: Session, user: Actor, rows: Collection[tuple[Patient, Analysis | None]]
) -> list[PatientShape]:
    """Show patients with their latest analyses; of those the user reads blind nothing that others said."""
    blind, learns_from = readings.blind_to(session, user), readings.learns_from(session, user)
    ids = [patient.id for patient, _ in rows]
    told = [each for each in ids if each not in blind]
    signed = worklist.signed_analyses(session, ids)
    for patient_id in blind:
        signed.pop(patient_id, None)  # what the signature means may tell what was found
    held = [*signed.values(), *(analysis for _, analysis in rows if analysis is not None)]
    added = fields.unread(session, {analysis.id for analysis in held})
    tagged, asked = tags.of(session, told), requests.open_names(session, told)
    return [
        PatientShape(
            id=patient.id,
            name=patient.name,
            created_at=patient.created_at,
            status=patient.status,  # type: ignore[arg-type]  # the store holds these values only
            fields=patient.fields_count,
            fields_failed=patient.fields_failed,
            analysis=None if analysis is None else analysis_shape(analysis, learns_from),
            result=_result(analysis) if patient.id not in blind else None,
            signed=_signed(patient, signed[patient.id], added) if patient.id in signed else None,
            thumbnail=None if patient.cover_id is None else f"{API}/fields/{patient.cover_id}/thumbnail.jpg",
            specimen=patients.details_of(patient).specimen.value,
            added=0 if analysis is None else added.get(analysis.id, 0),
            tags=tagged.get(patient.id, []),
            asked=list(dict.fromkeys(asked.get(patient.id, []))),
        )
        for patient, analysis in rows
    ]


def _result(analysis: Analysis | None) -> ResultShape | None:
    return None if analysis is None or not analysis.result else ResultShape(**analysis.result)


def _signed(patient: Patient, signed: Analysis, added: Mapping[str, int]) -> SignedShape:
    facts = signed.signed or {}
    if signed.id != patient.analysis_id:
        state: Literal["current", "amended", "superseded"] = "superseded"
    else:
        state = "current" if signed.locked else "amended"
    own = {name: facts[name] for name in ("version", "by", "at", "meaning")}
    return SignedShape(analysis_id=signed.id, state=state, added=added.get(signed.id, 0), **own)
