"""Worker processes: if one dies, its work fails, the process is replaced, and the others continue."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, parent_process
from typing import Any, ParamSpec, Protocol, TypeVar

from marrowscope.errors import InferenceError

MAX_DEATHS = 3  # worker deaths after which a field is given up
TOO_MANY_DEATHS = (
    f"reading this image ended {MAX_DEATHS} worker processes; it may need more memory than there is"
)

P = ParamSpec("P")
T = TypeVar("T")


class WorkerDiedError(InferenceError):
    """A worker process died during its work, for example for lack of memory."""


class Pool(Protocol):
    """Where networks run."""

    @property
    def workers(self) -> int:
        """Number of pieces of work done at a time."""

    def submit(self, work: Callable[[Any, Any], T], networks: Any, tasks: Any, /) -> "Future[T]":
        """Run a function of module `work`; the future raises `WorkerDiedError` if the worker dies."""

    def close(self) -> None:
        """Take no more work, and end."""


class WorkerPool:
    """Processes on this machine, each doing one piece of work at a time.

    Every process is a pool of its own: if it dies, only its own work is lost, and it is known which.

    Parameters
    ----------
    workers : number of processes
    niceness : added to the niceness of the processes
    """

    def __init__(self, workers: int, niceness: int = 0) -> None:
        self.workers = workers
        self._niceness = niceness
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._processes: set[ProcessPoolExecutor] = set()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a module's function in a worker process; if it dies, the future raises `WorkerDiedError`."""
        return self._threads.submit(self._run, work, args, kwargs)

    def close(self) -> None:
        """Take no more work, wait for running work, and end the processes."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            processes = tuple(self._processes)
            self._processes.clear()
        for process in processes:
            process.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        try:
            future = self._process().submit(work, *args, **kwargs)
        except BrokenProcessPool:  # it died while idle, so this work is not the cause
            self._forget()
            future = self._process().submit(work, *args, **kwargs)
        try:
            return future.result()
        except BrokenProcessPool as error:
            self._forget()
            raise WorkerDiedError("a worker process died") from error

    def _process(self) -> ProcessPoolExecutor:
        process: ProcessPoolExecutor | None = getattr(self._own, "process", None)
        if process is None:
            process = ProcessPoolExecutor(
                1,
                # A new interpreter, as the networks' thread pools do not survive a fork.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=start_worker,
                initargs=(self._niceness,),
            )
            self._own.process = process
            with self._lock:
                self._processes.add(process)
        return process

    def _forget(self) -> None:
        process: ProcessPoolExecutor = self._own.process
        self._own.process = None
        with self._lock:
            self._processes.discard(process)
        process.shutdown(wait=False, cancel_futures=True)


def start_worker(niceness: int = 0) -> None:
    """Set up a worker process, which ignores interrupts and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
