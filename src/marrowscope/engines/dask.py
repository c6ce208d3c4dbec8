"""Running networks on a Dask cluster: `--engine dask://HOST:PORT`.

Fields are sent to the workers and pictures sent back, so the cluster needs no shared folder. Work that is
given no fields reads and writes folders that the workers must share with whoever asks. All need the same
version of this package and the bundle, which must be built in or at the same path everywhere.
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

from marrowscope.engines.pool import MAX_DEATHS, WorkerDiedError
from marrowscope.engines.work import Networks
from marrowscope.errors import ImageError, InputError
from marrowscope.imaging.field_source import UnreadableSource
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.models.bundle import BUILTIN
from marrowscope.pipeline import FieldTask

SCHEME = "dask://"
_Client: Any = distributed.Client  # its functions have no types
_PATIENCE_S = 15
T = TypeVar("T")


class WorkersDiedError(WorkerDiedError):
    """Several workers of a cluster died during the same work."""

    deaths = MAX_DEATHS


class DaskPool:
    """The workers of a Dask cluster; each of their threads does one piece of work at a time.

    The scheduler moves the work of a dead worker to another one. Work on which several workers die fails with
    `WorkersDiedError`. After a restart of the scheduler, the pool reconnects.

    Parameters
    ----------
    address : ``dask://HOST:PORT`` of the scheduler

    Raises
    ------
    InputError
        No scheduler responds there.
    """

    def __init__(self, address: str) -> None:
        self._address = "tcp://" + address.removeprefix(SCHEME)
        self._lock = threading.Lock()
        self._client = self._connect()

    @property
    def workers(self) -> int:
        """Number of pieces of work that the cluster can currently do at a time."""
        return int(sum(self._connected().nthreads().values()))

    def submit(self, work: Callable[[Networks, Any], T], networks: Networks, tasks: Any, /) -> "Future[T]":
        """Run a module's function on the cluster, with the images of fields read on this machine."""
        carried = _carried(tasks, networks.settings.limits)
        there = self._connected().get_executor(pure=False).submit(work, _portable(networks), carried)
        here: Future[T] = Future()
        here.set_running_or_notify_cancel()
        there.add_done_callback(lambda done: _settle(here, done))
        return here

    def close(self, *, at_once: bool = False) -> None:
        """Disconnect from the cluster and drop unfinished work; none is waited for."""
        del at_once
        self._client.close()

    def _connected(self) -> Any:
        with self._lock:
            if self._client.status != "running":
                self._client.close()
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        _check_reachable(self._address)
        try:
            return _Client(self._address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"no Dask scheduler responds at {self._address}") from error


def _check_reachable(address: str) -> None:
    """Raise InputError if nothing listens at an address, before a client is created.

    A client whose constructor fails may deadlock on its own lock when it is garbage-collected.
    """
    place = urlsplit(address)
    try:
        host, port = place.hostname, place.port
        if host and port:
            socket.create_connection((host, port), timeout=_PATIENCE_S).close()
            return
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler responds at {address}") from error
    raise InputError(f"{address} has no host and port: write {SCHEME}HOST:PORT")


def _settle(here: "Future[Any]", there: "Future[Any]") -> None:
    try:
        outcome = there.result()
    except distributed.KilledWorker as error:
        died = WorkersDiedError("several workers of the cluster died")
        died.__cause__ = error
        here.set_exception(died)
    except BaseException as error:  # noqa: BLE001  # any error is passed on to whoever waits
        here.set_exception(error)
    else:
        here.set_result(outcome)


def _portable(networks: Networks) -> Networks:
    """Refer to a built-in bundle by name, as its path differs between machines."""
    is_builtin = networks.bundle.parent == BUILTIN
    return replace(networks, bundle=Path(networks.bundle.name)) if is_builtin else networks


def _carried(tasks: Any, limits: DecodeLimits) -> Any:
    """Return work as it is sent: fields with their images, anything else as it is."""
    if isinstance(tasks, FieldTask):
        return _loaded(tasks, limits)
    return tuple(_carried(task, limits) for task in tasks) if isinstance(tasks, tuple | list) else tasks


def _loaded(task: FieldTask, limits: DecodeLimits) -> FieldTask:
    """Return the task with its image loaded; one that cannot be read fails there with the same message."""
    try:
        return replace(task, source=task.source.loaded(limits))
    except ImageError as error:
        return replace(task, source=UnreadableSource(task.source.name, str(error)))
