"""Pools for tests of batches."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from marrowscope.engines.pool import WorkerDiedError


class Here:
    """A pool of one worker: this process. Work on some patients ends it, so many times.

    Attributes
    ----------
    asked : patients whose reading was asked for
    deadly : patient → how many more workers die
    """

    workers = 1

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.deadly: dict[str, int] = {}

    def submit(self, function: Callable[..., Any], networks: Any, task: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.asked.append(task.patient)
        if self.deadly.get(task.patient, 0):
            self.deadly[task.patient] -= 1
            future.set_exception(WorkerDiedError("a worker process died"))
            return future
        try:
            future.set_result(function(networks, task))
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            future.set_exception(error)
        return future

    def close(self, *, at_once: bool = False) -> None:
        """Nothing is at work."""
