"""The queue in the database: work is claimed or given back, and each result is recorded exactly once.

Every function is the work of one transaction. A result counts only while its claim holds: a field that was
cancelled or taken up by another server is not recorded again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import ScaleBySize
from marrowscope.engines.pool import MAX_DEATHS, too_many_deaths
from marrowscope.engines.work import Networks
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.pipeline import FieldTask, ReadingSettings, scale_sample
from marrowscope.service.actors import SYSTEM
from marrowscope.service.analyses import analyses, fields, live
from marrowscope.service.clock import now
from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.review import ending
from marrowscope.service.store.claims import LEASE, QUEUED, RUNNING, dead_owners, give_back_abandoned
from marrowscope.service.store.tables.analyses import (
    DUPLICATE,
    FAILED,
    LIVE,
    UNDER_WAY,
    Analysis,
    AnalysisField,
    LiveSession,
)
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class ScaleWork:
    """Measuring the scale of a patient, before the first field is read."""

    analysis_id: str
    networks: Networks
    sample: tuple[FieldTask, ...]

    @property
    def key(self) -> str:
        """Identifies the claim."""
        return self.analysis_id


@dataclass(frozen=True)
class FieldWork:
    """Reading a field."""

    row_id: str
    networks: Networks
    task: FieldTask

    @property
    def key(self) -> str:
        """Identifies the claim."""
        return self.row_id


Work = ScaleWork | FieldWork


@dataclass(frozen=True)
class ReadingResources:
    """What claimed work needs: the images, limits for decoding, threads."""

    blobs: Blobs
    limits: DecodeLimits
    threads: int


def claim(session: Session, owner: str, resources: ReadingResources) -> Work | None:
    """Claim the next work: highest priority first, then the oldest analysis."""
    query = (
        _open_work(select(AnalysisField, Analysis))
        .order_by(Analysis.priority.desc(), Analysis.created_at, Analysis.id, AnalysisField.place)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    while (found := session.execute(query).first()) is not None:
        row, analysis = found
        if not _start(session, analysis, resources.blobs):
            return _claimed_work(session, owner, resources, row, analysis)
    live_one = _live_to_measure(session)
    if live_one is None:
        return None
    session.refresh(live_one, with_for_update=True)
    if live_one.status != LIVE or live_one.scale_owner is not None:  # another server was faster
        return None
    return _measuring(session, owner, resources, live_one)


def _claimed_work(
    session: Session, owner: str, resources: ReadingResources, row: AnalysisField, analysis: Analysis
) -> Work:
    if not analysis.is_scaled:
        return _measuring(session, owner, resources, analysis)
    row.claim(owner)
    field = session.get_one(Field, row.field_id)
    return FieldWork(
        row.id, _networks(analysis, resources), _task(field, resources, fields.scales_of(analysis))
    )


def _measuring(session: Session, owner: str, resources: ReadingResources, analysis: Analysis) -> ScaleWork:
    analysis.scale_owner = owner
    return ScaleWork(analysis.id, _networks(analysis, resources), _sample(session, analysis, resources))


def has_work(session: Session) -> bool:
    """Return whether `claim` would find work; changes nothing."""
    is_open = session.scalar(_open_work(select(AnalysisField.id)).limit(1)) is not None
    return is_open or _live_to_measure(session) is not None


def _live_to_measure(session: Session) -> Analysis | None:
    """Return a live analysis whose scale is to be measured while none of its fields waits."""
    query = (
        select(LiveSession, Analysis)
        .join(Analysis, Analysis.id == LiveSession.analysis_id)
        .where(Analysis.status == LIVE, Analysis.scale_owner.is_(None))
    )
    found = session.execute(query).all()
    return next((analysis for own, analysis in found if live.is_to_measure(own, analysis)), None)


def record_scales(session: Session, owner: str, work: ScaleWork, scales: ScaleBySize) -> bool:
    """Record the scales of a patient; return whether the claim still held."""
    analysis = session.get(Analysis, work.analysis_id, with_for_update=True)
    if analysis is None or analysis.scale_owner != owner:
        return False
    if analysis.is_scaled and analysis.status != LIVE:
        return False
    if work.sample:
        fields.record_scales(analysis, scales)
    analysis.scale_owner = None
    live.note_measured(session, analysis)
    return True


def record_reading(
    session: Session,
    owner: str,
    work: FieldWork,
    reading: FieldReading,
    pictures: tuple[str | None, str | None] = (None, None),
    *,
    blobs: Blobs,
) -> bool:
    """Record a field's reading and its cells; return whether the claim still held.

    Parameters
    ----------
    pictures : digests of the gallery sheet and of the annotated field
    blobs : where they are
    """
    found = session.get(AnalysisField, work.row_id)
    if found is None:
        return False
    # The analysis first, as who cancels it does.
    analysis = session.get_one(Analysis, found.analysis_id, with_for_update=True)
    row = _claimed(session, owner, work)
    if row is None:
        return False
    fields.record(session, analysis, row, reading, pictures)
    session.flush()
    ending.after_reading(session, analysis, blobs)
    return True


def give_back(session: Session, owner: str, work: Work, *, is_to_blame: bool, blobs: Blobs) -> None:
    """Return claimed work to the queue; work that keeps killing workers fails."""
    if isinstance(work, ScaleWork):
        _give_back_measuring(session, owner, work, is_to_blame=is_to_blame)
        return
    row = _claimed(session, owner, work)
    if row is None:
        return
    row.deaths += is_to_blame
    if row.deaths < MAX_DEATHS:
        row.give_back()
        return
    failed = FieldReading(
        name=work.task.source.name,
        status=FieldStatus.FAILED,
        message=too_many_deaths("reading this image"),
        sha256=work.task.sha256,
    )
    record_reading(session, owner, work, failed, blobs=blobs)


def fail(session: Session, owner: str, work: Work, message: str) -> None:
    """Fail the analysis that claimed work belongs to."""
    if isinstance(work, FieldWork):
        row = _claimed(session, owner, work)
        if row is None:
            return
        analysis_id = row.analysis_id
    else:
        analysis_id = work.analysis_id
    analysis = session.get(Analysis, analysis_id, with_for_update=True)
    if analysis is None or analysis.status not in UNDER_WAY:
        return
    analyses.break_off(session, SYSTEM, analysis, FAILED, message)


def renew(session: Session, owner: str) -> None:
    """Renew the leases on this server's claims."""
    session.execute(
        update(AnalysisField)
        .where(AnalysisField.owner == owner, AnalysisField.status == RUNNING)
        .values(lease_until=now() + LEASE)
    )


