"""Progress of a run: a bar on terminals, an occasional line in logs."""

import time
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
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


class BatchDisplay:
    """Shows patients done, at work and failed, and the remaining time.

    Parameters
    ----------
    quiet : show nothing
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._quiet = quiet
        self._terminal = self._console.is_terminal and not quiet
        self._last_line = self._started = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            console=self._console,
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("Patients", total=None, state="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: BatchProgress) -> None:
        """Show one step of the batch."""
        state = f"{progress.running} running, {progress.failed} failed{self._left(progress)}"
        self._bar.update(self._task, completed=progress.done, total=progress.total, state=state)
        now = time.monotonic()
        is_due = progress.done == progress.total or now - self._last_line >= _LOG_EVERY_SECONDS
        if self._quiet or self._terminal or not is_due:
            return
        self._last_line = now
        line = f"{progress.done} of {quantity(progress.total, 'patient')}, {state}"
        self._console.print(line, highlight=False, soft_wrap=True)

    def _left(self, progress: BatchProgress) -> str:
        """Say how long it will take, if others take as long as those that were read in this run."""
        read, left = progress.done - progress.earlier, progress.total - progress.done
        if not read or not left:
            return ""
        seconds = round((time.monotonic() - self._started) / read * left)
        return f", {timedelta(seconds=seconds)} left"


class ProgressDisplay:
    """Shows fields done, cells found, cells per second and the remaining time.

    Parameters
    ----------
    quiet : show nothing
    """

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._quiet = quiet
        self._terminal = console.is_terminal and not quiet
        self._console = console
        self._started = time.monotonic()
        self._first_cells: int | None = None
        self._last_line = self._started
        self._bar = Bar(
            TextColumn("{task.description:<16}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[found]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("Listing", total=None, found="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show one step of the run."""
        if progress.stage == "reading":
            if self._first_cells is None:
                self._first_cells, self._started = progress.cells, time.monotonic()
            self._bar.update(
                self._task,
                description=_STAGES["reading"],
                completed=progress.done,
                total=progress.total,
                found=self._found(progress),
            )
            self._log(progress)
        else:
            self._bar.update(self._task, description=_STAGES[progress.stage])

    def _found(self, progress: Progress) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        rate = (progress.cells - (self._first_cells or 0)) / seconds
        return f"{quantity(progress.cells, 'cell')}, {quantity(progress.blasts, 'blast')}, {rate:.0f} cells/s"

    def _log(self, progress: Progress) -> None:
        """Write an occasional line, and one at the end, if there is no terminal for the bar."""
        now = time.monotonic()
        is_due = progress.done == progress.total or now - self._last_line >= _LOG_EVERY_SECONDS
        if self._quiet or self._terminal or not is_due or not progress.total:
            return
        self._last_line = now
        self._console.print(
            f"{progress.done} of {progress.total} fields, {self._found(progress)}", highlight=False
        )
