"""Pictures of decisions and percentages against the truth; PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marrowscope.domain.decision import OVER_20
from marrowscope.evaluation.figures import draw_confusion_matrix, save
from marrowscope.evaluation.patients import DECISIONS, TRUTHS, Pair, PatientsResult

_BLUE, _GREY, _RED = "#2b5d8a", "#9a9a9a", "#b23a3a"
_SUFFIXES = (".png", ".svg")


def draw_patients(result: PatientsResult, folder: Path) -> tuple[Path, ...]:
    """Draw what there is to draw of an evaluation, each picture as PNG and SVG; return the files.

    The confusion matrix always; percentages against the truth and their differences where it gives any.
    """
    drawn = []
    for suffix in _SUFFIXES:
        path = folder / f"decisions{suffix}"
        drawn.append(draw_confusion_matrix(result.confusion, TRUTHS, DECISIONS, path, "Decisions"))
        if result.pairs:
            drawn.append(_draw_percentages(result, folder / f"percentages{suffix}"))
        if result.agreement is not None:
            drawn.append(_draw_differences(result, folder / f"differences{suffix}"))
    return tuple(drawn)


def _draw_percentages(result: PatientsResult, path: Path) -> Path:
    """Draw measured against true percentages with their intervals, and the line through them."""
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    axes = figure.subplots()
    ends = np.array([0.0, 100.0])
    axes.plot(ends, ends, "--", color=_GREY, linewidth=1, label="equal")
    _threshold(axes)
    _points(axes, result.pairs)
    line = result.agreement
    if line is not None and line.slope.value is not None and line.intercept.value is not None:
        label = f"Passing–Bablok, slope {line.slope.value:.2f}"
        axes.plot(ends, line.intercept.value + line.slope.value * ends, color=_BLUE, linewidth=1, label=label)
    axes.set(xlabel="true blasts, %", ylabel="counted blasts, %", xlim=(-2, 102), ylim=(-2, 102))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)
    return save(figure, path)


def _points(axes: Axes, pairs: Sequence[Pair]) -> None:
    true = np.array([pair.true for pair in pairs])
    measured = np.array([pair.measured for pair in pairs])
    low = np.array([measured[i] if p.low is None else p.low for i, p in enumerate(pairs)])
    high = np.array([measured[i] if p.high is None else p.high for i, p in enumerate(pairs)])
    reach = np.maximum(np.stack([measured - low, high - measured]), 0)
    axes.errorbar(true, measured, reach, fmt="o", color=_BLUE, markersize=4, linewidth=0.8)


def _threshold(axes: Axes) -> None:
    for draw in (axes.axvline, axes.axhline):
        draw(OVER_20.threshold_percent, color=_RED, linewidth=0.6, alpha=0.6)


def _draw_differences(result: PatientsResult, path: Path) -> Path:
    """Draw differences against means with bias and limits of agreement (Bland & Altman)."""
    figure = Figure(figsize=(5.4, 4), layout="constrained")
    axes = figure.subplots()
    true = np.array([pair.true for pair in result.pairs])
    measured = np.array([pair.measured for pair in result.pairs])
    axes.scatter((true + measured) / 2, measured - true, s=16, color=_BLUE)
    found = result.agreement
    if found is not None:
        lines = {"bias": found.bias, "lower limit": found.limits[0], "upper limit": found.limits[1]}
        for name, line in lines.items():
            _level(axes, name, line.value)
    axes.set(xlabel="mean of true and counted, %", ylabel="counted minus true, points")
    axes.grid(alpha=0.3)
    return save(figure, path)


def _level(axes: Axes, name: str, value: float | None) -> None:
    if value is not None:
        axes.axhline(value, color=_GREY, linestyle="-" if name == "bias" else "--", linewidth=1)
        place = axes.get_yaxis_transform()  # across the picture, up in percentage points
        axes.text(0.99, value, f"{name} {value:+.1f}", transform=place, ha="right", va="bottom", fontsize=8)
