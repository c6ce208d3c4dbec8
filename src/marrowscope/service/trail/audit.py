"""The audit trail: append-only, each entry bound to the one before by its digest.

An entry's digest is SHA-256 over the canonical JSON of its content and of the digest before it. Changing,
removing or inserting an entry breaks every digest after it; removing the last ones contradicts the head and
the seals (`seals`). `checking` finds all this.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import structlog
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.clock import iso, now
from marrowscope.service.errors import UnavailableError
from marrowscope.service.store.engine import seal_folder_of
from marrowscope.service.store.tables.audit import HEAD, AuditEntry, AuditHead
from marrowscope.service.trail.seals import Intent, Kept, Seals

_PENDING = "marrowscope_audit"
_INTENDED = "marrowscope_intended"
_log = structlog.get_logger("marrowscope.audit")


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
    head = session.scalars(select(AuditHead).where(AuditHead.id == HEAD).with_for_update()).one_or_none()
    if head is None:
        raise UnavailableError("the audit trail has no head, so nothing can be recorded; see audit verify")
    start = head.number
    for entry in pending:
        entry.number, entry.previous, entry.at = head.number + 1, head.hash, now()
        entry.hash = digest(entry)
        head.number, head.hash = entry.number, entry.hash
    session.add_all(pending)
    folder = seal_folder_of(session)
    if folder is not None:
        try:
            Seals(folder).write(Intent(start, head.number, head.hash))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UnavailableError(f"the audit trail cannot be sealed: {reason}") from error
        session.info[_INTENDED] = head.number


@event.listens_for(Session, "after_commit")
def _keep(session: Session) -> None:
    end, folder = session.info.pop(_INTENDED, None), seal_folder_of(session)
    if end is not None and folder is not None:
        try:
            Seals(folder).write(Kept(end))
        except OSError as error:  # it is committed; the next intent will say so, too
            _log.warning("the audit trail is not sealed to its end", error=type(error).__name__)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_PENDING, None)
    session.info.pop(_INTENDED, None)


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


def entries(session: Session, last: int | None = None) -> Iterator[AuditEntry]:
    """Yield all entries, oldest first, without holding them in memory; none after number `last`, if given."""
    query = select(AuditEntry).order_by(AuditEntry.number)
    if last is not None:
        query = query.where(AuditEntry.number <= last)
    found = session.scalars(query.execution_options(yield_per=1000))
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
