"""Reading of many fields, in this process or by the workers of a pool."""

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from marrowscope.domain.scale import ScaleBySize
from marrowscope.engines.pool import MAX_DEATHS, Pool, WorkerDiedError, too_many_deaths
from marrowscope.engines.work import Networks, measure_scales, read_field
from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.pipeline import FieldReader, FieldResult, FieldTask, failed, load_field

_AHEAD = 1  # fields decoded in advance; each may take hundreds of megabytes


def read_here(reader: FieldReader, tasks: Iterable[FieldTask]) -> Generator[FieldResult]:
    """Read fields in this process; results are in order.

    Meanwhile the next field is decoded, and pictures of the one before are drawn.
    """
    limits = reader.settings.limits
    waiting: deque[tuple[FieldTask, Future[FieldImage | ImageError]]] = deque()
    remaining = iter(tasks)
    drawn: Future[FieldResult] | None = None
    with (
        ThreadPoolExecutor(1, thread_name_prefix="decode") as decoder,
        ThreadPoolExecutor(1, thread_name_prefix="draw") as artist,
    ):
        try:
            for task in islice(remaining, _AHEAD):
                waiting.append((task, decoder.submit(load_field, task, limits)))
            while waiting:
                task, image = waiting.popleft()
                decoded = image.result()
                for following in islice(remaining, 1):
                    waiting.append((following, decoder.submit(load_field, following, limits)))
                pictures = artist.submit(reader.begin(task, decoded))
                if drawn is not None:
                    yield drawn.result()
                drawn = pictures
            if drawn is not None:
                yield drawn.result()
        finally:
            decoder.shutdown(wait=False, cancel_futures=True)


def read_by(pool: Pool, networks: Networks, tasks: Iterable[FieldTask]) -> Generator[FieldResult]:
    """Read fields by the workers of a pool, which is closed at the end; results are in task order.

    A field on which `MAX_DEATHS` workers die has failed.
    """
    remaining = iter(tasks)
    waiting: deque[tuple[FieldTask, Future[FieldResult]]] = deque()
    try:
        while True:
            for task in islice(remaining, max(3 * pool.workers, 1) - len(waiting)):
                waiting.append((task, pool.submit(read_field, networks, task)))
            if not waiting:
                return
            yield _outcome(pool, networks, *waiting.popleft())
    finally:
        pool.close()


def measure_by(pool: Pool, networks: Networks, sample: Sequence[FieldTask]) -> ScaleBySize:
    """Measure a patient's scales by a worker of a pool; none, if `MAX_DEATHS` workers die of it.

    Each field is then measured alone, and fails alone.
    """
    deaths = 0
    while deaths < MAX_DEATHS:
        try:
            return pool.submit(measure_scales, networks, sample).result()
        except WorkerDiedError as error:
            deaths += error.deaths
    return {}


def _outcome(pool: Pool, networks: Networks, task: FieldTask, future: "Future[FieldResult]") -> FieldResult:
    deaths = 0
    while True:
        try:
            return future.result()
        except WorkerDiedError as error:
            deaths += error.deaths
        if deaths >= MAX_DEATHS:
            return failed(task, too_many_deaths("reading this image"))
        future = pool.submit(read_field, networks, task)
