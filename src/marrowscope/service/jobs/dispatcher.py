"""The dispatcher: a thread that feeds the engine with work from the database.

Killed at any time, it loses nothing: the next server takes up its claims, and what it recorded is complete.
While the database is unavailable it waits and keeps finished readings in memory.
"""

import threading
import time
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from marrowscope.domain.cells import FLAG_UNFAMILIAR
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import ScaleBySize
from marrowscope.engines.pool import Pool, WorkerDiedError
from marrowscope.engines.work import measure_scales, read_field
from marrowscope.errors import MarrowscopeError
from marrowscope.pipeline import FieldResult, failed
from marrowscope.service.images import patients
from marrowscope.service.images.slides import megakaryocytes_name
from marrowscope.service.jobs import queue
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.queue import FieldWork, ReadingResources, ScaleWork, Work
from marrowscope.service.metrics import Metrics
from marrowscope.service.store.engine import Database
from marrowscope.service.trail.events import Change

_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 1.0  # the queue is also checked without news of a change
_UPKEEP_S = 10.0  # leases are renewed, lost work is taken up
_LONGEST_PAUSE_S = 5.0


class Dispatcher:
    """Feeds an engine from the queue and records what comes back.

    Parameters
    ----------
    database : holds the queue
    resources : images, limits for decoding, threads
    engine : where networks run
    presence : this server's lock file
    metrics : counts what was read
    """

    def __init__(
        self,
        database: Database,
        resources: ReadingResources,
        engine: Pool,
        presence: Presence,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._resources = resources
        self._engine = engine
        self._presence = presence
        self._metrics = metrics
        self._at_hand: dict[str, tuple[Work, Future[Any]]] = {}
        self._wake = threading.Event()
        self._stops = False
        self._next_upkeep = 0.0
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop: take no more work, record finished readings, return the rest to the queue."""
        self._stops = True
        self._wake.set()
        self._thread.join()

    def notice(self, changes: Iterable[Change]) -> None:
        """Check the queue because something changed."""
        del changes
        self._wake.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._stops:
            try:
                self._round()
                pause = 0.0
            except DBAPIError as error:
                pause = min(max(2 * pause, 0.2), _LONGEST_PAUSE_S)
                _log.warning("database away", error=type(error.orig).__name__, pause_s=pause)
            except Exception as error:  # noqa: BLE001 (work continues when the cause is gone)
                pause = _LONGEST_PAUSE_S
                _log.error("dispatcher round failed", exc_info=error)
            if pause:
                time.sleep(pause)
            else:
                self._wake.wait(_ROUND_S)
            self._wake.clear()
        self._finish()

    def _round(self) -> None:
        if time.monotonic() >= self._next_upkeep:
            self._keep_up()
            self._next_upkeep = time.monotonic() + _UPKEEP_S
        self._fill()
        self._record_finished()
        self._fill()

    def _fill(self) -> None:
        while not self._stops and self._busy() < self._engine.workers:
            with self._database.reading() as session:
                if not queue.has_work(session):
                    return
            with self._database.writing() as session:
                work = queue.claim(session, self._presence.owner, self._resources)
            if work is None:
                return
            future: Future[Any]
            if isinstance(work, ScaleWork):
                future = self._engine.submit(measure_scales, work.networks, work.sample)
            else:
                future = self._engine.submit(read_field, work.networks, work.task)
            self._at_hand[work.key] = work, future
            future.add_done_callback(lambda _: self._wake.set())

    def _busy(self) -> int:
        return sum(not future.done() for _, future in self._at_hand.values())

    def _record_finished(self) -> None:
        for key, (work, future) in list(self._at_hand.items()):
            if future.done():
                self._record(work, future)
                del self._at_hand[key]

    def _record(self, work: Work, future: "Future[Any]") -> None:
        try:
            result = future.result()
        except (WorkerDiedError, CancelledError) as error:
            died = isinstance(error, WorkerDiedError)
            _log.warning("work lost", died=died)
            with self._database.writing() as session:
                queue.give_back(
                    session,
                    self._presence.owner,
                    work,
                    is_to_blame=died,
                    blobs=self._resources.blobs,
                )
            return
        except MarrowscopeError as error:
            with self._database.writing() as session:
                queue.fail(session, self._presence.owner, work, str(error))
            return
        except Exception as error:  # noqa: BLE001 (a bug that one image triggers must not stop the others)
            _log.error("reading failed unexpectedly", exc_info=error)
            result = self._unexpected(work, error)
        if isinstance(work, ScaleWork):
            self._record_scales(work, result)
        else:
            self._record_reading(work, result)

    @staticmethod
    def _unexpected(work: Work, error: Exception) -> "FieldResult | ScaleBySize":
        if isinstance(work, ScaleWork):
            return {}  # each field then looks for its own scale
        return failed(work.task, f"reading failed unexpectedly ({type(error).__name__})")

    def _record_scales(self, work: ScaleWork, scales: ScaleBySize) -> None:
        with self._database.writing() as session:
            queue.record_scales(session, self._presence.owner, work, scales)

    def _record_reading(self, work: FieldWork, result: FieldResult) -> None:
        blobs = self._resources.blobs
        gallery = blobs.put(result.gallery) if result.gallery else None
        annotated = blobs.put(result.annotated) if result.annotated else None
        with self._database.writing() as session:
            stood = queue.record_reading(
                session, self._presence.owner, work, result.reading, (gallery, annotated), blobs=blobs
            )
        if stood:
            self._count(result.reading)
            self._keep_large(work, result)
        else:
            patients.forget(self._database, blobs, filter(None, (gallery, annotated)))

    def _keep_large(self, work: FieldWork, result: FieldResult) -> None:
        """Keep the pictures of candidates for megakaryocytes while they are at hand."""
        found = result.reading.megakaryocytes
        if result.large and found is not None:
            name = megakaryocytes_name([each.box for each in found.candidates])
            self._resources.blobs.put_derived(work.task.sha256, name, result.large)

    def _count(self, reading: FieldReading) -> None:
        self._metrics.fields.labels("failed" if reading.status is FieldStatus.FAILED else "read").inc()
        unfamiliar = sum(FLAG_UNFAMILIAR in flags for flags in reading.cells.flags)
        self._metrics.cells.labels("no").inc(unfamiliar)
        self._metrics.cells.labels("yes").inc(len(reading.cells) - unfamiliar)

    def _keep_up(self) -> None:
        owner = self._presence.owner
        with self._database.writing() as session:
            queue.renew(session, owner)
            dead = queue.take_up(session, owner, self._at_hand.keys(), self._presence.is_alive)
        for each in dead:
            _log.info("work of a dead server taken up", owner=each)
            self._presence.forget_dead(each)

    def _finish(self) -> None:
        """Record finished readings; the next server takes up the rest."""
        self._engine.close()
        try:
            self._record_finished()
        except DBAPIError as error:
            _log.warning("stopped without the database", error=type(error.orig).__name__)
        self._presence.leave()
