"""Plots of a report. Figures are made without pyplot, which would keep them all in memory."""

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.domain.quantity import quantity
from marrowscope.exports.figures import VERDICTS, type_rows
from marrowscope.exports.html import INKS
from marrowscope.imaging.names import shown

_ROW_IN, _WIDTH_IN, _MARGIN_IN, _LEGEND_IN = 0.32, 7.0, 1.2, 0.4
_BAR_PT = 7
_RING: Final[dict[str, Any]] = {
    "marker": "o",
    "markersize": 7,
    "markerfacecolor": "none",
    "markeredgecolor": "#1a2028",
    "markeredgewidth": 1,
    "linestyle": "none",
}


def draw_shares(report: CohortReport) -> Figure:
    """Draw each patient's deciding interval, coloured by the decision, and the counted share as a ring.

    The counted share never decides; where nothing else is known of a patient, the ring stands alone.
    """
    patients = list(reversed(report.patients))
    height = _MARGIN_IN + _LEGEND_IN + _ROW_IN * len(patients)
    figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
    axes = figure.subplots()
    for place, patient in enumerate(patients):
        _draw_share(axes, place, patient)
    for rule in {patient.decision.rule for patient in patients}:
        axes.axvline(rule.threshold_percent, color="#4a4f57", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(patients)), [shown(patient.patient) for patient in patients])
    axes.set_ylim(-0.6, len(patients) - 0.4)
    axes.set_xlim(-1, 101)  # a ring at either end is seen whole
    axes.set_xlabel("Blasts, % of the counted cells (dashed: the rule's threshold)")
    figure.legend(handles=_legend(patients), loc="outside upper center", ncols=3, frameon=False)
    return figure


def _draw_share(axes: Axes, place: int, patient: PatientReading) -> None:
    counted, deciding = patient.blast_interval, patient.adjusted_interval
    ink = INKS[patient.decision.verdict.value]
    if deciding is not None:
        ends = 100 * deciding.low, 100 * deciding.high
        axes.plot(ends, (place, place), color=ink, linewidth=_BAR_PT, solid_capstyle="butt")
        if not deciding.is_everything:
            axes.plot(100 * deciding.estimate, place, "D", markersize=4, color="white", markeredgecolor=ink)
    if counted is not None:
        axes.plot(100 * counted.estimate, place, zorder=3, **_RING)


def _legend(patients: Sequence[PatientReading]) -> list[Line2D]:
    """Return an entry for each decision that is drawn, and one for the ring."""
    words = {(patient.decision.verdict, patient.decision.words) for patient in patients}
    entries = [
        Line2D([], [], color=INKS[verdict.value], linewidth=_BAR_PT, label=text)
        for verdict, text in sorted(words, key=lambda entry: (VERDICTS.index(entry[0]), entry[1]))
    ]
    return [*entries, Line2D([], [], label="as counted, which never decides", **_RING)]


def draw_differential(patient: PatientReading) -> Figure:
    """Draw one patient's differential: a bar for each type with the interval of its share."""
    rows = list(reversed(type_rows(patient)))
    figure = Figure(figsize=(_WIDTH_IN, _MARGIN_IN + _ROW_IN * max(len(rows), 1)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        share, low, high = (100 * v for v in (row.interval.estimate, row.interval.low, row.interval.high))
        bounds = [[max(share - low, 0)], [max(high - share, 0)]]
        axes.barh(place, share, color=row.cell_type.colour, xerr=bounds, capsize=2, ecolor="#4a4f57")
    axes.set_yticks(range(len(rows)), [row.cell_type.name for row in rows])
    axes.set_xlim(left=0)
    axes.set_xlabel(f"% of {quantity(patient.differential.counted, 'counted cell')}, with 95 % interval")
    axes.set_title(f"{shown(patient.patient)}: {patient.decision.words}")
    return figure
