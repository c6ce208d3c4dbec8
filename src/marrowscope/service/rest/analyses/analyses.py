"""Analyses: requesting, showing, cancelling, retrying."""

from collections.abc import Container
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from marrowscope.service.analyses import analyses
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import API, Cursor, Id, Instant, Limit, Line, Mpp, Page, Shape
from marrowscope.service.review import readings
from marrowscope.service.store.tables.analyses import Analysis

router = APIRouter(tags=["analyses"])
Status = Literal["queued", "running", "live", "done", "failed", "cancelled"]


class NewAnalysis(Shape):
    """Options of an analysis; all have defaults."""

    bundle: Line | None = None
    mpp: Mpp | None = None
    """Micrometres per pixel of all images; from the files or measured when absent."""
    rule: Line | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    """Higher ones go first."""
    read_again: bool = False
    """Read fields again that were read with the same networks and settings, instead of taking them over."""


class AnalysisShape(Shape):
    """An analysis and its progress; `version` is 0 until it is signed.

    `blasts` are those of the networks, null for whoever is being tested on these cells.
    """

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
    blasts: int | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    message: str
    revision: int
    version: int
    locked: bool


def analysis_shape(analysis: Analysis, learns_from: Container[str] = ()) -> AnalysisShape:
    """Show an analysis; without the networks' blasts if its patient is among those somebody learns from."""
    own = {name: getattr(analysis, name) for name in AnalysisShape.model_fields if name != "bundle"}
    if analysis.patient_id in learns_from:
        own["blasts"] = None
    return AnalysisShape(bundle=analysis.bundle_title, **own)


@router.post("/patients/{patient_id}/analyses", status_code=202)
def ask(
    session: Transaction,
    user: Reviewer,
    service: TheService,
    response: Response,
    patient_id: Id,
    body: NewAnalysis | None = None,
) -> AnalysisShape:
    """Put a new analysis of a patient's images into the queue."""
    wanted = body or NewAnalysis()
    analysis = analyses.ask(
        session,
        user,
        service.settings,
        service.bundles,
        patient_id,
        bundle=wanted.bundle,
        mpp=wanted.mpp,
        rule=wanted.rule,
        priority=wanted.priority,
        read_again=wanted.read_again,
    )
    response.headers["Location"] = f"{API}/analyses/{analysis.id}"
    return analysis_shape(analysis, readings.learns_from(session, user))


@router.get("/analyses")
def list_analyses(
    session: Transaction, user: Viewer, status: Status | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[AnalysisShape]:
    """List analyses, the newest first."""
    found, more = analyses.page(session, status, limit, cursor)
    learns_from = readings.learns_from(session, user)
    return Page(items=[analysis_shape(each, learns_from) for each in found], next=more)


@router.get("/analyses/{analysis_id}")
def show_analysis(session: Transaction, user: Viewer, analysis_id: Id) -> AnalysisShape:
    """Show one analysis and its progress."""
    return analysis_shape(analyses.get(session, analysis_id), readings.learns_from(session, user))


@router.post("/analyses/{analysis_id}/cancel")
def cancel(session: Transaction, user: Reviewer, analysis_id: Id) -> AnalysisShape:
    """Cancel an analysis that has not ended."""
    return analysis_shape(analyses.cancel(session, user, analysis_id), readings.learns_from(session, user))


@router.post("/analyses/{analysis_id}/retry")
def retry(session: Transaction, user: Reviewer, analysis_id: Id) -> AnalysisShape:
    """Resume an analysis that was cancelled or some of whose images failed."""
    return analysis_shape(analyses.retry(session, user, analysis_id), readings.learns_from(session, user))
