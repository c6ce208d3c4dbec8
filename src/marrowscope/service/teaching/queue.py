"""The queue of teachings in the database: one at a time; a result counts only while its claim holds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from marrowscope.codec import from_json, to_json
from marrowscope.engines.pool import MAX_DEATHS, too_many_deaths
from marrowscope.models.bundle import Bundle
from marrowscope.service.actors import SYSTEM
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.store.claims import QUEUED, RUNNING, WAITING, dead_owners, give_back_abandoned
from marrowscope.service.store.tables.analyses import DONE, FAILED, UNDER_WAY, Analysis
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.store.tables.teaching import DECLINED, LEARNING, LOOKING, Teaching
from marrowscope.service.teaching import teachings
from marrowscope.service.teaching.work import NamedCells, Start
from marrowscope.training.adapting.teaching import Taught


@dataclass(frozen=True)
class TeachingWork:
    """A claimed teaching."""

    id: str
    number: int
    start: Start
    title: str
    images: tuple[NamedCells, ...]
    kept_out: tuple[str, ...]


def claim(session: Session, owner: str) -> TeachingWork | None:
    """Claim the teaching that waits, if there is one."""
    row = session.scalar(
        select(Teaching)
        .where(Teaching.status == QUEUED)
        .order_by(Teaching.number)
        .limit(1)
        .options(undefer(Teaching.images))
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.claim(owner)
    row.started_at = row.started_at or now()
    row.stage, row.done, row.stage_at = LOOKING, 0, now()
    return TeachingWork(
        row.id,
        row.number,
        Start(Path(row.from_bundle), row.from_sha256),
        row.from_title,
        from_json(row.images, tuple[NamedCells, ...]),
        tuple(row.kept_out),
    )


def has_work(session: Session) -> bool:
    """Return whether `claim` would find work; changes nothing."""
    return session.scalar(select(Teaching.id).where(Teaching.status == QUEUED).limit(1)) is not None


@dataclass(frozen=True)
class Progress:
    """How far a stage is: cells looked at, or fits done."""

    stage: str
    done: int
    total: int


def note(session: Session, owner: str, work: TeachingWork, progress: Progress) -> bool:
    """Note the progress and renew the lease; return whether the claim still holds."""
    row = _claimed(session, owner, work)
    if row is None:
        return False
    if row.stage != progress.stage:
        row.stage, row.stage_at = progress.stage, now()
    row.done, row.total = progress.done, progress.total
    row.renew()
    return True


def finish(
    session: Session, owner: str, work: TeachingWork, taught: Taught, named: tuple[str, Bundle] | None
) -> bool:
    """Record a result; return whether the claim still held.

    Parameters
    ----------
    named : the new bundle's identifier in the data folder, and the bundle; None if there is none
    """
    row = _claimed(session, owner, work)
    if row is None:
        return False
    row.result = to_json(taught)
    row.stage = LEARNING
    if named is not None:
        row.bundle, row.bundle_title, row.bundle_sha256 = named[0], named[1].title, named[1].sha256
    teachings.end(session, SYSTEM, row, DONE, "")
    return True


def fail(session: Session, owner: str, work: TeachingWork, message: str) -> None:
    """End a teaching that cannot go on."""
    row = _claimed(session, owner, work)
    if row is not None:
        teachings.end(session, SYSTEM, row, FAILED, message)


def give_back(session: Session, owner: str, work: TeachingWork, *, is_to_blame: bool) -> None:
    """Return a teaching to the queue; one that keeps ending worker processes fails."""
    row = _claimed(session, owner, work)
    if row is None:
        return
    row.deaths += is_to_blame
    if row.deaths >= MAX_DEATHS:
        teachings.end(session, SYSTEM, row, FAILED, too_many_deaths("teaching"))
        return
    row.give_back()


def take_up(session: Session, owner: str, at_hand: str | None, is_alive: Callable[[str], bool]) -> set[str]:
    """Return an abandoned teaching to the queue; return the owners found dead.

    Parameters
    ----------
    at_hand : this server's teaching in progress; another claim of its own was lost
    is_alive : whether another server is alive
    """
    rows = session.scalars(select(Teaching).where(Teaching.status == RUNNING)).all()
    dead = dead_owners({row.owner for row in rows}, owner, is_alive)
    give_back_abandoned(rows, owner, () if at_hand is None else (at_hand,), dead)
    return dead


def in_progress(session: Session) -> set[str]:
    """Return the teachings whose folders are needed."""
    return set(session.scalars(select(Teaching.id).where(Teaching.status.in_(WAITING))))


def declined(session: Session) -> set[str]:
    """Return the bundles that were declined, to be removed once no analysis waits for them."""
    names = set(session.scalars(select(Teaching.bundle).where(Teaching.decision == DECLINED)))
    waiting = session.scalars(select(Analysis.bundle).where(Analysis.status.in_(UNDER_WAY)))
    return {name for name in names - {Path(bundle).name for bundle in waiting} if name}


def refuse_deleted(session: Session, work: TeachingWork) -> None:
    """Refuse to go on where a patient was deleted: nobody is to learn from their cells.

    Raises
    ------
    ConflictError
        One was.
    """
    patients = {image.patient for image in work.images}
    there = session.scalar(select(func.count()).select_from(Patient).where(Patient.id.in_(patients)))
    if there != len(patients):
        raise ConflictError("a patient was deleted whose cells were to be learned from: teach again")


def _claimed(session: Session, owner: str, work: TeachingWork) -> Teaching | None:
    row = session.get(Teaching, work.id, with_for_update=True)
    return row if row is not None and row.is_claimed_by(owner) else None
