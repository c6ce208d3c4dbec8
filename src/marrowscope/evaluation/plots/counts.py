"""Pictures of decisions and percentages against the truth; PNG and SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marrowscope.domain.decision import OVER_20
from marrowscope.domain.patient import known_state_words
from marrowscope.evaluation.counts.agreement import Agreement
from marrowscope.evaluation.counts.patients import DECISIONS, TRUTHS, PatientsResult
from marrowscope.evaluation.counts.percents import Pair
from marrowscope.evaluation.counts.virtual import SIDES, VirtualResult
from marrowscope.evaluation.plots.networks import draw_confusion_matrix, save

_BLUE, _GREY, _RED = "#2b5d8a", "#9a9a9a", "#b23a3a"
_SUFFIXES = (".png", ".svg")


@dataclass(frozen=True)
class _Compared:
    """A percentage against the truth, and its word for print."""

    word: str
    pairs: Sequence[Pair]
    agreement: Agreement | None


def draw_patients(result: PatientsResult, folder: Path) -> tuple[Path, ...]:
    """Draw what there is to draw of an evaluation, each plot as PNG and SVG; return the files.

    The confusion matrix always; counted and corrected percentages against the truth and their differences
    where it gives any.
    """
    drawn = []
    rows = [known_state_words(truth) for truth in TRUTHS]
    for suffix in _SUFFIXES:
        path = folder / f"decisions{suffix}"
        drawn.append(draw_confusion_matrix(result.confusion, rows, DECISIONS, path, "Decisions"))
        drawn += _draw_compared(result, folder, suffix)
    return tuple(drawn)


def draw_virtual(result: VirtualResult, folder: Path, name: str = "") -> tuple[Path, ...]:
    """Draw virtual counts like patients, under names that do not call them so."""
    drawn = []
    stem = f"virtual_{name}_" if name else "virtual_"
    rows = [f"{side} {OVER_20.threshold_percent:g} %" for side in SIDES]
    for suffix in _SUFFIXES:
        for what, counts in (("all", result.all_counts), ("nine", result.nine)):
            path = folder / f"{stem}decisions_{what}{suffix}"
            title = f"{counts.n_patients} virtual counts"
            drawn.append(draw_confusion_matrix(counts.confusion, rows, DECISIONS, path, title))
        drawn += _draw_compared(result.all_counts, folder, suffix, stem)
    return tuple(drawn)


def _draw_compared(result: PatientsResult, folder: Path, suffix: str, stem: str = "") -> list[Path]:
    both = (
        _Compared("counted", result.pairs, result.agreement),
        _Compared("corrected", result.adjusted_pairs, result.adjusted_agreement),
    )
    known = [compared for compared in both if compared.pairs]
    drawn = []
    if known:
        drawn.append(_draw_percentages(known, folder / f"{stem}percentages{suffix}"))
    agreeing = [compared for compared in known if compared.agreement is not None]
    if agreeing:
        drawn.append(_draw_differences(agreeing, folder / f"{stem}differences{suffix}"))
    return drawn


def _draw_percentages(shown: Sequence[_Compared], path: Path) -> Path:
    """Draw measured against true percentages with their intervals, and the line through them."""
    plot = Figure(figsize=(4.6 * len(shown), 4.4), layout="constrained")
    panels = plot.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for axes, compared in zip(panels, shown, strict=True):
        _draw_pairs(axes, compared)
    return save(plot, path)


def _draw_pairs(axes: Axes, compared: _Compared) -> None:
    ends = np.array([0.0, 100.0])
    axes.plot(ends, ends, "--", color=_GREY, linewidth=1, label="equal")
    _threshold(axes)
    _points(axes, compared.pairs)
    line = compared.agreement
    if line is not None and line.slope.value is not None and line.intercept.value is not None:
        label = f"Passing–Bablok, slope {line.slope.value:.2f}"
        axes.plot(ends, line.intercept.value + line.slope.value * ends, color=_BLUE, linewidth=1, label=label)
    axes.set(xlabel="true blasts, %", ylabel=f"{compared.word} blasts, %", xlim=(-2, 102), ylim=(-2, 102))
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)


def _points(axes: Axes, pairs: Sequence[Pair]) -> None:
    true = np.array([pair.true for pair in pairs])
    measured = np.array([pair.measured for pair in pairs])
    low = np.array([measured[i] if p.low is None else p.low for i, p in enumerate(pairs)])
    high = np.array([measured[i] if p.high is None else p.high for i, p in enumerate(pairs)])
    reach = np.maximum(np.stack([measured - low, high - measured]), 0)
    size = 4 if len(pairs) <= 50 else 2  # many points must leave their intervals to be seen
    axes.errorbar(true, measured, reach, fmt="o", color=_BLUE, markersize=size, linewidth=0.8)


def _threshold(axes: Axes) -> None:
    for draw in (axes.axvline, axes.axhline):
        draw(OVER_20.threshold_percent, color=_RED, linewidth=0.6, alpha=0.6)


def _draw_differences(shown: Sequence[_Compared], path: Path) -> Path:
    """Draw differences against means with bias and limits of agreement (Bland & Altman)."""
    plot = Figure(figsize=(5 * len(shown), 3.8), layout="constrained")
    panels = plot.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    for axes, compared in zip(panels, shown, strict=True):
        _draw_agreement(axes, compared)
    return save(plot, path)


def _draw_agreement(axes: Axes, compared: _Compared) -> None:
    true = np.array([pair.true for pair in compared.pairs])
    measured = np.array([pair.measured for pair in compared.pairs])
    axes.scatter((true + measured) / 2, measured - true, s=16 if len(true) <= 50 else 8, color=_BLUE)
    found = compared.agreement
    if found is not None:
        lines = {"bias": found.bias, "lower limit": found.limits[0], "upper limit": found.limits[1]}
        for name, line in lines.items():
            _level(axes, name, line.value)
    word = compared.word
    axes.set(xlabel=f"mean of true and {word}, %", ylabel=f"{word} minus true, points")
    axes.grid(alpha=0.3)


def _level(axes: Axes, name: str, value: float | None) -> None:
    if value is not None:
        axes.axhline(value, color=_GREY, linestyle="-" if name == "bias" else "--", linewidth=1)
        place = axes.get_yaxis_transform()  # across the picture, up in percentage points
        axes.text(
            0.99,
            value,
            f"{name} {round(value, 1) + 0.0:+.1f}",
            transform=place,
            ha="right",
            va="bottom",
            fontsize=8,
        )
