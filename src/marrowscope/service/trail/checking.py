"""Whether the audit trail is whole: every entry, its end against the seals, its protection."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.errors import UnavailableError
from marrowscope.service.store.engine import seal_folder_of
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.store.tables.audit import HEAD, AuditEntry, AuditHead, protection_fault
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail import audit
from marrowscope.service.trail.seals import BEGINNING, BrokenSealsError, Intent, Kept, Seals


@dataclass(frozen=True)
class TrailCheck:
    """The result of a check of the trail.

    Attributes
    ----------
    entries : how many were read
    head : digest of the last one
    fault : the first fault, if any
    unsealed : entries at the beginning that are older than the seals
    """

    entries: int
    head: str
    fault: str | None
    unsealed: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether no fault was found."""
        return self.fault is None


def verify(session: Session, known: tuple[int, str] | None = None) -> TrailCheck:
    """Check every entry against its digest and the one before, and the last against head and seals.

    Parameters
    ----------
    session
        A reading session; it sees a later state afterwards.
    known
        Number and digest of an entry noted earlier; it must still be there, unchanged.
    """
    head = session.get(AuditHead, HEAD)
    if head is None:
        return TrailCheck(0, BEGINNING, "the head of the trail is missing")
    unsealed = head.unsealed
    folder = seal_folder_of(session)
    sealed = None if folder is None else _Sealed(Seals(folder), head)
    check = replace(_entries(session, head, sealed, known), unsealed=unsealed)
    if check.fault is not None:
        return check
    fault = protection_fault(session)
    if fault is None and check.entries == 0 and _is_used(session):
        fault = "there are users or patients, but no entry says where they come from"
    if fault is None and sealed is not None:
        session.rollback()  # the seals may already know of later entries: compare with what is there now
        fault = sealed.fault_at_end(session.scalar(select(AuditHead.number)) or 0)
    return replace(check, fault=fault)


def seal_anew(session: Session, actor: Actor, reason: str) -> None:
    """Begin the seals anew from the trail's present end, after a restored backup; the trail says so.

    Parameters
    ----------
    session : a writing session

    Raises
    ------
    UnavailableError
        The trail has no head.
    """
    head = session.get(AuditHead, HEAD, with_for_update=True)
    if head is None:
        raise UnavailableError("the audit trail has no head; see audit verify")
    head.unsealed = head.number
    audit.record(session, actor, "trail.seal", "trail", None, after={"reason": reason, "number": head.number})
    folder = seal_folder_of(session)
    if folder is not None:
        Seals(folder).set_aside()


class _Sealed:
    """The seals, as they are compared with the trail."""

    def __init__(self, seals: Seals, head: AuditHead) -> None:
        self._lines = seals.read()
        self._head, self._unsealed = head.number, head.unsealed
        self._last: Intent | None = None
        self._is_kept = False
        self._broken: str | None = None
        self._committed = self._read()
        self._next = self._advance()

    def fault_of(self, number: int, digest: str) -> str | None:
        """Return what contradicts this entry; entries are given one after the other."""
        while self._next is not None and self._next.end <= number:
            if self._next.end == number and self._next.hash != digest:
                return f"entry {number} is not the one that was sealed"
            self._next = self._advance()
        return None

    def fault_at_end(self, head_now: int) -> str | None:
        """Return what is wrong with the trail's end, once all entries were given."""
        while self._advance() is not None:
            pass
        if self._broken is not None:
            return self._broken
        if self._last is None:
            gone = self._head > self._unsealed
            return f"the seals of entries {self._unsealed + 1} to {self._head} are missing" if gone else None
        certain = self._last.end if self._is_kept else self._last.start
        if head_now < certain:
            return f"entries {head_now + 1} to {certain}, which were sealed, are missing"
        if self._last.end < self._head:
            return f"the seals of entries {self._last.end + 1} to {self._head} are missing"
        return None

    def _advance(self) -> Intent | None:
        try:
            return next(self._committed, None)
        except BrokenSealsError as error:
            self._broken = str(error)
            return None

    def _read(self) -> Iterator[Intent]:
        """Yield the seals of transactions that were committed."""
        for line in self._lines:
            last = self._last
            if isinstance(line, Kept):
                self._is_kept |= last is not None and last.end == line.end
                continue
            expected = self._unsealed if last is None else last.end
            if last is not None and line.start == last.end:
                yield last
            elif last is not None and line.start < last.end and (self._is_kept or line.start != last.start):
                raise BrokenSealsError(
                    f"entries {line.start + 1} to {last.end}, which were sealed, are missing: others were "
                    "written in their place"
                )
            elif line.start > expected:
                raise BrokenSealsError(f"the seals of entries {expected + 1} to {line.start} are missing")
            self._last, self._is_kept = line, False
        if self._last is not None and self._last.end <= self._head:
            yield self._last


def _entries(
    session: Session, head: AuditHead, sealed: _Sealed | None, known: tuple[int, str] | None
) -> TrailCheck:
    number, previous = 0, BEGINNING
    for entry in audit.entries(session, head.number):
        fault = _fault_of(entry, number, previous)
        if fault is not None:
            return TrailCheck(number, previous, fault)
        number, previous = entry.number, entry.hash
        if known is not None and known[0] == number and known[1] != previous:
            fault = f"entry {number} is not the one noted earlier"
        elif sealed is not None:
            fault = sealed.fault_of(number, previous)
        if fault is not None:
            return TrailCheck(number, previous, fault)
    if (head.number, head.hash) != (number, previous):
        fault = f"entries {number + 1} to {head.number} are missing"
    elif known is not None and known[0] > number:
        fault = f"entry {known[0]}, noted earlier, is missing"
    else:
        fault = None
    return TrailCheck(number, previous, fault)


def _fault_of(entry: AuditEntry, number: int, previous: str) -> str | None:
    """Return what is wrong with the entry that must follow number `number` with digest `previous`."""
    if entry.number != number + 1:
        return f"entry {number + 1} is missing"
    if entry.previous != previous or entry.hash != audit.digest(entry):
        return f"entry {entry.number} was altered"
    return None


def _is_used(session: Session) -> bool:
    return any(session.scalar(select(table.id).limit(1)) is not None for table in (User, Patient))
