"""Reading fields on this machine: in this process, or in several."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from marrowscope.errors import ImageError, InferenceError
from marrowscope.imaging.decode import FieldImage
from marrowscope.models.bundle import load_bundle
from marrowscope.pipeline import FieldReader, FieldResult, FieldTask, ReadingSettings, load_field

_AHEAD = 2  # decoded fields waiting while the networks work; each may hold hundreds of megabytes


def read_here(reader: FieldReader, tasks: Iterable[FieldTask]) -> Iterator[FieldResult]:
    """Read fields in this process, decoding the next ones while the networks work; results in order."""
    limits = reader.settings.limits
    waiting: deque[tuple[FieldTask, Future[FieldImage | ImageError]]] = deque()
    remaining = iter(tasks)
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as decoder:
        try:
            for task in islice(remaining, _AHEAD):
                waiting.append((task, decoder.submit(load_field, task, limits)))
            while waiting:
                task, image = waiting.popleft()
                decoded = image.result()
                for following in islice(remaining, 1):
                    waiting.append((following, decoder.submit(load_field, following, limits)))
                yield reader.read(task, decoded)
        finally:
            decoder.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class ProcessEngine:
    """Several processes of this machine, each with both networks in memory.

    Attributes
    ----------
    bundle : folder of the networks
    settings : what changes the reading
    workers : processes
    threads : processor threads used inside each
    """

    bundle: Path
    settings: ReadingSettings
    workers: int
    threads: int = 1

    def read(self, tasks: Iterable[FieldTask]) -> Iterator[FieldResult]:
        """Read fields; results come in the order of the tasks.

        Raises
        ------
        InferenceError
            A worker died, killed for want of memory perhaps. What was finished is already given.
        """
        remaining = iter(tasks)
        pool = ProcessPoolExecutor(
            self.workers,
            # A fresh interpreter: the networks' thread pools do not survive a fork.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(self.bundle, self.settings, self.threads),
        )
        try:
            waiting = deque(pool.submit(_read, task) for task in islice(remaining, 3 * self.workers))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(_read, task) for task in islice(remaining, 1))
                yield result
        except BrokenProcessPool as error:
            raise InferenceError("a worker process died; what is finished is kept for --resume") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_reader: FieldReader | None = None  # a worker process has one, made once


def _start_worker(bundle: Path, settings: ReadingSettings, threads: int) -> None:
    global _reader  # noqa: PLW0603  # the pool offers no other place for what a process keeps
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the work
    _reader = FieldReader(load_bundle(bundle), settings, threads)


def _read(task: FieldTask) -> FieldResult:
    if _reader is None:
        raise RuntimeError("the worker was not started")
    return _reader.read(task, load_field(task, _reader.settings.limits))
