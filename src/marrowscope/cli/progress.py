"""Progress of a run: a bar on terminals, an occasional line in logs."""

import time
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from marrowscope.batches.run import BatchProgress
from marrowscope.domain.quantity import quantity
from marrowscope.progress import Progress

_LOG_EVERY_SECONDS = 30.0
_STAGES = {
    "listing": "Listing",
    "scale": "Measuring scale",
    "reading": "Reading",
    "drawing": "Drawing pictures",
    "writing": "Writing report",
}


class _Display:
    """A bar where there is a terminal, else a line from time to time.

    Parameters
    ----------
    first : what the bar says at first
    columns : further columns of the bar
    quiet : show nothing
    """

    def __init__(self, first: str, *columns: ProgressColumn, quiet: bool) -> None:
        self._console = Console(stderr=True)
        terminal = self._console.is_terminal and not quiet
        self._has_lines = not (quiet or terminal)
        self._last_line = self._started = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            *columns,
            console=self._console,
            transient=True,
            disable=not terminal,
        )
        self._task = self._bar.add_task(first, total=None, state="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def _log(self, line: str, *, is_last: bool) -> None:
        """Write an occasional line, and one at the end, if there is no terminal for the bar."""
        now = time.monotonic()
        if self._has_lines and (is_last or now - self._last_line >= _LOG_EVERY_SECONDS):
            self._last_line = now
            self._console.print(line, highlight=False, soft_wrap=True)


class BatchDisplay(_Display):
    """Shows patients done, at work and failed, and the remaining time.

    Parameters
    ----------
    quiet : show nothing
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__("Patients", quiet=quiet)

    def __call__(self, progress: BatchProgress) -> None:
        """Show one step of the batch."""
        state = f"{progress.running} running, {progress.failed} failed{self._left(progress)}"
        self._bar.update(self._task, completed=progress.done, total=progress.total, state=state)
        line = f"{progress.done} of {quantity(progress.total, 'patient')}, {state}"
        self._log(line, is_last=progress.done == progress.total)

    def _left(self, progress: BatchProgress) -> str:
        """Say how long it will take, if others take as long as those that were read in this run."""
        read, left = progress.done - progress.earlier, progress.total - progress.done
        if not read or not left:
            return ""
        seconds = round((time.monotonic() - self._started) / read * left)
        return f", {timedelta(seconds=seconds)} left"


class ProgressDisplay(_Display):
    """Shows fields done, cells found, cells per second and the remaining time.

    Parameters
    ----------
    quiet : show nothing
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(_STAGES["listing"], TimeRemainingColumn(), quiet=quiet)
        self._first_cells: int | None = None

    def __call__(self, progress: Progress) -> None:
        """Show one step of the run."""
        if progress.stage != "reading":
            self._bar.update(self._task, description=_STAGES[progress.stage])
            return
        if self._first_cells is None:
            self._first_cells, self._started = progress.cells, time.monotonic()
        state = self._found(progress)
        self._bar.update(
            self._task,
            description=_STAGES["reading"],
            completed=progress.done,
            total=progress.total,
            state=state,
        )
        if progress.total:
            line = f"{progress.done} of {progress.total} fields, {state}"
            self._log(line, is_last=progress.done == progress.total)

    def _found(self, progress: Progress) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        found = f"{quantity(progress.cells, 'cell')}, {quantity(progress.blasts, 'blast')}"
        fresh = progress.cells - (self._first_cells or 0)  # the others were found by the run that is resumed
        return f"{found}, {fresh / seconds:.0f} cells/s" if fresh else found
