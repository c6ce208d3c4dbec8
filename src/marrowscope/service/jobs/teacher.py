"""The teacher: a thread that takes teachings from the database, one at a time, and has a process do them.

Killed at any time, it loses little: features that were computed lie in the teaching's folder, and the next
server goes on from there. A new bundle is written beside and moved to its place when it is complete.
"""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from marrowscope.engines.pool import WorkerDiedError, WorkerPool, WorkLimits, WorkTooLargeError
from marrowscope.errors import MarrowscopeError
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.rounds import Rounds
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.teaching import LEARNING, LOOKING
from marrowscope.service.teaching import queue, work
from marrowscope.service.teaching.queue import Progress, TeachingWork
from marrowscope.training.adapting.teaching import Taught

T = TypeVar("T")
_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 1.0
_UPKEEP_S = 10.0
_NICENESS = 15  # analyses go first; threads of BLAS that wait by turning round would take their processors
_LONGEST_S = 3600.0  # of one image, and of the fits; minutes are usual
_TAUGHT = "+taught."


class _StoppedError(Exception):
    """The teaching was cancelled or taken up by another server, or this one stops."""


class Teacher(Rounds):
    """Takes teachings from the queue and records what comes of them.

    Parameters
    ----------
    settings : of the installation
    database : holds the queue
    blobs : holds the images
    presence : this server's lock file
    """

    def __init__(self, settings: Settings, database: Database, blobs: Blobs, presence: Presence) -> None:
        super().__init__("teacher", "teaching", _ROUND_S)
        self._database = database
        self._blobs = blobs
        self._presence = presence
        self._folder = settings.teaching_folder.resolve()
        self._bundles = settings.bundle_folder.resolve()
        self._at_hand: str | None = None
        self._next_upkeep = 0.0
        self._folder.mkdir(parents=True, exist_ok=True)

    def _round(self) -> None:
        if time.monotonic() >= self._next_upkeep:
            self._keep_up()
            self._next_upkeep = time.monotonic() + _UPKEEP_S
        with self._database.reading() as session:
            if not queue.has_work(session):
                return
        with self._database.writing() as session:
            claimed = queue.claim(session, self._presence.owner)
        if claimed is not None:
            self._at_hand = claimed.id
            try:
                self._do(claimed)
            finally:
                self._at_hand = None

    def _do(self, claimed: TeachingWork) -> None:
        owner = self._presence.owner
        pool = WorkerPool(1, _NICENESS, WorkLimits(_LONGEST_S), blas_threads=1)
        try:
            parts = self._look(claimed, pool)
            taught = self._learn(claimed, pool, parts)
            self._publish(claimed, taught)
        except _StoppedError:
            with self._database.writing() as session:
                queue.give_back(session, owner, claimed, is_to_blame=False)
        except WorkTooLargeError as error:
            self._fail(claimed, str(error))
        except (WorkerDiedError, CancelledError):
            with self._database.writing() as session:
                queue.give_back(session, owner, claimed, is_to_blame=True)
        except MarrowscopeError as error:
            self._fail(claimed, str(error))
        except OSError as error:
            self._fail(claimed, f"a file cannot be written: {error.strerror or type(error).__name__}")
        finally:
            pool.close()
            self._forget_folders()

    def _look(self, claimed: TeachingWork, pool: WorkerPool) -> list[Path]:
        """Compute the features of all cells, image by image; those that are there already are kept."""
        folder = self._folder / claimed.id
        folder.mkdir(parents=True, exist_ok=True)
        parts = [folder / f"{number}.npz" for number in range(len(claimed.images))]
        total, done = sum(len(image.types) for image in claimed.images), 0
        for image, part in zip(claimed.images, parts, strict=True):
            progress = Progress(LOOKING, done, total)
            self._note(claimed, progress)
            with self._database.reading() as session:
                queue.refuse_deleted(session, claimed)
            if not part.is_file():
                path = self._blobs.path(image.image)
                future = pool.submit(work.look, claimed.start, path, image, part)
                self._wait(future, partial(self._note, claimed, progress))
            done += len(image.types)
        return parts

    def _learn(self, claimed: TeachingWork, pool: WorkerPool, parts: list[Path]) -> Taught:
        folder = self._folder / claimed.id
        shutil.rmtree(folder / work.NEW, ignore_errors=True)
        for name in (work.PROGRESS, work.STOP):
            (folder / name).unlink(missing_ok=True)
        version = f"{_version_of(claimed.title)}{_TAUGHT}{claimed.number}"
        future = pool.submit(work.learn, claimed.start, folder, parts, claimed.kept_out, version)
        try:
            return self._wait(future, lambda: self._note(claimed, _fits(folder)))
        except _StoppedError:
            (folder / work.STOP).touch()
            raise

    def _publish(self, claimed: TeachingWork, taught: Taught) -> None:
        """Move the new bundle to its place and record the result, if the claim still holds."""
        new: tuple[str, Bundle] | None = None
        written = self._folder / claimed.id / work.NEW
        place = self._bundles
        if taught.is_better:
            bundle = load_bundle(written)
            new = f"{bundle.name}-taught-{claimed.number}", bundle
            place = self._bundles / new[0]
        with self._database.writing() as session:
            queue.refuse_deleted(session, claimed)
            if not queue.finish(session, self._presence.owner, claimed, taught, new):
                return
            if new is not None:
                # Before the commit: a bundle without its row is found and replaced when the teaching is done
                # again, and a row without its bundle would promise what is not there.
                self._bundles.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(place, ignore_errors=True)
                written.rename(place)

    def _wait(self, future: "Future[T]", note: Callable[[], None]) -> T:
        while not wait([future], _ROUND_S).done:
            note()
        return future.result()

    def _note(self, claimed: TeachingWork, progress: Progress) -> None:
        if self._stops.is_set():
            raise _StoppedError
        with self._database.writing() as session:
            if not queue.note(session, self._presence.owner, claimed, progress):
                raise _StoppedError

    def _fail(self, claimed: TeachingWork, message: str) -> None:
        _log.warning("teaching failed", reason=message)
        with self._database.writing() as session:
            queue.fail(session, self._presence.owner, claimed, message)

    def _keep_up(self) -> None:
        with self._database.writing() as session:
            dead = queue.take_up(session, self._presence.owner, self._at_hand, self._presence.is_alive)
        for each in dead:
            _log.info("teaching of a dead server taken up", owner=each)
        self._forget_folders()

    def _forget_folders(self) -> None:
        """Remove what ended teachings computed, and bundles that were declined."""
        with self._database.reading() as session:
            needed, declined = queue.in_progress(session), queue.declined(session)
        for name in declined:
            with suppress(FileNotFoundError):  # moved first: nobody is to find half of it
                (self._bundles / name).rename(self._folder / name)
        for folder in self._folder.glob("*"):
            if folder.name not in needed:
                shutil.rmtree(folder, ignore_errors=True)


def _version_of(title: str) -> str:
    """Return a bundle's version as it was before it was taught anything."""
    return title.rsplit(" ", 1)[-1].split(_TAUGHT, maxsplit=1)[0]


def _fits(folder: Path) -> Progress:
    """Return the fits done and in all, as the worker notes them."""
    try:
        done, total = (folder / work.PROGRESS).read_text("ascii").split()
    except (OSError, ValueError):
        return Progress(LEARNING, 0, 1)
    return Progress(LEARNING, int(done), int(total))
