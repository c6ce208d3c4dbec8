"""Worker processes: one that dies or exceeds its limits costs its own work alone, and is replaced."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, parent_process
from types import ModuleType
from typing import Any, ParamSpec, Protocol, TypeVar

from marrowscope.errors import InferenceError

try:
    import resource
except ImportError:  # Windows: only the time is limited
    resource = None  # type: ignore[assignment]  # a module, or None

MAX_DEATHS = 3  # worker deaths after which a field is given up

# Read by OpenBLAS and MKL, by OpenBLAS alone, and by Apple's Accelerate, once, when numpy is imported.
_BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_starting = threading.Lock()
P = ParamSpec("P")
T = TypeVar("T")


def too_many_deaths(doing: str) -> str:
    """Return why work is given up, which begins with what was done."""
    return f"{doing} ended {MAX_DEATHS} worker processes; it may need more memory than there is"


class WorkerDiedError(InferenceError):
    """A worker process died during its work, for example for lack of memory.

    `deaths` is how many died before the pool gave the work up.
    """

    deaths = 1


class WorkTooLargeError(WorkerDiedError):
    """A piece of work exceeded the limits of its pool."""


@dataclass(frozen=True)
class WorkLimits:
    """What one piece of work may take; None is no limit.

    Attributes
    ----------
    seconds : after which its process is ended
    memory_bytes : that its process may address, where the system can limit that
    """

    seconds: float | None = None
    memory_bytes: int | None = None


class Pool(Protocol):
    """Where networks run."""

    @property
    def workers(self) -> int:
        """Number of pieces of work done at a time."""

    def submit(self, work: Callable[[Any, Any], T], networks: Any, tasks: Any, /) -> "Future[T]":
        """Run a function of module `work`; the future raises `WorkerDiedError` if the worker dies."""

    def close(self, *, at_once: bool = False) -> None:
        """Take no more work, and end: when running work is done, or without waiting for it."""


class WorkerPool:
    """Processes on this machine, each doing one piece of work at a time.

    Every process is a pool of its own: if it dies, only its own work is lost, and it is known which.

    Parameters
    ----------
    workers : number of processes
    niceness : added to the niceness of the processes
    limits : of every piece of work
    blas_threads : for the products of matrices in each process; None for as many as there are processors
    """

    def __init__(
        self,
        workers: int,
        niceness: int = 0,
        limits: WorkLimits = WorkLimits(),
        blas_threads: int | None = None,
    ) -> None:
        self.workers = workers
        self.limits = limits
        self._niceness = niceness
        self._blas_threads = blas_threads
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._processes: dict[ProcessPoolExecutor, int] = {}  # with the number of each process

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Run a module's function in a worker process.

        The future raises `WorkerDiedError` if the process dies, `WorkTooLargeError` if it exceeds its limits.
        """
        return self._threads.submit(self._run, work, args, kwargs)

    def close(self, *, at_once: bool = False) -> None:
        """Take no more work, wait for running work or end it, and end the processes."""
        if at_once:
            with self._lock:
                running = tuple(self._processes.values())
            for pid in running:
                _kill(pid)
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            processes = tuple(self._processes)
            self._processes.clear()
        for process in processes:
            process.shutdown(wait=True, cancel_futures=True)

    def _run(self, work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        try:
            try:
                future = self._process().submit(work, *args, **kwargs)
            except BrokenProcessPool:  # it died while idle, so this work is not the cause
                self._forget()
                future = self._process().submit(work, *args, **kwargs)
            if not wait([future], self.limits.seconds).done:
                _kill(self._own.pid)
                self._forget()
                raise WorkTooLargeError(f"it took more than {self.limits.seconds:g} seconds")
            return future.result()
        except BrokenProcessPool as error:
            self._forget()
            raise WorkerDiedError("a worker process died") from error
        except MemoryError as error:
            raise WorkTooLargeError("it took more memory than it may") from error

    def _process(self) -> ProcessPoolExecutor:
        process: ProcessPoolExecutor | None = getattr(self._own, "process", None)
        if process is None:
            process = ProcessPoolExecutor(
                1,
                # A new interpreter, as the networks' thread pools do not survive a fork.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=start_worker,
                initargs=(self._niceness, self.limits.memory_bytes, self._blas_threads),
            )
            self._own.process = process
            with _without_main():
                started = process.submit(os.getpid)
            self._own.pid = started.result()
            with self._lock:
                self._processes[process] = self._own.pid
        return process

    def _forget(self) -> None:
        process: ProcessPoolExecutor = self._own.process
        self._own.process = None
        with self._lock:
            self._processes.pop(process, None)
        process.shutdown(wait=False, cancel_futures=True)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def may_start_workers() -> bool:
    """Whether this process may have processes of its own: the workers of `multiprocessing.Pool` may not."""
    return not multiprocessing.current_process().daemon


def start_worker(niceness: int = 0, memory_bytes: int | None = None, blas_threads: int | None = None) -> None:
    """Set up a worker process, which ignores interrupts and ends with its parent; before it imports numpy."""
    if blas_threads is not None:
        os.environ.update(dict.fromkeys(_BLAS_THREADS, str(blas_threads)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if memory_bytes is not None and resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        least = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (least, most))
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()


@contextmanager
def _without_main() -> Iterator[None]:
    """Start processes that do not run the user's script again.

    A new interpreter imports its parent's main module first, in case work refers to it; work here never does.
    A script that is not written to be imported would read its patients again in every worker.
    """
    with _starting:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
