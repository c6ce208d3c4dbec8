"""Signing a count, and amending it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.patient import Change, PatientReading, Signature
from marrowscope.domain.percent import file_percent
from marrowscope.exports.case.erratum import changes
from marrowscope.exports.html import render
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import count
from marrowscope.service.clock import iso, now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import patients
from marrowscope.service.reports import documents, reports, versions
from marrowscope.service.reports.checklist import OpenPoint, open_points, waived
from marrowscope.service.reports.pictures import ImageStore, StoredPictures
from marrowscope.service.review import answers, readings
from marrowscope.service.review.notes import requests
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.reviews import FINISHED, OPEN, Amendment, Version
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class SignatureRequest:
    """The meaning of a signature in the signer's words, and the revision of the count they saw.

    `waived` says for every open point (`checklist.open_points`) why it may stay open.
    """

    meaning: str
    revision: int
    waived: Mapping[str, str] = field(default_factory=dict)


def sign(
    session: Session,
    actor: Actor,
    images: ImageStore,
    analysis_id: str,
    request: SignatureRequest,
    *,
    laboratory: Laboratory,
) -> Version:
    """Sign the count and lock it; the report's data and page are stored as they are now.

    An amended report has an erratum: what differs from the version before.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ConflictError
        It is not done, has another revision than the person saw, or a newer analysis has replaced it.
    LockedError
        It is signed.
    OpenPointsError
        Something is open, and no reason is given for leaving it so.
    ForbiddenError
        The actor's own second reading is open.
    """
    analysis = answers.locked_for_change(session, analysis_id)
    readings.refuse_blind(session, actor, analysis)
    answers.refuse_locked(analysis)
    answers.refuse_replaced(session, analysis)
    if analysis.revision != request.revision:
        raise ConflictError("the count changed since you saw it; look again", revision=analysis.revision)
    instant = now()
    reason = _reason(session, analysis)
    signature = Signature(analysis.version + 1, actor.name, iso(instant), request.meaning, reason)
    (before,) = reports.current(session, laboratory, analysis).patients
    points = points_of(session, analysis, before)
    signature = replace(
        signature,
        changes=_changes(session, analysis, before),
        waivers=waived(points, request.waived),
    )
    report = reports.current(session, laboratory, analysis, signature)
    (reading,) = report.patients
    text, digest = documents.written(report)
    page = render(report, StoredPictures(session, images, analysis, reading))
    raw = reading.blast_interval
    version = Version(
        analysis_id=analysis.id,
        version=signature.version,
        username=actor.username,
        signed_by=actor.name,
        signed_at=instant,
        meaning=request.meaning,
        reason=reason,
        decision=reading.decision.verdict.value,
        blast_percent=None if raw is None else file_percent(raw.estimate),
        sha256=digest,
        page=images.blobs.put(page.encode()),
        document=text,
    )
    session.add(version)
    analysis.version = signature.version
    _lock(session, analysis, is_locked=True)
    own = ("version", "by", "at", "meaning")
    analysis.signed = {name: getattr(signature, name) for name in own}
    _changed(session, analysis)
    audit.record(
        session, actor, "analysis.sign", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"version": signature.version - 1},
        after={
            "version": signature.version, "revision": request.revision, "meaning": request.meaning,
            "decision": version.decision, "blast_percent": version.blast_percent,
            "sha256": digest, "bundle_sha256": analysis.bundle_sha256,
            "waived": [f"{waiver.point} {waiver.reason}" for waiver in signature.waivers],
        },
    )  # fmt: skip
    return version


def points_of(session: Session, analysis: Analysis, reading: PatientReading) -> tuple[OpenPoint, ...]:
    """Return what is open in the current count of an analysis, requests to colleagues included."""
    asked = requests.open_names(session, [analysis.patient_id]).get(analysis.patient_id, [])
    return open_points(reading, count.target_of(analysis, reading), asked)


def amend(session: Session, actor: Actor, analysis_id: str, reason: str) -> Analysis:
    """Reopen a signed analysis; the next signature makes the next version, the last one stays as it is.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ConflictError
        It is not signed.
    ForbiddenError
        The actor's own second reading is open.
    """
    analysis = answers.locked_for_change(session, analysis_id)
    readings.refuse_blind(session, actor, analysis)
    if not analysis.locked:
        raise ConflictError("this analysis is not signed; it can be changed as it is")
    session.add(
        Amendment(
            analysis_id=analysis.id,
            version=analysis.version,
            username=actor.username,
            by=actor.name,
            reason=reason,
        )
    )
    _lock(session, analysis, is_locked=False)
    analysis.revision += 1
    _changed(session, analysis)
    audit.record(
        session, actor, "analysis.amend", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"version": analysis.version, "locked": True}, after={"reason": reason, "locked": False},
    )  # fmt: skip
    return analysis


def _reason(session: Session, analysis: Analysis) -> str | None:
    """Return why the latest version was amended, None before the first."""
    return session.scalar(
        select(Amendment.reason).where(
            Amendment.analysis_id == analysis.id, Amendment.version == analysis.version
        )
    )


def _changes(session: Session, analysis: Analysis, reading: PatientReading) -> tuple[Change, ...]:
    """Return what differs from the version that was signed last, nothing before the first."""
    if not analysis.version:
        return ()
    last = versions.in_force(session, analysis, analysis.version)
    if last is None:
        return ()
    (before,) = documents.read(last.document).patients
    return changes(before, reading)


def _lock(session: Session, analysis: Analysis, *, is_locked: bool) -> None:
    """Lock an analysis and finish its first reading, or reopen both."""
    analysis.locked = is_locked
    reading = readings.first(session, analysis)
    reading.status, reading.finished_at = (FINISHED, now()) if is_locked else (OPEN, None)


def _changed(session: Session, analysis: Analysis) -> None:
    analysis.changed_at = now()
    patients.refresh(session, patients.get(session, analysis.patient_id))
