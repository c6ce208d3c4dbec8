"""Reading fields on this machine: in this process, or in several."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from marrowscope.engines.pool import DEADLY, MAX_DEATHS, WorkerDiedError, WorkerPool
from marrowscope.engines.work import Networks, read_field
from marrowscope.errors import ImageError
from marrowscope.imaging.decode import FieldImage
from marrowscope.pipeline import FieldReader, FieldResult, FieldTask, failed, load_field

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
    networks : which read, and how
    workers : processes
    """

    networks: Networks
    workers: int

    def read(self, tasks: Iterable[FieldTask]) -> Iterator[FieldResult]:
        """Read fields; results come in the order of the tasks. A field over which workers die has failed."""
        remaining = iter(tasks)
        pool = WorkerPool(self.workers)
        try:
            waiting = deque(
                (task, pool.submit(read_field, self.networks, task))
                for task in islice(remaining, 3 * self.workers)
            )
            while waiting:
                task, future = waiting.popleft()
                result = self._outcome(pool, task, future)
                waiting.extend(
                    (following, pool.submit(read_field, self.networks, following))
                    for following in islice(remaining, 1)
                )
                yield result
        finally:
            pool.close()

    def _outcome(self, pool: WorkerPool, task: FieldTask, future: "Future[FieldResult]") -> FieldResult:
        for _ in range(MAX_DEATHS - 1):
            with suppress(WorkerDiedError):
                return future.result()
            future = pool.submit(read_field, self.networks, task)
        try:
            return future.result()
        except WorkerDiedError:
            return failed(task, DEADLY)
