"""The timekeeper: a thread that ends what is past its time: images kept long enough, sessions left open."""

import time
from datetime import timedelta

import structlog

from marrowscope.service.images import retention
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.jobs.rounds import Rounds
from marrowscope.service.live import sessions
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 60.0
_AGAIN_S = 600.0  # after a sweep that failed
_DAY_S = 86_400.0


class Timekeeper(Rounds):
    """Closes idle live sessions every minute, and removes images past their time once a day.

    Parameters
    ----------
    settings : say when
    database, blobs : where sessions, patients and images are
    """

    def __init__(self, settings: Settings, database: Database, blobs: Blobs) -> None:
        super().__init__("timekeeper", "ending what is past its time", _ROUND_S)
        self._idle = timedelta(hours=settings.live_idle_hours)
        self._days = settings.retention_days
        self._database = database
        self._blobs = blobs
        self._next_sweep = 0.0

    def _round(self) -> None:
        if self._days is not None and time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + _AGAIN_S  # so that one that fails keeps no session open
            self._sweep(self._days)
            self._next_sweep = time.monotonic() + min(self._days, 1.0) * _DAY_S
        if closed := sessions.close_idle(self._database, self._blobs, self._idle):
            _log.info("live sessions left open were closed", number=closed)

    def _sweep(self, days: float) -> None:
        removed = retention.sweep(self._database, self._blobs, days, self._stops.is_set)
        _log.info("images past their time removed", patients=removed)
