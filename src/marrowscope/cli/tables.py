"""Tables of results on the terminal."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from marrowscope.domain.decision import Verdict, verdict_words
from marrowscope.domain.patient import known_state_words
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.domain.quantity import quantity

if TYPE_CHECKING:
    from marrowscope.domain.patient import CohortReport

_CONFUSION = "Known state and decision"
VERDICT_STYLES = {
    Verdict.POSITIVE: "bold red",
    Verdict.NEGATIVE: "bold",
    Verdict.INDETERMINATE: "yellow",
    Verdict.INSUFFICIENT: "dim",
}


def print_patients(report: "CohortReport", true_percents: Mapping[str, float] | None = None) -> None:
    """Print a row per patient, with the counted share and the interval that decides.

    Parameters
    ----------
    report : the report, of at least one patient
    true_percents : blast percentage of each patient where it is known; printed beside the counted one, and
        what decides is not named, for which there is no room
    """
    rule = report.patients[0].decision.rule
    table = _table(f"Decision by {rule.id}: {rule.condition}")
    beside, by = (("true %",), ()) if true_percents else ((), ("by",))
    for title in ("patient", "counted", "blasts", "blast %", *beside, "decides, %", *by, "decision"):
        is_text = title in {"patient", "by", "decision"}
        table.add_column(
            title,
            justify="left" if is_text else "right",
            no_wrap=title != "patient",
            min_width=10 if title == "patient" else None,
            overflow="fold",  # a cut name could be mistaken for another patient's
        )
    for patient in report.patients:
        differential, interval = patient.differential, patient.blast_interval
        deciding, decision = patient.deciding_interval, patient.decision
        table.add_row(
            escape(patient.patient),
            str(differential.counted),
            str(differential.blasts),
            "" if interval is None else percent_text(interval.estimate),
            *([_true_text(true_percents.get(patient.patient))] if true_percents else []),
            "" if deciding is None else range_text(deciding.low, deciding.high),
            *([] if true_percents else ["–" if deciding is None else decision.decided_by.value]),
            f"[{VERDICT_STYLES[decision.verdict]}]{decision.words}[/]",
        )
    Console().print(table)
    failures = sum(patient.fields_failed for patient in report.patients)
    if failures:
        fields = quantity(failures, "field")
        Console(stderr=True).print(f"{fields} could not be read; the report lists them with the reasons.")


def _true_text(percent: float | None) -> str:
    return "" if percent is None else percent_text(percent / 100)


def print_confusion(report: "CohortReport") -> None:
    """Print known state against decision for the patients whose state is known."""
    pairs = Counter((p.truth, p.decision.verdict) for p in report.patients if p.truth)
    table = _table(_CONFUSION)
    threshold = report.patients[0].decision.rule.threshold_percent
    table.add_column("known state")
    for verdict in Verdict:
        table.add_column(verdict_words(verdict, threshold), justify="right")
    for truth in sorted({truth for truth, _ in pairs if truth}, reverse=True):
        table.add_row(escape(known_state_words(truth)), *(str(pairs[truth, verdict]) for verdict in Verdict))
    Console().print(table)


def _table(title: str) -> Table:
    """Return a table that fits a terminal of 80 columns."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
