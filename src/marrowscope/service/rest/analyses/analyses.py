"""Analyses: asked for, watched, stopped, repeated."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from marrowscope.service.analyses import analyses
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.records import API, AnalysisShape, Status, analysis_shape
from marrowscope.service.rest.shapes import Cursor, Id, Limit, Line, Page, Shape

router = APIRouter(tags=["analyses"])


class NewAnalysis(Shape):
    """What to analyse with; everything has a default."""

    bundle: Line | None = None
    mpp: Annotated[float | None, Field(ge=0.005, le=5, allow_inf_nan=False)] = None
    """Micrometres per pixel of all images; from the files or measured when absent."""
    rule: Line | None = None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    """Higher ones go first."""


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
    wish = body or NewAnalysis()
    analysis = analyses.ask(
        session,
        user,
        service.settings,
        service.bundles,
        patient_id,
        bundle=wish.bundle,
        mpp=wish.mpp,
        rule=wish.rule,
        priority=wish.priority,
    )
    response.headers["Location"] = f"{API}/analyses/{analysis.id}"
    return analysis_shape(analysis)


@router.get("/analyses")
def list_analyses(
    session: Transaction, _: Viewer, status: Status | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[AnalysisShape]:
    """List analyses, the newest first."""
    found, more = analyses.page(session, status, limit, cursor)
    return Page(items=[analysis_shape(each) for each in found], next=more)


@router.get("/analyses/{analysis_id}")
def show_analysis(session: Transaction, _: Viewer, analysis_id: Id) -> AnalysisShape:
    """Show one analysis and how far it is."""
    return analysis_shape(analyses.get(session, analysis_id))


@router.post("/analyses/{analysis_id}/cancel")
def cancel(session: Transaction, user: Reviewer, analysis_id: Id) -> AnalysisShape:
    """Stop an analysis that has not ended."""
    return analysis_shape(analyses.cancel(session, user, analysis_id))


@router.post("/analyses/{analysis_id}/retry")
def retry(session: Transaction, user: Reviewer, analysis_id: Id) -> AnalysisShape:
    """Go on with an analysis that was cancelled, or some of whose images failed."""
    return analysis_shape(analyses.retry(session, user, analysis_id))
