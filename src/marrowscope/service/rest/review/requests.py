"""Requests to colleagues, and who may be asked."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.review.readings import EmptyBody
from marrowscope.service.rest.shapes import BodyId, Cursor, Id, Instant, Limit, Page, Paragraph, Shape
from marrowscope.service.review.notes import requests
from marrowscope.service.review.notes.requests import Box, NewRequest, PlacedRequest

router = APIRouter(tags=["requests"])
Username = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ColleagueShape(Shape):
    """Somebody who may be asked."""

    username: str
    name: str


class Question(Shape):
    """What is asked of whom (`asked` is a user name): about a cell, a field, or neither: the whole case."""

    asked: Username
    text: Paragraph
    field_id: BodyId | None = None
    cell_id: BodyId | None = None


class Reply(Shape):
    """The answer to a request."""

    text: Paragraph


class RequestShape(Shape):
    """A request to a colleague and its answer.

    `cell_id` is null where the request is about no cell, or about one that the latest analysis has not found
    again; `number` is the cell's in either case. `username` asks, `asked` is asked.
    """

    id: str
    patient_id: str
    patient: str
    field_id: str | None
    field: str | None
    cell_id: str | None
    number: int | None
    username: str
    author: str
    asked: str
    asked_name: str
    text: str
    at: Instant
    state: Literal["open", "answered", "closed"]
    answer: str | None
    answered_at: Instant | None
    closed_by: str | None
    closed_at: Instant | None


class WaitingShape(Shape):
    """What waits for you: requests to answer, and answers to your own requests."""

    asked: int
    answered: int


_OWN = tuple(
    name for name in RequestShape.model_fields if name not in {"patient", "field", "cell_id", "number"}
)


@router.get("/colleagues")
def list_colleagues(session: Transaction, user: Viewer) -> Page[ColleagueShape]:
    """List who else may review, and so may be asked."""
    return Page(items=[ColleagueShape.model_validate(each) for each in requests.colleagues(session, user)])


@router.get("/requests")
def list_requests(
    session: Transaction,
    user: Viewer,
    box: Annotated[Box, Query()] = "asked",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RequestShape]:
    """List requests to you (`asked`) or of yours (`asking`), open ones first, then the newest."""
    found, more = requests.page(session, user, box, limit, cursor)
    return Page(items=[_shape(each) for each in found], next=more)


@router.get("/requests/waiting")
def count_waiting(session: Transaction, user: Viewer) -> WaitingShape:
    """Count the requests that wait for your answer, and your own that are answered."""
    return WaitingShape.model_validate(requests.waiting(session, user))


@router.get("/patients/{patient_id}/requests")
def list_of_patient(session: Transaction, user: Viewer, patient_id: Id) -> Page[RequestShape]:
    """List the requests about a patient, the newest first."""
    return Page(items=[_shape(each) for each in requests.of_patient(session, user, patient_id)])


@router.post("/patients/{patient_id}/requests", status_code=201)
def ask(session: Transaction, user: Reviewer, patient_id: Id, body: Question) -> RequestShape:
    """Ask a colleague about a cell, a field, or the whole case."""
    new = NewRequest(body.asked, body.text, body.field_id, body.cell_id)
    return _shape(requests.ask(session, user, patient_id, new))


@router.post("/requests/{request_id}/answer")
def answer(session: Transaction, user: Reviewer, request_id: Id, body: Reply) -> RequestShape:
    """Answer a request to you."""
    return _shape(requests.answer(session, user, request_id, body.text))


@router.post("/requests/{request_id}/close")
def close(session: Transaction, user: Reviewer, request_id: Id, _: EmptyBody | None = None) -> RequestShape:
    """Close a request to you or of yours, answered or not."""
    return _shape(requests.close(session, user, request_id))


def _shape(found: PlacedRequest) -> RequestShape:
    own = {name: getattr(found.request, name) for name in _OWN}
    cell_id = found.request.cell_id if found.is_there else None
    return RequestShape(**own, patient=found.patient, field=found.field, cell_id=cell_id, number=found.number)
