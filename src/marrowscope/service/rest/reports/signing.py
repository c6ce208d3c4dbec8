"""Signatures, amendments, versions."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from marrowscope.service.accounts import authentication
from marrowscope.service.analyses import analyses, count
from marrowscope.service.exchange import outbox
from marrowscope.service.images import patients
from marrowscope.service.reports import signing, versions
from marrowscope.service.reports.pictures import ImageStore
from marrowscope.service.reports.signing import SignatureRequest
from marrowscope.service.reports.versions import PatientVersion
from marrowscope.service.rest.analyses.analyses import AnalysisShape, analysis_shape
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.exchange.outbox import DeliveryShape
from marrowscope.service.rest.shapes import Id, Instant, Line, Page, Password, Shape, Verdict
from marrowscope.service.review import readings
from marrowscope.service.store.reviews import Delivery

router = APIRouter(tags=["signature"])


class NewSignature(Shape):
    """What the signature means, the revision of the count that was seen, and the signer's password.

    The password is left out by accounts without one, after a new single sign-on. `waived` says for every
    point that is open (`GET /analyses/{id}/checklist`) why it may stay so.
    """

    meaning: Line
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]
    password: Password | None = None
    waived: Annotated[dict[str, Line], Field(default_factory=dict)]


class OpenPointShape(Shape):
    """Something that is open in a count, in words, with the number in the sentence."""

    id: str
    text: str
    count: int


class NewAmendment(Shape):
    """Why a signed report is amended."""

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


class PatientVersionShape(VersionShape):
    """A signed report among all of its patient's, with the analysis it is of.

    `amended` is why it was opened again; `superseded` tells whether a later one is signed. `delivery` says
    whether it was sent to the hospital's system, null where none is set.
    """

    analysis_id: str
    analysed_at: Instant | None
    bundle: str
    bundle_sha256: str
    amended: str | None
    superseded: bool
    delivery: DeliveryShape | None


@router.get("/analyses/{analysis_id}/checklist")
def list_open_points(session: Transaction, user: Viewer, analysis_id: Id) -> Page[OpenPointShape]:
    """List what is open in the current count; who signs it answers this, or says why it may stay open."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    reading = count.counted(session, analysis)
    points = signing.points_of(session, analysis, reading)
    return Page(items=[OpenPointShape.model_validate(point) for point in points])


@router.post("/analyses/{analysis_id}/signature", status_code=201)
def sign(
    session: Transaction, user: Reviewer, service: TheService, analysis_id: Id, body: NewSignature
) -> VersionShape:
    """Sign the current count, which is locked from then on; the signer's password is asked for again."""
    service.logins.take(f"user {user.id}")
    authentication.confirm(service.database, session, service.settings, user, body.password)
    images = ImageStore(service.blobs, service.pictures)
    request = SignatureRequest(body.meaning, body.revision, body.waived)
    version = signing.sign(session, user, images, analysis_id, request, laboratory=service.laboratory)
    outbox.put(session, version, service.settings.outbox)
    return VersionShape.model_validate(version)


@router.post("/analyses/{analysis_id}/amendments", status_code=201)
def amend(session: Transaction, user: Reviewer, analysis_id: Id, body: NewAmendment) -> AnalysisShape:
    """Reopen a signed analysis; the next signature makes the next version."""
    return analysis_shape(signing.amend(session, user, analysis_id, body.reason))


@router.get("/analyses/{analysis_id}/versions")
def list_versions(session: Transaction, user: Viewer, analysis_id: Id) -> Page[VersionShape]:
    """List the signed versions, the first one first."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    return Page(items=[VersionShape.model_validate(each) for each in versions.of_analysis(session, analysis)])


@router.get("/patients/{patient_id}/versions")
def list_versions_of_patient(session: Transaction, user: Viewer, patient_id: Id) -> Page[PatientVersionShape]:
    """List the signed versions of all analyses of a patient, the latest first."""
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, user, patient_id)
    found = versions.of_patient(session, patient)
    deliveries = outbox.of_versions(session, [each.version.id for each in found])
    return Page(items=[_of_patient(each, deliveries.get(each.version.id)) for each in found])


def _of_patient(found: PatientVersion, delivery: Delivery | None) -> PatientVersionShape:
    return PatientVersionShape(
        **VersionShape.model_validate(found.version).model_dump(),
        analysis_id=found.analysis.id,
        analysed_at=found.analysis.finished_at,
        bundle=found.analysis.bundle_title,
        bundle_sha256=found.analysis.bundle_sha256,
        amended=found.amended,
        superseded=found.superseded,
        delivery=None if delivery is None else DeliveryShape.model_validate(delivery),
    )
