"""Plots of results: confusion, precision-recall, reliability, risk-coverage; PNG or SVG by suffix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from marrowscope.evaluation.networks.detector import DetectionResult
from marrowscope.evaluation.statistics.metrics import ReliabilityBin
from marrowscope.evaluation.statistics.risk_coverage import RiskCoverage

_BLUE, _RED, _OCHRE, _GREY = "#2b5d8a", "#b03a2e", "#b9770e", "#9a9a9a"
_TITLE_PT = 10


def draw_confusion_matrix(
    counts: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str], path: Path, title: str = ""
) -> Path:
    """Draw counts by truth (rows) and prediction (columns), shaded by the share of each row."""
    matrix = np.asarray(counts, dtype=float)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    plot = Figure(figsize=(2.2 + 0.62 * len(columns), 1.8 + 0.5 * len(rows)), layout="constrained")
    axes = plot.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(columns)), [_words(c) for c in columns], rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), [_words(r) for r in rows], fontsize=8)
    axes.set(xlabel="called", ylabel="true")
    axes.set_title(title, fontsize=_TITLE_PT)
    return save(plot, path)


def draw_precision_recall(results: dict[str, DetectionResult], path: Path) -> Path:
    """Draw one curve a set, with a point where the detector is used."""
    plot = Figure(figsize=(5, 4.2), layout="constrained")
    axes = plot.subplots()
    for name, result in results.items():
        if not result.curve:
            continue
        recall = [point.recall for point in result.curve]
        precision = [point.precision for point in result.curve]
        ap50 = f", AP50 {result.ap50.value:.3f}" if result.ap50.value is not None else ""
        (line,) = axes.plot(recall, precision, label=f"{name}{ap50}")
        if result.recall.value is not None and result.precision.value is not None:
            axes.plot(result.recall.value, result.precision.value, "o", color=line.get_color())
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.set_title("dot: at the score from which a box is kept", fontsize=_TITLE_PT)
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(loc="lower left", fontsize=8)
    return save(plot, path)


def draw_risk_coverage(result: RiskCoverage, path: Path, title: str = "") -> Path:
    """Draw errors of blast or not against the share of cells called, the least certain left out first."""
    plot = Figure(figsize=(5, 4.2), layout="constrained")
    axes = plot.subplots()
    for label, name, colour in (
        ("called wrongly, of all", "error", _BLUE),
        ("called a blast, of the others", "false_positive_rate", _RED),
        ("missed, of the blasts", "false_negative_rate", _OCHRE),
    ):
        known = [(p.coverage, 100 * rate) for p in result.curve if (rate := getattr(p, name)) is not None]
        if known:
            axes.plot(*zip(*known, strict=True), color=colour, label=label)
    chosen = result.set_aside.coverage
    aside = f"{100 * (1 - chosen):.0f} % set aside"
    axes.axvline(chosen, linestyle="--", color=_GREY, linewidth=1, label=aside)
    axes.set(xlabel="share of the cells called, the surest first", ylabel="errors (%)")
    axes.set_title(title, fontsize=_TITLE_PT)
    axes.set(xlim=(0, 1.01))
    top = max(axes.get_ylim()[1], 1.0)
    axes.set_ylim(-0.02 * top, top)  # so that a line at nought is seen
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)
    return save(plot, path)


def draw_reliability(
    curve: Sequence[ReliabilityBin], path: Path, ece: float | None = None, title: str = ""
) -> Path:
    """Draw how often cells were blasts against the predicted probability."""
    plot = Figure(figsize=(4.4, 4.2), layout="constrained")
    axes = plot.subplots()
    axes.plot([0, 1], [0, 1], "--", color=_GREY, linewidth=1)
    if curve:
        largest = max(point.n for point in curve)
        axes.plot([b.mean_probability for b in curve], [b.frequency for b in curve], color=_BLUE, linewidth=1)
        axes.scatter(
            [b.mean_probability for b in curve],
            [b.frequency for b in curve],
            s=[12 + 120 * b.n / largest for b in curve],
            color=_BLUE,
        )
    error = "" if ece is None else f"expected calibration error {ece:.3f}"
    axes.set(
        xlabel="predicted probability of a blast (dot: larger with more cells)",
        ylabel="share that were blasts",
    )
    axes.set_title("\n".join(line for line in (title, error) if line), fontsize=_TITLE_PT)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(alpha=0.3)
    return save(plot, path)


def _words(name: str) -> str:
    return name.replace("_", " ")


def save(plot: Figure, path: Path) -> Path:
    """Write a plot in the format of the suffix, without pyplot: no display and no global state is used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(plot)
    # Without a date, the same result gives the same file.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    plot.savefig(path, dpi=130, metadata=metadata)
    return path
