"""The live count on the terminal: a panel, lines in logs, or JSON."""

import json
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from marrowscope.cli.tables import VERDICT_STYLES
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.domain.quantity import quantity
from marrowscope.exports.tables import patient_row
from marrowscope.live.count import LiveUpdate
from marrowscope.live.standing import Standing


class LiveDisplay:
    """Shows the share so far, the cells to go, and what the newest image showed.

    Parameters
    ----------
    quiet : show nothing
    sound : beep when a patient's target or decision is reached
    as_json : print rows of patients, a line each, on stdout
    aside : returns a further line, which is shown as it changes; what the camera shows
    """

    def __init__(
        self, *, quiet: bool, sound: bool, as_json: bool, aside: Callable[[], str] | None = None
    ) -> None:
        self.waiting = 0
        self._quiet = quiet
        self._sound = sound
        self._as_json = as_json
        self._standings: Mapping[str, Standing] = {}
        self._reached: set[tuple[str, str]] = set()
        self._aside = aside
        self._update: LiveUpdate | None = None
        self._console = Console(stderr=True)
        self._live: Live | None = None
        if self._console.is_terminal and not quiet:
            self._live = Live(
                get_renderable=self._rendered, console=self._console, auto_refresh=aside is not None
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, update: LiveUpdate) -> None:
        """Show the count after further images."""
        self.waiting = update.waiting
        self._standings = update.standings
        if self._as_json:
            self._print_rows(update)
        self._update = update
        if self._live is not None:
            self._live.refresh()
        elif not self._quiet and not self._as_json:
            for patient, field in update.new:
                self._console.print(
                    f"{_seen(field)}  {self._line(patient)}", highlight=False, markup=False, soft_wrap=True
                )
        for patient in update.report.patients:
            self._beep(patient)

    def _rendered(self) -> Group:
        aside = "" if self._aside is None else self._aside()
        lines = [Text(aside)] if aside else []
        if self._update is None:
            return Group(*lines, Text("Waiting for the first image …", style="dim"))
        return Group(*map(self._panel, self._update.report.patients), *lines, self._footer(self._update))

    def _print_rows(self, update: LiveUpdate) -> None:
        changed = dict.fromkeys(patient.patient for patient, _ in update.new)
        for patient in update.report.patients:
            if patient.patient in changed:
                row = patient_row(patient) | {"seconds": round(update.seconds, 3), "waiting": update.waiting}
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def _panel(self, patient: PatientReading) -> Panel:
        text = Text(self._line(patient))
        text.append(f"\n{patient.decision.why}", style="dim")
        style = VERDICT_STYLES[patient.decision.verdict]
        return Panel(
            text,
            title=escape(patient.patient),
            title_align="left",
            subtitle=patient.decision.statement,
            subtitle_align="left",
            border_style=style,
        )

    def _line(self, patient: PatientReading) -> str:
        """Return the count in one line."""
        counted, interval = patient.differential.counted, patient.blast_interval
        if interval is None:
            return "no cell counted yet"
        to_go = self._standings[patient.patient].to_go
        return (
            f"{percent_text(interval.estimate)} % blasts ({range_text(interval.low, interval.high)} %), "
            f"{patient.differential.blasts} of {quantity(counted, 'cell')}"
            + (f", {to_go} to go" if to_go else "")
        )

    def _footer(self, update: LiveUpdate) -> Text:
        newest = (
            f"{_seen(update.new[-1][1])}, {update.seconds:.1f} s after it was written" if update.new else ""
        )
        failed = sum(patient.fields_failed for patient in update.report.patients)
        parts = [
            newest,
            f"{quantity(update.waiting, 'image')} waiting" if update.waiting else "",
            f"{quantity(failed, 'image')} cannot be read" if failed else "",
            "Ctrl-C ends the count and writes the report",
        ]
        return Text(" · ".join(filter(None, parts)), style="dim")

    def _beep(self, patient: PatientReading) -> None:
        """Sound once when a patient's target is reached, and once when their count decides."""
        now = set()
        standing = self._standings[patient.patient]
        if standing.has_target:
            now.add((patient.patient, "target"))
        if standing.is_settled:
            now.add((patient.patient, "decision"))
        if now - self._reached and self._sound and self._console.is_terminal:
            self._console.bell()
        self._reached |= now


def _seen(field: FieldReading) -> str:
    if field.status in {FieldStatus.DUPLICATE, FieldStatus.FAILED}:
        return f"{field.name}: {field.message}"
    return f"{field.name}: {quantity(len(field.cells), 'cell')}"
