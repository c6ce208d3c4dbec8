"""The audit trail: append-only, each entry bound to the one before by its digest.

An entry's digest is SHA-256 over the canonical JSON of its content and of the digest before it. Changing,
removing or inserting an entry breaks every digest after it; removing the last ones contradicts the head.
Rewriting the whole chain contradicts an earlier export, or a head noted elsewhere (`known`).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.clock import iso, now
from marrowscope.service.store.audit import AuditEntry, AuditHead

BEGINNING = "0" * 64
"""The digest before the first entry."""

_PENDING = "marrowscope_audit"
_HEAD = 1


def record(  # noqa: PLR0917 - who, what, on what: always in this order
    session: Session,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: str | None,
    patient_id: str | None = None,
    *,
    before: Any = None,
    after: Any = None,
) -> None:
    """Record who did what; the entry is committed together with the change.

    Parameters
    ----------
    session
        The writing session of the change.
    action
        A verb of the field, for example ``cell.reclassify``.
    subject_kind, subject_id
        What was acted upon, for example ``cell`` and its identifier.
    patient_id
        The patient it belongs to, if any.
    before, after
        JSON values: the state before and after, without anything that a deletion must remove.
    """
    entry = AuditEntry(
        actor_id=actor.id,
        actor=actor.username,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        patient_id=patient_id,
        before=_canonical(before),
        after=_canonical(after),
    )
    session.info.setdefault(_PENDING, []).append(entry)


@event.listens_for(Session, "before_commit")
def _append(session: Session) -> None:
    # At the very end of a transaction, so that the head is locked briefly, and always last.
    if session.in_nested_transaction():
        return
    pending: list[AuditEntry] = session.info.pop(_PENDING, [])
    if not pending:
        return
    session.flush()
    head = session.scalars(select(AuditHead).where(AuditHead.id == _HEAD).with_for_update()).one()
    for entry in pending:
        entry.number, entry.previous, entry.at = head.number + 1, head.hash, now()
        entry.hash = digest(entry)
        head.number, head.hash = entry.number, entry.hash
    session.add_all(pending)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)


def digest(entry: AuditEntry) -> str:
    """Compute what `entry.hash` must be: 64 hexadecimal digits."""
    content = [
        entry.previous,
        entry.number,
        iso(entry.at),
        entry.actor_id,
        entry.actor,
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.patient_id,
        entry.before,
        entry.after,
    ]
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


@dataclass(frozen=True)
class TrailCheck:
    """The result of a check of the trail: entries read, the head's digest, the first fault, if any."""

    entries: int
    head: str
    fault: str | None

    @property
    def is_whole(self) -> bool:
        """Whether no fault was found."""
        return self.fault is None


def verify(session: Session, known: tuple[int, str] | None = None) -> TrailCheck:
    """Check every entry against its digest and the one before, and the last against the head.

    Parameters
    ----------
    known
        Number and digest of an entry noted earlier; it must still be there, unchanged.
    """
    number, previous = 0, BEGINNING
    for entry in entries(session):
        if entry.number != number + 1:
            return TrailCheck(number, previous, f"entry {number + 1} is missing")
        if entry.previous != previous or entry.hash != digest(entry):
            return TrailCheck(number, previous, f"entry {entry.number} was altered")
        number, previous = entry.number, entry.hash
        if known is not None and known[0] == number and known[1] != previous:
            return TrailCheck(number, previous, f"entry {number} is not the one noted earlier")
    head = session.get_one(AuditHead, _HEAD)
    if (head.number, head.hash) != (number, previous):
        return TrailCheck(number, previous, f"entries {number + 1} to {head.number} are missing")
    if known is not None and known[0] > number:
        return TrailCheck(number, previous, f"entry {known[0]}, noted earlier, is missing")
    return TrailCheck(number, previous, None)


def entries(session: Session) -> Iterator[AuditEntry]:
    """Yield all entries, oldest first, without holding them in memory."""
    query = select(AuditEntry).order_by(AuditEntry.number).execution_options(yield_per=1000)
    found = session.scalars(query)
    try:
        yield from found
    finally:
        found.close()  # a reader that stops early must not leave the server's cursor open


def document(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry for export: a JSON object with everything its digest covers."""
    return {
        "number": entry.number,
        "at": iso(entry.at),
        "actor_id": entry.actor_id,
        "actor": entry.actor,
        "action": entry.action,
        "subject_kind": entry.subject_kind,
        "subject_id": entry.subject_id,
        "patient_id": entry.patient_id,
        "before": json.loads(entry.before),
        "after": json.loads(entry.after),
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
