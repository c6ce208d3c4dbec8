"""Requests to colleagues: a second opinion about a cell, a field, or the whole case.

A request has one state and one answer, so it is no comment: comments are copied to a new analysis and stay
with the old one, while a request moves to the cell that the networks find again. Whoever reads a patient
blind sees no request about this patient, asks none and answers none: its words may tell of the first reading.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, select, tuple_
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.service.accounts import users
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, NotFoundError
from marrowscope.service.images import patients
from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.review import answers, cells, readings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.store.tables.analyses import Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import ANSWERED, CLOSED, OPEN, Request
from marrowscope.service.trail import audit

Box = Literal["asked", "asking"]
"""Requests to an actor, or those that the actor made."""


@dataclass(frozen=True)
class NewRequest:
    """What is asked of whom: about a cell, else about a field, else about the whole case.

    `asked` is a user name.
    """

    asked: str
    text: str
    field_id: str | None = None
    cell_id: str | None = None


class PlacedRequest(NamedTuple):
    """A request and what it is about.

    Attributes
    ----------
    request : as it is stored
    patient : the patient's name
    field, number : the field's name and the cell's number in it, None where it is about neither
    is_there : whether the patient's latest analysis has the cell
    """

    request: Request
    patient: str
    field: str | None
    number: int | None
    is_there: bool


@dataclass(frozen=True)
class Waiting:
    """What waits for an actor: requests to answer, and answers to their own to look at."""

    asked: int
    answered: int


def colleagues(session: Session, actor: Actor) -> list[User]:
    """Return everybody else who may answer a request, by their names."""
    found = [user for user in users.list_users(session) if _may_answer(user) and user.id != actor.id]
    return sorted(found, key=lambda user: user.name.casefold())


def ask(session: Session, actor: Actor, patient_id: str, new: NewRequest) -> PlacedRequest:
    """Ask a colleague; also after a signature, since a request changes no figure.

    Raises
    ------
    NotFoundError
        There is no such patient, colleague, or cell or field of the patient.
    ForbiddenError
        The actor is reading the patient blind.
    ConflictError
        A newer analysis has replaced the one of the cell.
    InputError
        The colleague may not review.
    """
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, actor, patient_id)
    asked = users.find_user(session, new.asked)
    if not _may_answer(asked) or asked.id == actor.id:
        raise InputError("ask somebody else who may review")
    field_id = _field_of(session, patient, new)
    request = Request(
        patient_id=patient.id,
        field_id=field_id,
        cell_id=new.cell_id,
        username=actor.username,
        author=actor.name,
        asked=asked.username,
        asked_name=asked.name,
        text=new.text,
    )
    session.add(request)
    # The text may name a person: it is deleted with the patient, while the trail stays.
    _changed(session, actor, "request.ask", request, asked=asked.username, characters=len(new.text))
    return placed(session, request)


def answer(session: Session, actor: Actor, request_id: str, text: str) -> PlacedRequest:
    """Answer a request to the actor.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        Somebody else was asked, or the actor is reading the patient blind.
    ConflictError
        It is answered or closed.
    """
    request = _held(session, actor, request_id)
    if request.asked != actor.username:
        raise ForbiddenError("only who was asked answers a request")
    if request.state != OPEN:
        raise ConflictError(f"this request is {request.state} already")
    request.state, request.answer, request.answered_at = ANSWERED, text, now()
    _changed(session, actor, "request.answer", request, characters=len(text))
    return placed(session, request)


def close(session: Session, actor: Actor, request_id: str) -> PlacedRequest:
    """Close a request, answered or not: who asked, who was asked, or an administrator.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        It is between others, or the actor is reading the patient blind.
    ConflictError
        It is closed.
    """
    request = _held(session, actor, request_id)
    if actor.username not in {request.asked, request.username} and not actor.may_act_as("admin"):
        raise ForbiddenError("only who asked, who was asked, or an administrator closes a request")
    if request.state == CLOSED:
        raise ConflictError("this request is closed already")
    before = request.state
    request.state, request.closed_by, request.closed_at = CLOSED, actor.name, now()
    _changed(session, actor, "request.close", request, was=before)
    return placed(session, request)


def of_patient(session: Session, actor: Actor, patient_id: str) -> list[PlacedRequest]:
    """Return all requests about a patient, the newest first.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ForbiddenError
        The actor is reading the patient blind.
    """
    patients.get(session, patient_id)
    readings.refuse_blind_of(session, actor, patient_id)
    query = _query().where(Request.patient_id == patient_id).order_by(Request.at.desc(), Request.id.desc())
    return _placed(session, query)


def page(
    session: Session, actor: Actor, box: Box, limit: int, cursor: str | None
) -> tuple[list[PlacedRequest], str | None]:
    """Return requests to or of an actor, open ones first, then the newest, and the cursor of the next page.

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    whose = Request.asked if box == "asked" else Request.username
    rank = case((Request.state == OPEN, 2), (Request.state == ANSWERED, 1), else_=0)
    query = (
        _query()
        .where(whose == actor.username, _seen_by(session, actor))
        .order_by(rank.desc(), Request.at.desc(), Request.id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        (last,) = read_cursor(cursor, str)
        before = session.get(Request, last)
        if before is not None:
            place = select(rank).where(Request.id == last).scalar_subquery()
            query = query.where(tuple_(rank, Request.at, Request.id) < tuple_(place, before.at, before.id))
    found = _placed(session, query)
    return found[:limit], write_cursor(found[limit - 1].request.id) if len(found) > limit else None


def waiting(session: Session, actor: Actor) -> Waiting:
    """Return how many requests wait for an actor's answer, and how many of their own are answered."""
    is_asked = and_(Request.asked == actor.username, Request.state == OPEN)
    is_answered = and_(Request.username == actor.username, Request.state == ANSWERED)
    query = select(func.count().filter(is_asked), func.count().filter(is_answered))
    asked, answered = session.execute(query.where(_seen_by(session, actor))).one()
    return Waiting(asked, answered)


def open_names(session: Session, patient_ids: Collection[str]) -> dict[str, list[str]]:
    """Return, by patient, the names of those asked who have not answered: one for each request."""
    rows = session.execute(
        select(Request.patient_id, Request.asked_name)
        .where(Request.patient_id.in_(patient_ids), Request.state == OPEN)
        .order_by(Request.at, Request.id)
    )
    found: dict[str, list[str]] = {}
    for patient_id, name in rows:
        found.setdefault(patient_id, []).append(name)
    return found


def move(session: Session, source: Cell, target: Cell) -> int:
    """Let requests about a cell be about the same cell of a newer analysis; return their number."""
    found = session.scalars(select(Request).where(Request.cell_id == source.id)).all()
    for request in found:
        request.cell_id, request.field_id = target.id, target.field_id
    return len(found)


def placed(session: Session, request: Request) -> PlacedRequest:
    """Return a request with what it is about."""
    session.flush()
    (found,) = _placed(session, _query().where(Request.id == request.id))
    return found


def _query() -> "Select[Request, str, str, int, str, str | None]":
    return (
        select(Request, Patient.name, Field.name, Cell.number, Cell.analysis_id, Patient.analysis_id)
        .join(Patient, Patient.id == Request.patient_id)
        .outerjoin(Field, Field.id == Request.field_id)
        .outerjoin(Cell, Cell.id == Request.cell_id)
    )


def _placed(
    session: Session, query: "Select[Request, str, str, int, str, str | None]"
) -> list[PlacedRequest]:
    # Field and cell may be missing, whatever the types of their columns say.
    return [
        PlacedRequest(request, patient, field, number, bool(own) and own == latest)
        for request, patient, field, number, own, latest in session.execute(query)
    ]


def _seen_by(session: Session, actor: Actor) -> ColumnElement[bool]:
    """Return the condition that an actor may see a request."""
    return Request.patient_id.not_in(readings.blind_to(session, actor))


def _may_answer(user: User) -> bool:
    return user.active and users.actor_of(user).may_act_as("reviewer")


def _field_of(session: Session, patient: Patient, new: NewRequest) -> str | None:
    """Return the field that a request is about, having checked that all belongs to the patient."""
    if new.cell_id is None:
        if new.field_id is None:
            return None
        field = patients.get_field(session, new.field_id)
        if field.patient_id != patient.id:
            raise NotFoundError("this patient has no such image")
        return field.id
    cell = cells.get(session, new.cell_id)
    if patients.get_field(session, cell.field_id).patient_id != patient.id:
        raise NotFoundError("this patient has no such cell")
    answers.refuse_replaced(session, analyses.get(session, cell.analysis_id))
    return cell.field_id


def _held(session: Session, actor: Actor, request_id: str) -> Request:
    request = row_of(session, Request, request_id, "request")
    # The patient first: the end of an analysis holds it when it moves requests.
    patients.get(session, request.patient_id, is_held=True)
    request = row_of(session, Request, request_id, "request", is_held=True)
    readings.refuse_blind_of(session, actor, request.patient_id)
    return request


def _changed(session: Session, actor: Actor, action: str, request: Request, **after: object) -> None:
    """Record what was done, and let everybody who watches the patient know."""
    session.flush()
    patients.get(session, request.patient_id).changed_at = now()
    place = {"cell": request.cell_id, "field": request.field_id}
    audit.record(
        session, actor, action, "request", request.id, patient_id=request.patient_id,
        after={**{name: value for name, value in place.items() if value is not None}, **after},
    )  # fmt: skip
