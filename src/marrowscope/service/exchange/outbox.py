"""The outbox in the database: a signed version is put there with its signature, and leaves it once.

Every function is the work of one transaction. A server that dies while it sends leaves a claim that ends with
its lease; the version is then sent again under the same control id, by which the other side knows it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, undefer

from marrowscope.exports.case.facts import file_title
from marrowscope.exports.hospital.fhir import fhir_bundle
from marrowscope.exports.hospital.hl7 import control_id, message
from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.exchange.targets import Letter
from marrowscope.service.reports import documents
from marrowscope.service.store.base import row_of
from marrowscope.service.store.newest import newest_first
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.exchange import REFUSED, SENT, WAITING, Delivery
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.store.tables.reviews import Version
from marrowscope.service.trail import audit

_LEASE = timedelta(minutes=5)  # longer than an attempt takes: to connect, write and read, each in its time
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
_HELD = "a backup was restored: look whether this arrived after it was made, before it is sent again"
_Rows = TypeVar("_Rows")


@dataclass(frozen=True)
class Posted:
    """A claimed delivery: a signed version's data, and where they go."""

    id: str
    target: str
    document: str


def put(session: Session, version: Version, target: str | None) -> None:
    """Put a version that is being signed into the outbox, if the settings name a target."""
    if target is None:
        return
    session.flush()
    session.add(
        Delivery(
            version_id=version.id, analysis_id=version.analysis_id, number=version.version, target=target
        )
    )


def has_work(session: Session) -> bool:
    """Return whether `claim` would find something; changes nothing."""
    return session.scalar(_due(select(Delivery.id)).limit(1)) is not None


