"""Plots of a report. Figures are made without pyplot, which would keep them all in memory."""

from matplotlib.figure import Figure

from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.domain.quantity import quantity
from marrowscope.exports.figures import type_rows
from marrowscope.exports.html import INKS
from marrowscope.imaging.names import shown

_ROW_IN, _WIDTH_IN, _MARGIN_IN = 0.32, 7.0, 1.2


def draw_shares(report: CohortReport) -> Figure:
    """Draw each patient's counted blast share with its interval, coloured by the decision."""
    patients = list(reversed(report.patients))
    figure = Figure(figsize=(_WIDTH_IN, _MARGIN_IN + _ROW_IN * len(patients)), layout="constrained")
    axes = figure.subplots()
    for place, patient in enumerate(patients):
        share = patient.blast_interval
        if share is None:
            continue
        estimate, low, high = (100 * value for value in (share.estimate, share.low, share.high))
        axes.errorbar(
            estimate,
            place,
            xerr=[[max(estimate - low, 0)], [max(high - estimate, 0)]],
            fmt="o",
            color=INKS[patient.decision.verdict.value],
            capsize=3,
        )
    for rule in {patient.decision.rule for patient in patients}:
        axes.axvline(rule.threshold_percent, color="#4a4f57", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(patients)), [shown(patient.patient) for patient in patients])
    axes.set_ylim(-0.6, len(patients) - 0.4)
    axes.set_xlim(0, 100)
    axes.set_xlabel("Blasts, % of the counted cells, with 95 % interval\n(dashed: the rule's threshold)")
    return figure


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
