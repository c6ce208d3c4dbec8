"""A thread that does the same round again and again, whatever one round meets."""

import threading
from abc import ABC, abstractmethod

import structlog
from sqlalchemy.exc import DBAPIError

_log = structlog.get_logger("marrowscope.jobs")


class Rounds(ABC):
    """Work in rounds, the first at once, until it is stopped.

    Parameters
    ----------
    name : of the thread
    doing : what it does, for the log
    pause_s : seconds between two rounds
    again_s : seconds after a round that failed; by default `pause_s`
    """

    def __init__(self, name: str, doing: str, pause_s: float, again_s: float | None = None) -> None:
        self._doing = doing
        self._pause_s = pause_s
        self._again_s = pause_s if again_s is None else again_s
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, once what is at hand is done or given back."""
        self._stops.set()
        if self._thread.ident is not None:  # it was started
            self._thread.join()

    @abstractmethod
    def _round(self) -> None:
        """Do what there is to do by now."""

    def _run(self) -> None:
        pause = 0.0
        while not self._stops.wait(pause):
            pause = self._pause_s if self._succeeds() else self._again_s

    def _succeeds(self) -> bool:
        try:
            self._round()
        except DBAPIError as error:
            _log.warning("database away", error=type(error.orig).__name__)
        except Exception as error:  # noqa: BLE001 (the next round may do better)
            _log.error(f"{self._doing} failed unexpectedly", exc_info=error)
        else:
            return True
        return False