def take_up(
    session: Session, owner: str, at_hand: Collection[str], is_alive: Callable[[str], bool]
) -> set[str]:
    """Return abandoned work to the queue; return the owners found dead.

    Parameters
    ----------
    at_hand : keys of this server's work in progress; its other claims were lost
    is_alive : whether another server is alive
    """
    rows = session.scalars(select(AnalysisField).where(AnalysisField.status == RUNNING)).all()
    measured = session.scalars(select(Analysis).where(Analysis.scale_owner.is_not(None))).all()
    owners = {row.owner for row in rows} | {each.scale_owner for each in measured}
    dead = dead_owners(owners, owner, is_alive)
    give_back_abandoned(rows, owner, at_hand, dead)
    for analysis in measured:
        own = analysis.scale_owner == owner and analysis.id not in at_hand
        if own or analysis.scale_owner in dead:
            analysis.scale_owner = None
    return dead


def _open_work(query: Any) -> Any:
    """Restrict a query to fields waiting to be read or for their patient's scale."""
    return query.join(Analysis, Analysis.id == AnalysisField.analysis_id).where(
        AnalysisField.status == QUEUED,
        Analysis.status.in_(UNDER_WAY),
        or_(Analysis.is_scaled, Analysis.scale_owner.is_(None)),
    )


def _claimed(session: Session, owner: str, work: FieldWork) -> AnalysisField | None:
    row = session.get(AnalysisField, work.row_id, with_for_update=True)
    return row if row is not None and row.is_claimed_by(owner) else None


def _give_back_measuring(session: Session, owner: str, work: ScaleWork, *, is_to_blame: bool) -> None:
    analysis = session.get(Analysis, work.analysis_id, with_for_update=True)
    if analysis is None or analysis.scale_owner != owner:
        return
    analysis.scale_owner = None
    analysis.scale_deaths += is_to_blame
    if analysis.scale_deaths >= MAX_DEATHS:
        fail(session, owner, work, too_many_deaths("measuring the scale of these images"))


def _start(session: Session, analysis: Analysis, blobs: Blobs) -> bool:
    """Start an analysis that waits; return whether readings were taken over: other work is next then."""
    if analysis.status != QUEUED:
        return False
    analysis.status = RUNNING
    analysis.started_at = analysis.started_at or now()
    analysis.changed_at = now()
    patients.refresh(session, patients.get(session, analysis.patient_id))
    taken = fields.take_over(session, analysis)
    audit.record(
        session, SYSTEM, "analysis.start", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"status": QUEUED}, after={"status": RUNNING, **({"taken_over": taken} if taken else {})},
    )  # fmt: skip
    ending.after_reading(session, analysis, blobs)
    return taken > 0


def _networks(analysis: Analysis, resources: ReadingResources) -> Networks:
    settings = ReadingSettings(mpp=analysis.mpp, limits=resources.limits)
    return Networks(Path(analysis.bundle), analysis.bundle_sha256, settings, resources.threads)


def _sample(session: Session, analysis: Analysis, resources: ReadingResources) -> tuple[FieldTask, ...]:
    """Choose the fields to measure the scale on as the command line does: all files but copies."""
    chosen = session.scalars(
        select(Field)
        .join(AnalysisField, AnalysisField.field_id == Field.id)
        .where(
            AnalysisField.analysis_id == analysis.id,
            AnalysisField.status != DUPLICATE,
            Field.sha256.is_not(None),
        )
        .order_by(AnalysisField.place)
    ).all()
    return tuple(_task(field, resources, {}) for field in scale_sample(chosen) if field.width)


def _task(field: Field, resources: ReadingResources, scales: ScaleBySize) -> FieldTask:
    digest = field.sha256 or ""
    place = None if field.slide_x is None or field.slide_y is None else (field.slide_x, field.slide_y)
    source = FieldSource(field.name, resources.blobs.path(digest), slide_xy=place)
    return FieldTask("", source, digest, scales)