def claim(session: Session, owner: str) -> Posted | None:
    """Claim what has waited longest. A later version never overtakes an earlier one of its analysis."""
    row = session.scalar(
        _due(select(Delivery))
        .order_by(Delivery.next_at, Delivery.number)
        .limit(1)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    if row is None:
        return None
    row.lease(owner, _LEASE)
    version = session.scalars(
        select(Version).where(Version.id == row.version_id).options(undefer(Version.document))
    ).one()
    return Posted(row.id, row.target, version.document)


def letter_of(document: str) -> Letter:
    """Return what is sent of a signed version, made of its data as they were signed.

    Raises
    ------
    DamagedRecordError
        They cannot be read.
    """
    report = documents.read(document)
    (patient,) = report.patients
    bundle = json.dumps(fhir_bundle(report), ensure_ascii=False, allow_nan=False)
    return Letter(
        name=file_title(patient, "report"),
        control_id=control_id(patient, report),
        hl7=message(patient, report).encode("utf-8", "replace"),
        fhir=bundle.encode("utf-8", "replace"),
    )


def sent(session: Session, owner: str, delivery_id: str) -> None:
    """Record that a delivery arrived."""
    row = _claimed(session, owner, delivery_id)
    if row is None:
        return
    row.status, row.sent_at, row.message = SENT, now(), ""
    row.attempts += 1
    row.let_go()
    _record(session, SYSTEM, "report.send", row, {"attempts": row.attempts})


def postponed(session: Session, owner: str, delivery_id: str, reason: str) -> None:
    """Record that a delivery did not get through; the pauses grow from ten seconds to an hour."""
    row = _claimed(session, owner, delivery_id)
    if row is None:
        return
    row.message = reason
    row.next_at = now() + min(_FIRST_PAUSE * 2 ** min(row.attempts, 20), _LONGEST_PAUSE)
    row.attempts += 1
    row.let_go()


def refused(session: Session, owner: str, delivery_id: str, reason: str) -> None:
    """Record that the other side does not take a version: a person decides what becomes of it."""
    row = _claimed(session, owner, delivery_id)
    if row is None:
        return
    row.status, row.message = REFUSED, reason
    row.attempts += 1
    row.let_go()
    _record(session, SYSTEM, "report.refused", row, {"attempts": row.attempts})


def send_again(session: Session, actor: Actor, delivery_id: str) -> Delivery:
    """Put a delivery that was refused back into the outbox, or try a waiting one now.

    Raises
    ------
    NotFoundError
        There is no such delivery.
    ConflictError
        It has arrived, or a later version of its report has.
    """
    row = row_of(session, Delivery, delivery_id, "delivery", is_held=True)
    if row.status == SENT:
        raise ConflictError("this report has arrived")
    later = select(Delivery.id).where(
        Delivery.analysis_id == row.analysis_id,
        Delivery.target == row.target,
        Delivery.number > row.number,
        Delivery.status == SENT,
    )
    if session.scalar(later.limit(1)) is not None:
        raise ConflictError("a later version of this report has arrived, and would be replaced by this one")
    row.status, row.next_at = WAITING, now()
    _record(session, actor, "report.send_again", row, {"attempts": row.attempts})
    return row


def hold(session: Session) -> int:
    """Let what waits wait for a person, since it may have been sent; return how much that is."""
    rows = session.scalars(select(Delivery).where(Delivery.status == WAITING)).all()
    for row in rows:
        row.status, row.message = REFUSED, _HELD
        row.let_go()
    return len(rows)


def listed(
    session: Session, status: str | None, limit: int, cursor: str | None
) -> tuple[list[tuple[Delivery, Patient]], str | None]:
    """Return deliveries with their patients, the newest first, and the cursor of the next page.

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    query = (
        select(Delivery, Patient)
        .join(Analysis, Analysis.id == Delivery.analysis_id)
        .join(Patient, Patient.id == Analysis.patient_id)
    )
    if status is not None:
        query = query.where(Delivery.status == status)
    rows, more = newest_first(session, query, Delivery, limit=limit, cursor=cursor)
    return [(delivery, patient) for delivery, patient in rows], more


def of_versions(session: Session, version_ids: Sequence[str]) -> dict[str, Delivery]:
    """Return the latest delivery of each of these versions that has one."""
    query = select(Delivery).where(Delivery.version_id.in_(version_ids)).order_by(Delivery.created_at)
    return {row.version_id: row for row in session.scalars(query)}


def figures(session: Session) -> tuple[dict[str, int], float]:
    """Return the number of deliveries by status, and for how many seconds the oldest has waited."""
    rows = session.execute(select(Delivery.status, func.count()).group_by(Delivery.status)).all()
    numbers = dict.fromkeys((WAITING, SENT, REFUSED), 0) | dict(rows)
    oldest: datetime | None = session.scalar(
        select(func.min(Delivery.created_at)).where(Delivery.status == WAITING)
    )
    return numbers, 0.0 if oldest is None else max((now() - oldest).total_seconds(), 0.0)


def _due(query: "Select[_Rows]") -> "Select[_Rows]":
    """Restrict a query to what is to be sent now."""
    earlier = aliased(Delivery)
    overtakes = exists().where(
        earlier.analysis_id == Delivery.analysis_id,
        earlier.target == Delivery.target,
        earlier.number < Delivery.number,
        earlier.status == WAITING,
    )
    return query.where(
        Delivery.status == WAITING,
        Delivery.next_at <= now(),
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now()),
        ~overtakes,
    )


def _claimed(session: Session, owner: str, delivery_id: str) -> Delivery | None:
    row = session.get(Delivery, delivery_id, with_for_update=True)
    return row if row is not None and row.owner == owner and row.status == WAITING else None


def _record(session: Session, actor: Actor, action: str, row: Delivery, more: dict[str, int]) -> None:
    patient = session.scalar(select(Analysis.patient_id).where(Analysis.id == row.analysis_id))
    audit.record(
        session, actor, action, "analysis", row.analysis_id, patient_id=patient,
        after={"version": row.number, "target": row.target, **more},
    )  # fmt: skip
