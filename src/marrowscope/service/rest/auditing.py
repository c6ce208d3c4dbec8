"""Reading the audit trail."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from sqlalchemy.orm import Session

from marrowscope.exports.tables import csv_text
from marrowscope.service.actors import Actor
from marrowscope.service.clock import iso
from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.rest.dependencies import Admin, Service, TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import API, Cursor, Id, Instant, Limit, Page, Shape
from marrowscope.service.review import readings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.audit import AuditEntry
from marrowscope.service.trail import audit
from marrowscope.service.trail.history import Explained, Wanted, explained

router = APIRouter(tags=["audit"])
_TEXT = {"application/jsonl": {"schema": {"type": "string"}}}
_LINES: dict[int | str, dict[str, Any]] = {200: {"description": "A JSON object a line", "content": _TEXT}}
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A row an entry", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
_COLUMNS = (
    "number", "at", "actor", "action", "patient", "field", "cell", "files", "subject", "subject_id", "before",
    "after", "hash",
)  # fmt: skip
_TOGETHER = 500  # rows of a table looked up at once


class Subject(Shape):
    """The object of an action."""

    kind: str
    id: str | None
    patient_id: str | None


class EntryShape(Shape):
    """One action: who did what to which object, with its state before and after.

    `patient`, `field`, `cell` (its number in the field), `picture` and `files` are what the identifiers mean,
    null or empty for what has been deleted.
    """

    number: int
    at: Instant
    actor: str
    action: str
    subject: Subject
    before: Any
    after: Any
    patient: str | None
    field: str | None
    cell: int | None
    picture: str | None
    files: list[str]
    hash: str


def _written_out(value: Any) -> Any:
    """Refuse numbers, which would be read as seconds since 1970."""
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("give a time such as 2026-11-28T09:30:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is out of range") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]


def _wanted(
    actor: Annotated[str, Query(max_length=100)] = "",
    action: Annotated[list[str] | None, Query(max_length=20)] = None,
    since: Moment | None = None,
    until: Moment | None = None,
) -> Wanted:
    """Which entries to list: of users, of actions by their beginnings, from a time on and until one."""
    return Wanted(actor=actor, actions=tuple(action or ()), since=since, until=until)


Filter = Annotated[Wanted, Depends(_wanted)]


@router.get("/patients/{patient_id}/audit")
def list_of_patient(
    patient_id: Id,
    session: Transaction,
    user: Viewer,
    wanted: Filter,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[EntryShape]:
    """List the actions concerning a patient, newest first, even after the patient's deletion."""
    return _page(session, _of_patient(session, user, patient_id, wanted), limit, cursor)


@router.get("/patients/{patient_id}/audit.csv", response_class=StreamingResponse, responses=_TABLE)
def table_of_patient(
    patient_id: Id, session: Transaction, service: TheService, user: Viewer, wanted: Filter
) -> StreamingResponse:
    """Export the actions concerning a patient as a table, oldest first."""
    chosen = _of_patient(session, user, patient_id, wanted)
    _note(service, user, patient_id)
    return _table(service.database, chosen)


@router.get("/audit")
def list_all(
    session: Transaction, user: Admin, wanted: Filter, limit: Limit = 100, cursor: Cursor = None
) -> Page[EntryShape]:
    """List all actions, newest first, but those of patients that you read blind."""
    return _page(session, _seen_by(session, user, wanted), limit, cursor)


@router.get("/audit/export.csv", response_class=StreamingResponse, responses=_TABLE)
def table(session: Transaction, service: TheService, user: Admin, wanted: Filter) -> StreamingResponse:
    """Export actions as a table, oldest first, but those of patients that you read blind."""
    chosen = _seen_by(session, user, wanted)
    _note(service, user)
    return _table(service.database, chosen)


@router.get("/audit/export.jsonl", response_class=StreamingResponse, responses=_LINES)
def export(service: TheService, user: Admin) -> StreamingResponse:
    """Export the whole trail, oldest first, one JSON object per line, with everything `verify` needs."""
    _note(service, user)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_lines(service.database), media_type="application/jsonl", headers=headers)


def _of_patient(session: Session, user: Actor, patient_id: str, wanted: Wanted) -> Wanted:
    hidden = tuple(readings.hidden_from(session, user, patient_id))
    return replace(wanted, patient_id=patient_id, hidden_readings=hidden)


def _seen_by(session: Session, user: Actor, wanted: Wanted) -> Wanted:
    return replace(wanted, hidden_patients=tuple(readings.blind_to(session, user)))


def _note(service: Service, user: Actor, patient_id: str | None = None) -> None:
    with service.database.writing() as session:
        audit.record(session, user, "trail.export", "trail", None, patient_id=patient_id)


def _lines(database: Database) -> Iterator[str]:
    with database.reading() as session:
        for entry in audit.entries(session):
            yield json.dumps(audit.document(entry), ensure_ascii=False) + "\n"


def _table(database: Database, wanted: Wanted) -> StreamingResponse:
    headers = {"Content-Disposition": 'attachment; filename="history.csv"'}
    return StreamingResponse(_rows(database, wanted), media_type="text/csv; charset=utf-8", headers=headers)


def _rows(database: Database, wanted: Wanted) -> Iterator[str]:
    yield _line(_COLUMNS)
    with database.reading() as session:
        query = wanted.query().order_by(AuditEntry.number).execution_options(yield_per=_TOGETHER)
        found = session.scalars(query)
        try:
            while entries := list(islice(found, _TOGETHER)):
                for each in explained(session, entries):
                    yield _line(_values(each))
        finally:
            found.close()  # a reader that stops early must not leave the server's cursor open


def _values(each: Explained) -> list[str]:
    entry = each.entry
    values = (
        entry.number, iso(entry.at), entry.actor, entry.action, each.patient, each.field, each.cell,
        "; ".join(each.files), entry.subject_kind, entry.subject_id, _json(each.before), _json(each.after),
        entry.hash,
    )  # fmt: skip
    return [csv_text(value) for value in values]


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _line(values: Any) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(values)
    return stream.getvalue()


def _page(session: Session, wanted: Wanted, limit: int, cursor: str | None) -> Page[EntryShape]:
    query = wanted.query().order_by(AuditEntry.number.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(AuditEntry.number < read_cursor(cursor, int)[0])
    found = session.scalars(query).all()
    rest = write_cursor(found[limit - 1].number) if len(found) > limit else None
    return Page(items=[_shape(each) for each in explained(session, found[:limit])], next=rest)


def _shape(each: Explained) -> EntryShape:
    entry = each.entry
    return EntryShape(
        number=entry.number,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=Subject(kind=entry.subject_kind, id=entry.subject_id, patient_id=entry.patient_id),
        before=each.before,
        after=each.after,
        patient=each.patient,
        field=each.field,
        cell=each.cell,
        picture=None if each.cell_id is None else f"{API}/cells/{each.cell_id}/crop.jpg",
        files=list(each.files),
        hash=entry.hash,
    )
