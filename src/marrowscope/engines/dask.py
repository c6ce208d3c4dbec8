"""A Dask cluster as the place where networks run: `--engine dask://HOST:PORT`.

Images travel to the workers and pictures back, so the cluster needs no folder in common with this machine. It
needs this package, of the same version, and the bundle: a built-in one is there, any other at the same path.
"""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import distributed

from marrowscope.engines.pool import WorkerDiedError
from marrowscope.engines.work import Networks
from marrowscope.errors import ImageError, InputError
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.sources import LoadedSource
from marrowscope.models.bundle import BUILTIN
from marrowscope.pipeline import FieldTask

SCHEME = "dask://"
_Client: Any = distributed.Client  # its functions carry no types
_PATIENCE_S = 15
T = TypeVar("T")


class DaskPool:
    """The workers of a Dask cluster, each thread of them with one piece of work at a time.

    The scheduler moves work from a worker that died to another one; work over which several die fails with
    `WorkerDiedError`. A scheduler that was started anew is found again.

    Parameters
    ----------
    address : ``dask://HOST:PORT`` of the scheduler

    Raises
    ------
    InputError
        No scheduler answers there.
    """

    def __init__(self, address: str) -> None:
        self._address = "tcp://" + address.removeprefix(SCHEME)
        self._lock = threading.Lock()
        self._client = self._connect()

    @property
    def workers(self) -> int:
        """Return how many pieces of work the cluster does at the same time just now."""
        return int(sum(self._connected().nthreads().values()))

    def submit(self, work: Callable[[Networks, Any], T], networks: Networks, tasks: Any, /) -> "Future[T]":
        """Run a module's function on the cluster, with images that are read here."""
        limits = networks.settings.limits
        if isinstance(tasks, FieldTask):
            held: Any = _held(tasks, limits)
        else:
            held = tuple(_held(task, limits) for task in tasks)
        there = self._connected().get_executor(pure=False).submit(work, _portable(networks), held)
        here: Future[T] = Future()
        here.set_running_or_notify_cancel()
        there.add_done_callback(lambda done: _settle(here, done))
        return here

    def close(self) -> None:
        """Leave the cluster; what is at work there is forgotten."""
        self._client.close()

    def _connected(self) -> Any:
        with self._lock:
            if self._client.status != "running":
                self._client.close()
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        _knock(self._address)
        try:
            return _Client(self._address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self._address}") from error


def _knock(address: str) -> None:
    """Refuse an address at which nothing listens, before a client is made.

    A client that fails in its constructor may wait for ever on its own lock when it is collected.
    """
    place = urlsplit(address)
    try:
        host, port = place.hostname, place.port
        if host and port:
            socket.create_connection((host, port), timeout=_PATIENCE_S).close()
            return
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}") from error
    raise InputError(f"{address} names no host and port: write {SCHEME}HOST:PORT")


def _settle(here: "Future[Any]", there: "Future[Any]") -> None:
    try:
        outcome = there.result()
    except distributed.KilledWorker as error:
        died = WorkerDiedError("several workers of the cluster died")
        died.__cause__ = error
        here.set_exception(died)
    except BaseException as error:  # noqa: BLE001 (whoever waits is told, whatever it is)
        here.set_exception(error)
    else:
        here.set_result(outcome)


def _portable(networks: Networks) -> Networks:
    """Name a built-in bundle by its name: it lies elsewhere on another machine."""
    is_builtin = networks.bundle.parent == BUILTIN
    return replace(networks, bundle=Path(networks.bundle.name)) if is_builtin else networks


def _held(task: FieldTask, limits: DecodeLimits) -> FieldTask:
    """Give a task that carries its image; what cannot be read here fails there, with the same words."""
    try:
        source = LoadedSource(task.source.name, task.source.read(limits))
    except ImageError as error:
        source = LoadedSource(task.source.name, b"", str(error))
    return replace(task, source=source)
