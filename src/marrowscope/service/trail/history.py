"""The audit trail as people read it: which cell of which field, which files; and parts of it.

Entries name objects by identifiers alone, so that deleting a patient leaves no names in the trail. What an
identifier means is looked up while the object exists.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from marrowscope.service.store.tables.analyses import Cell
from marrowscope.service.store.tables.audit import AuditEntry
from marrowscope.service.store.tables.patients import Field, Patient


@dataclass(frozen=True)
class Wanted:
    """Which entries to list.

    Attributes
    ----------
    patient_id : of this patient only
    actor : of the users whose names hold this text, in any case
    actions : of actions that begin like one of these, for example ``cell.``; all if empty
    since, until : not earlier, and earlier than this
    hidden_readings : leave out answers of these readings
    hidden_patients : leave out everything of these patients
    """

    patient_id: str | None = None
    actor: str = ""
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    hidden_readings: tuple[str, ...] = ()
    hidden_patients: tuple[str, ...] = ()

    def query(self) -> "Select[AuditEntry]":
        """Select the entries, in no order."""
        query = select(AuditEntry)
        if self.patient_id is not None:
            query = query.where(AuditEntry.patient_id == self.patient_id)
        if self.actor:
            query = query.where(func.lower(AuditEntry.actor).contains(self.actor.lower(), autoescape=True))
        if self.actions:
            like = [AuditEntry.action.startswith(each, autoescape=True) for each in self.actions]
            query = query.where(or_(*like))
        if self.since is not None:
            query = query.where(AuditEntry.at >= self.since)
        if self.until is not None:
            query = query.where(AuditEntry.at < self.until)
        if self.hidden_readings:
            is_hidden = AuditEntry.subject_id.in_(self.hidden_readings)
            query = query.where(~(is_hidden & (AuditEntry.action == "reading.answer")))
        if self.hidden_patients:
            of_others = AuditEntry.patient_id.not_in(self.hidden_patients)
            query = query.where(or_(AuditEntry.patient_id.is_(None), of_others))
        return query


@dataclass(frozen=True)
class Explained:
    """An entry with what its identifiers mean now; nothing of what has been deleted.

    `cell` is the cell's number within `field`, `files` the names of all images the entry is about.
    """

    entry: AuditEntry
    before: Any
    after: Any
    patient: str | None = None
    field: str | None = None
    cell_id: str | None = None
    cell: int | None = None
    files: tuple[str, ...] = ()


def explained(session: Session, entries: Sequence[AuditEntry]) -> list[Explained]:
    """Look up what the identifiers in some entries mean."""
    parts = [(entry, json.loads(entry.before), json.loads(entry.after)) for entry in entries]
    cell_ids = {_cell_of(*part) for part in parts} - {None}
    cells = {
        cell_id: (number, name)
        for cell_id, number, name in session.execute(
            select(Cell.id, Cell.number, Field.name)
            .join(Field, Field.id == Cell.field_id)
            .where(Cell.id.in_(cell_ids))
        )
    }
    field_ids = {each for part in parts for each in _fields_of(*part)}
    names = dict(session.execute(select(Field.id, Field.name).where(Field.id.in_(field_ids))).all())
    patient_ids = {entry.patient_id for entry in entries if entry.patient_id}
    patients = dict(
        session.execute(select(Patient.id, Patient.name).where(Patient.id.in_(patient_ids))).all()
    )
    found = []
    for entry, before, after in parts:
        cell_id = _cell_of(entry, before, after)
        number, of_field = cells.get(cell_id or "", (None, None))
        files = [names[each] for each in _fields_of(entry, before, after) if each in names]
        found.append(
            Explained(
                entry=entry,
                before=before,
                after=after,
                patient=patients.get(entry.patient_id or ""),
                field=of_field,
                cell_id=None if number is None else cell_id,
                cell=number,
                files=tuple(sorted(set(files))),
            )
        )
    return found


def _cell_of(entry: AuditEntry, before: Any, after: Any) -> str | None:
    if entry.subject_kind == "cell":
        return entry.subject_id
    told = after if isinstance(after, dict) else before
    cell = told.get("cell") if isinstance(told, dict) else None
    return cell if isinstance(cell, str) else None


def _fields_of(entry: AuditEntry, before: Any, after: Any) -> list[str]:
    found = [entry.subject_id] if entry.subject_kind == "field" and entry.subject_id else []
    for told in (before, after):
        if isinstance(told, dict):
            found += [told["field"]] if isinstance(told.get("field"), str) else []
            listed = told.get("fields")
            found += [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return found
