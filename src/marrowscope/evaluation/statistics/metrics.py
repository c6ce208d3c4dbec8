"""Figures of a classifier from plain columns, each with weights so that it can be bootstrapped."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReliabilityBin:
    """Cells whose probability fell into one bin: how sure the classifier was, how often it was right."""

    n: int
    mean_probability: float
    frequency: float


def share(hits: Bools, among: Bools, weights: Floats) -> float:
    """Weighted share of `among` that are `hits`; NaN where none is among them."""
    whole = float(weights[among].sum())
    return float(weights[among & hits].sum()) / whole if whole > 0 else float("nan")


def area_under_roc(truth: Bools, score: npt.NDArray[np.floating], weights: Floats | None = None) -> float:
    """Probability that a true item scores above a false one, ties half (Mann-Whitney); NaN without both."""
    weight = np.ones(len(truth)) if weights is None else weights
    _, level = np.unique(score, return_inverse=True)
    size = int(level.max(initial=-1)) + 1
    positive = np.bincount(level, weight * truth, minlength=size)
    negative = np.bincount(level, weight * ~truth, minlength=size)
    total = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / total) if total > 0 else float("nan")


def balanced_accuracy(truth: Bools, called: Bools, weights: Floats | None = None) -> float:
    """Mean of sensitivity and specificity; NaN unless both kinds are there."""
    weight = np.ones(len(truth)) if weights is None else weights
    return (share(called, truth, weight) + share(~called, ~truth, weight)) / 2


def confusion_matrix(
    truth: Integers, called: Integers, rows: int, columns: int, weights: Floats | None = None
) -> Floats:
    """Items by true class (rows) and by the class they were called (columns), (rows, columns)."""
    weight = np.ones(len(truth)) if weights is None else weights
    flat = np.bincount(truth * columns + called, weight, minlength=rows * columns)
    return np.asarray(flat.reshape(rows, columns), dtype=np.float64)


def f1_scores(matrix: Floats) -> Floats:
    """F1 of each class of a square confusion matrix; NaN for classes without a true item."""
    hits, true, called = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(true > 0, 2 * hits / (true + called), np.nan)


def macro_f1(matrix: Floats) -> float:
    """Mean F1 over the classes that have a true item; NaN without any."""
    scores = f1_scores(matrix)
    present = ~np.isnan(scores)
    return float(scores[present].mean()) if present.any() else float("nan")


def reliability(truth: Bools, probability: npt.NDArray[np.floating], bins: int = 15) -> list[ReliabilityBin]:
    """Compare probabilities with frequencies in equally wide bins; empty bins are left out."""
    index = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            int(inside.sum()), float(probability[inside].mean()), float(truth[inside].mean(dtype=np.float64))
        )
        for inside in (index == b for b in range(bins))
        if inside.any()
    ]


def expected_calibration_error(curve: list[ReliabilityBin]) -> float:
    """Mean gap between probability and frequency over the items (Naeini et al., AAAI 2015); NaN if empty."""
    total = sum(point.n for point in curve)
    gaps = sum(point.n * abs(point.mean_probability - point.frequency) for point in curve)
    return gaps / total if total else float("nan")
