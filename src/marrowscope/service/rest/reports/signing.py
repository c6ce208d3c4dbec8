"""Signatures, amendments, versions."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from marrowscope.service.analyses import analyses
from marrowscope.service.reports import signing
from marrowscope.service.reports.reports import Shelf
from marrowscope.service.reports.signing import Intent
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.records import AnalysisShape, analysis_shape
from marrowscope.service.rest.shapes import Id, Instant, Line, Page, Shape, Verdict
from marrowscope.service.review import readings

router = APIRouter(prefix="/analyses/{analysis_id}", tags=["signature"])


class NewSignature(Shape):
    """What the signature means, and the revision of the count that was seen."""

    meaning: Line
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]


class NewAmendment(Shape):
    """Why a signed report is opened again."""

    reason: Line


class VersionShape(Shape):
    """A signed report; `sha256` is the digest of its data, `reason` why the one before was amended."""

    version: int
    signed_by: str
    signed_at: Instant
    meaning: str
    reason: str | None
    decision: Verdict
    blast_percent: float | None
    sha256: str


@router.post("/signature", status_code=201)
def sign(
    session: Transaction, user: Reviewer, service: TheService, analysis_id: Id, body: NewSignature
) -> VersionShape:
    """Sign the count as it stands; it is locked from then on."""
    shelf = Shelf(service.blobs, service.pictures)
    version = signing.sign(session, user, shelf, analysis_id, Intent(body.meaning, body.revision))
    return VersionShape.model_validate(version)


@router.post("/amendments", status_code=201)
def amend(session: Transaction, user: Reviewer, analysis_id: Id, body: NewAmendment) -> AnalysisShape:
    """Open a signed analysis again; the next signature is the next version."""
    return analysis_shape(signing.amend(session, user, analysis_id, body.reason))


@router.get("/versions")
def list_versions(session: Transaction, user: Viewer, analysis_id: Id) -> Page[VersionShape]:
    """List the signed versions, the first one first."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    return Page(items=[VersionShape.model_validate(each) for each in signing.versions(session, analysis)])
