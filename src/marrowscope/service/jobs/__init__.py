"""Running work that waits in the database: analyses on an engine, teaching, what is to be sent."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from marrowscope.engines.choose import open_pool
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import log_integrity
from marrowscope.service.images.leftovers import remove_leftovers
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs.dispatcher import Dispatcher
from marrowscope.service.jobs.orderly import Orderly
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.queue import ReadingResources
from marrowscope.service.jobs.sender import Sender
from marrowscope.service.jobs.teacher import Teacher
from marrowscope.service.jobs.timekeeper import Timekeeper
from marrowscope.service.jobs.watcher import FolderWatcher
from marrowscope.service.metrics import Metrics
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.trail import checking
from marrowscope.service.trail.events import Broadcaster

_log = structlog.get_logger("marrowscope.jobs")
_NICENESS = 10  # analyses yield to people who use the service


@dataclass(frozen=True)
class Jobs:
    """What runs beside the requests."""

    dispatcher: Dispatcher
    teacher: Teacher
    watcher: FolderWatcher
    sender: Sender
    timekeeper: Timekeeper
    orderly: Orderly | None

    def stop(self) -> None:
        """Stop all; the next server takes up what is left."""
        if self.orderly is not None:
            self.orderly.stop()
        self.timekeeper.stop()
        self.sender.stop()
        self.watcher.stop()
        self.teacher.stop()
        self.dispatcher.stop()


def start(
    settings: Settings,
    database: Database,
    blobs: Blobs,
    events: Broadcaster,
    metrics: Metrics,
    *,
    authority: str = "",
) -> Jobs:
    """Start running analyses, teaching, sending, and taking orders and cameras' images in this process.

    `authority` is whose patient numbers count in orders.

    Raises
    ------
    InputError
        The settings name an unknown engine.
    """
    workers, threads = share_cores(settings.workers)
    resources = ReadingResources(blobs, limits_of(settings), threads)
    presence = Presence(settings.data_folder / "servers")
    engine = open_pool(settings.engine, workers, _NICENESS)
    dispatcher = Dispatcher(database, resources, engine, presence, metrics)
    events.add(dispatcher.notice)
    dispatcher.start()
    teacher = Teacher(settings, database, blobs, presence)
    teacher.start()
    watcher = FolderWatcher(settings, database, blobs, presence)
    watcher.start()
    sender = Sender(settings, database)
    sender.start()
    timekeeper = Timekeeper(settings, database, blobs)
    timekeeper.start()
    arguments = (database, blobs, settings.scratch_folder)
    threading.Thread(target=_tidy, args=arguments, name="leftovers", daemon=True).start()
    orderly = None
    if settings.orders_folder is not None:
        orderly = Orderly(settings.orders_folder, database, authority)
        orderly.start()
    return Jobs(dispatcher, teacher, watcher, sender, timekeeper, orderly)


def share_cores(workers: int | None) -> tuple[int, int]:
    """Return the number of worker processes and of threads in each: two where cores suffice."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = workers or max(cores // 2, 1)
    return workers, max(cores // workers, 1)


def _tidy(database: Database, blobs: Blobs, scratch: Path) -> None:
    try:
        removed = remove_leftovers(database, blobs, scratch)
    except (SQLAlchemyError, OSError) as error:
        _log.warning("leftovers stay", error=type(error).__name__)
    else:
        if removed:
            _log.info("leftovers removed", number=removed)
    try:
        log_integrity(database, blobs)
        with database.reading() as session:
            fault = checking.verify(session).fault
    except SQLAlchemyError as error:
        _log.warning("files or audit trail were not checked", error=type(error).__name__)
    else:
        if fault is not None:
            _log.error("the audit trail is not whole; see audit verify", fault=fault)
