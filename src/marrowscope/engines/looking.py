"""Looking at files before they are read, in a process apart if possible."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Protocol

from marrowscope.engines.pool import WorkerDiedError, WorkerPool, WorkLimits, may_start_workers
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.planning import Look, Looked, Unreadable, look

_LOOK_SECONDS = 600.0  # decoding 120 megapixels takes seconds, a file of 2 gigapixels a minute or two


class Looker(Protocol):
    """Looks at files before they are read."""

    def begin(self, entries: Sequence[FieldSource], /) -> Look:
        """Begin to look at files; the function returned waits for what one of them shows."""


class FileLooker:
    """Looks at files in a process apart if possible: one that costs too much costs no other.

    Parameters
    ----------
    limits : what one image may cost
    parts : folder for the fields of a file that holds several, and for the surveys of slides
    mpp : micrometres per pixel of slides, where the user states it
    pool : the process (`looking_pool`), where others look after this one; by default one of its own
    """

    def __init__(
        self, limits: DecodeLimits, parts: Path, mpp: float | None = None, pool: WorkerPool | None = None
    ) -> None:
        self._look = partial(look, limits, parts, mpp=mpp)
        self._is_shared = pool is not None
        self._pool = pool or looking_pool(limits)

    def begin(self, entries: Sequence[FieldSource]) -> Look:
        """Begin to look at files; the function returned waits for what one of them shows."""
        if self._pool is None:
            return self._look
        return partial(_outcome, {entry: self._pool.submit(self._look, entry) for entry in entries})

    def close(self) -> None:
        """End the process, unless others look there, too."""
        if self._pool is not None and not self._is_shared:
            self._pool.close()


def looking_pool(limits: DecodeLimits) -> WorkerPool | None:
    """Start a process that looks at files, None where this process may not have one."""
    if not may_start_workers():
        return None
    return WorkerPool(1, limits=WorkLimits(_LOOK_SECONDS, limits.memory_bytes))


def _outcome(
    waiting: Mapping[FieldSource, "Future[tuple[Looked, ...]]"], entry: FieldSource
) -> tuple[Looked, ...]:
    """Wait for what a worker saw in a file."""
    try:
        return waiting[entry].result()
    except WorkerDiedError as error:
        return (Unreadable(entry, f"decoding this image was given up: {error}"),)
