"""Reading the audit trail."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.rest.dependencies import Admin, TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import Cursor, Id, Instant, Limit, Page, Shape
from marrowscope.service.review import readings
from marrowscope.service.store.audit import AuditEntry
from marrowscope.service.store.engine import Database
from marrowscope.service.trail import audit

router = APIRouter(tags=["audit"])
_TEXT = {"application/jsonl": {"schema": {"type": "string"}}}
_LINES: dict[int | str, dict[str, Any]] = {200: {"description": "A JSON object a line", "content": _TEXT}}


class Subject(Shape):
    """The object of an action."""

    kind: str
    id: str | None
    patient_id: str | None


class EntryShape(Shape):
    """One action: who did what to which object, with its state before and after."""

    number: int
    at: Instant
    actor: str
    action: str
    subject: Subject
    before: Any
    after: Any
    hash: str


@router.get("/patients/{patient_id}/audit")
def list_of_patient(
    patient_id: Id, session: Transaction, actor: Viewer, limit: Limit = 100, cursor: Cursor = None
) -> Page[EntryShape]:
    """List the actions concerning a patient, newest first, even after the patient's deletion."""
    hidden = readings.hidden_from(session, actor, patient_id)
    return _page(session, limit, cursor, patient_id, hidden)


@router.get("/audit")
def list_all(
    session: Transaction, actor: Admin, limit: Limit = 100, cursor: Cursor = None
) -> Page[EntryShape]:
    """List all actions, newest first."""
    del actor
    return _page(session, limit, cursor, None)


@router.get("/audit/export.jsonl", response_class=StreamingResponse, responses=_LINES)
def export(service: TheService, actor: Admin) -> StreamingResponse:
    """Export the whole trail, oldest first, one JSON object per line, with everything `verify` needs."""
    del actor
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(_lines(service.database), media_type="application/jsonl", headers=headers)


def _lines(database: Database) -> Iterator[str]:
    with database.reading() as session:
        for entry in audit.entries(session):
            yield json.dumps(audit.document(entry), ensure_ascii=False) + "\n"


def _page(
    session: Session,
    limit: int,
    cursor: str | None,
    patient_id: str | None,
    hidden_readings: Sequence[str] = (),
) -> Page[EntryShape]:
    query = select(AuditEntry).order_by(AuditEntry.number.desc()).limit(limit + 1)
    if patient_id is not None:
        query = query.where(AuditEntry.patient_id == patient_id)
    if hidden_readings:
        is_hidden = AuditEntry.subject_id.in_(hidden_readings) & (AuditEntry.action == "reading.answer")
        query = query.where(~is_hidden)
    if cursor is not None:
        query = query.where(AuditEntry.number < read_cursor(cursor, int)[0])
    found = session.scalars(query).all()
    rest = write_cursor(found[limit - 1].number) if len(found) > limit else None
    return Page(items=[_shape(entry) for entry in found[:limit]], next=rest)


def _shape(entry: AuditEntry) -> EntryShape:
    return EntryShape(
        number=entry.number,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=Subject(kind=entry.subject_kind, id=entry.subject_id, patient_id=entry.patient_id),
        before=json.loads(entry.before),
        after=json.loads(entry.after),
        hash=entry.hash,
    )
