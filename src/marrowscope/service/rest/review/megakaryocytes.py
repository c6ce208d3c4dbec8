"""Megakaryocytes: candidates of a patient, their pictures, and what reviewers say of them."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from marrowscope.exports.figures import confirmed_per_mm2
from marrowscope.service.actors import Actor
from marrowscope.service.analyses.megakaryocytes import boxes_on
from marrowscope.service.images.slides import megakaryocytes_name
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.images.pictures import PICTURE, is_known, jpeg, tag, unchanged
from marrowscope.service.rest.shapes import API, Id, Instant, Shape
from marrowscope.service.review import megakaryocytes
from marrowscope.service.store.tables.patients import Megakaryocyte

router = APIRouter(tags=["slides"])


class MegakaryocyteShape(Shape):
    """A candidate; its box in full-resolution pixels, areas in µm², score from 0 to 1.

    It lies on a slide or in a field, of which `slide` and `field` are the names; the other two are null.
    `confirmed` is null until a reviewer answers, `answered_by` their name.
    """

    id: str
    slide_id: str | None
    slide: str | None
    field_id: str | None
    field: str | None
    x0: int
    y0: int
    x1: int
    y1: int
    area_um2: float
    nucleus_um2: float
    score: float
    confirmed: bool | None
    answered_by: str | None
    answered_at: Instant | None
    picture: str


class MegakaryocytesShape(Shape):
    """The megakaryocytes of a patient, which are in no differential.

    `examined_mm2` is the area in which one would have been seen, null where none were looked for.
    `per_mm2`, with its exact 95 % Poisson interval from `low` to `high`, is of the confirmed ones, null
    before the first answer. `locked`: the report is signed, so that no answer can be changed.
    """

    examined_mm2: float | None
    confirmed: int
    rejected: int
    unanswered: int
    per_mm2: float | None
    low: float | None
    high: float | None
    locked: bool
    items: list[MegakaryocyteShape]


class MegakaryocyteAnswer(Shape):
    """Whether a candidate is a megakaryocyte; null takes an answer back."""

    confirmed: bool | None


@router.get("/patients/{patient_id}/megakaryocytes")
def list_megakaryocytes(session: Transaction, user: Viewer, patient_id: Id) -> MegakaryocytesShape:
    """List a patient's candidates for megakaryocytes: in fields, then on slides, the likeliest of each first.

    Of fields, those that the latest analysis has read so far have candidates.
    """
    return _shape(session, user, patient_id)


@router.put("/megakaryocytes/{candidate_id}/answer")
def answer_megakaryocyte(
    session: Transaction, user: Reviewer, candidate_id: Id, body: MegakaryocyteAnswer
) -> MegakaryocytesShape:
    """Confirm or reject a candidate, or take the answer back; the patient's list as it is then follows."""
    patient_id = megakaryocytes.answer(session, user, candidate_id, is_confirmed=body.confirmed)
    return _shape(session, user, patient_id)


@router.get("/megakaryocytes/{candidate_id}/picture.jpg", response_class=Response, responses=PICTURE)
def megakaryocyte_picture(
    request: Request, session: Transaction, user: Viewer, service: TheService, candidate_id: Id
) -> Response:
    """Show a candidate."""
    image, candidate = megakaryocytes.image_of(session, user, candidate_id)
    boxes, digest = boxes_on(session, image), image.sha256 or ""
    etag = tag(digest[:32], megakaryocytes_name(boxes), candidate.place)
    if is_known(request, etag):
        return unchanged(etag)
    is_on_slide = candidate.slide_id is not None
    return jpeg(service.pictures.megakaryocyte(digest, boxes, candidate.place, is_on_slide=is_on_slide), etag)


def _shape(session: Session, user: Actor, patient_id: str) -> MegakaryocytesShape:
    found = megakaryocytes.found(session, user, patient_id)
    count = found.count
    per_mm2 = None if count is None else confirmed_per_mm2(count)
    rate, low, high = (None, None, None) if per_mm2 is None else (round(value, 4) for value in per_mm2)
    return MegakaryocytesShape(
        examined_mm2=None if count is None else round(count.examined_mm2, 4),
        confirmed=0 if count is None else count.confirmed,
        rejected=0 if count is None else count.rejected,
        unanswered=0 if count is None else count.unanswered,
        per_mm2=rate,
        low=low,
        high=high,
        locked=found.is_locked,
        items=[_candidate(image.name, row) for image, row in found.rows],
    )


def _candidate(image: str, row: Megakaryocyte) -> MegakaryocyteShape:
    return MegakaryocyteShape(
        id=row.id,
        slide_id=row.slide_id,
        slide=None if row.slide_id is None else image,
        field_id=row.field_id,
        field=None if row.field_id is None else image,
        x0=row.x0,
        y0=row.y0,
        x1=row.x1,
        y1=row.y1,
        area_um2=row.area_um2,
        nucleus_um2=row.nucleus_um2,
        score=row.score,
        confirmed=row.confirmed,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        picture=f"{API}/megakaryocytes/{row.id}/picture.jpg",
    )
