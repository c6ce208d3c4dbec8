"""The background-only baseline: how much of a result a classifier could reach without seeing any cell.

If blasts and other cells come from different laboratories, the colour of the empty slide distinguishes them;
a figure that is not far better than this baseline shows nothing about cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

from marrowscope.evaluation.statistics.metrics import (
    Floats,
    Integers,
    area_under_roc,
    balanced_accuracy,
)

FOLDS = 5
PENALTY = 1e-3  # weak: three features cannot overfit much, but separable classes need a bound


@dataclass(frozen=True)
class BackgroundBaseline:
    """What the mean background colour alone predicts; None if there are not two kinds to distinguish.

    `method` states on what it was fitted.
    """

    blast_auc: float | None
    blast_balanced_accuracy: float | None
    source_balanced_accuracy: float | None
    n_sources: int
    method: str

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        return {
            "auc": self.blast_auc,
            "balanced_accuracy": self.blast_balanced_accuracy,
            "source_balanced_accuracy": self.source_balanced_accuracy,
            "n_sources": self.n_sources,
            "method": self.method,
        }


@dataclass(frozen=True, eq=False)
class SoftmaxRegression:
    """Linear scores of standardised features: `weights` (features + 1, classes), the last row the offset."""

    mean: Floats
    scale: Floats
    weights: Floats

    def log_probabilities(self, features: Floats) -> Floats:
        """Give (n, classes) log probabilities of (n, features)."""
        return _log_probabilities(_standardised(features, self.mean, self.scale), self.weights)


def fit_softmax_regression(features: Floats, labels: Integers, classes: int) -> SoftmaxRegression:
    """Fit by maximum likelihood with every class weighing the same and a weak L2 penalty."""
    mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    x = _standardised(features, mean, scale)
    counts = np.bincount(labels, minlength=classes)
    item_weight = 1 / (counts[labels] * (counts > 0).sum())
    target = np.eye(classes)[labels]
    shape = (x.shape[1], classes)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        log_p = _log_probabilities(x, weights)
        value = -(item_weight * (target * log_p).sum(axis=1)).sum() + PENALTY * (weights**2).sum()
        gradient = x.T @ (item_weight[:, None] * (np.exp(log_p) - target)) + 2 * PENALTY * weights
        return float(value), gradient.ravel()

    fitted = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return SoftmaxRegression(mean, scale, fitted.x.reshape(shape))


def background_baseline(
    features: Floats,
    is_blast: npt.NDArray[np.bool_],
    sources: Sequence[str],
    training: tuple[Floats, npt.NDArray[np.bool_], Sequence[str]] | None = None,
) -> BackgroundBaseline:
    """Predict blast-or-not and the source from background colours.

    Parameters
    ----------
    features : (n, 3) mean background colour of the evaluated cells, in natural order of their names
    is_blast, sources : truth of the evaluated cells
    training : the same three of the cells the classifier was trained on; without it the baseline is
        cross-validated over contiguous blocks of each kind
    """
    names = sorted({*sources, *(training[2] if training else ())})
    source = np.array([names.index(name) for name in sources], dtype=np.int64)
    blast = is_blast.astype(np.int64)
    if training is None:
        blast_scores = _cross_validated(features, blast, 2)
        source_scores = _cross_validated(features, source, len(names))
        method = f"logistic regression, {FOLDS} folds of contiguous blocks of names"
    else:
        train_source = np.array([names.index(name) for name in training[2]], dtype=np.int64)
        blast_scores = _fitted_on(training[0], training[1].astype(np.int64), features, 2)
        source_scores = _fitted_on(training[0], train_source, features, len(names))
        method = "logistic regression fitted on the training part"
    return BackgroundBaseline(
        blast_auc=_blast_auc(is_blast, blast_scores),
        blast_balanced_accuracy=_blast_balanced_accuracy(is_blast, blast_scores),
        source_balanced_accuracy=_mean_recall(source, source_scores),
        n_sources=len(set(sources)),
        method=method,
    )


def _blast_auc(is_blast: npt.NDArray[np.bool_], scores: Floats | None) -> float | None:
    if scores is None or is_blast.all() or not is_blast.any():
        return None
    return area_under_roc(is_blast, scores[:, 1] - scores[:, 0])


def _blast_balanced_accuracy(is_blast: npt.NDArray[np.bool_], scores: Floats | None) -> float | None:
    if scores is None or is_blast.all() or not is_blast.any():
        return None
    return balanced_accuracy(is_blast, scores[:, 1] > scores[:, 0])


def _mean_recall(labels: Integers, scores: Floats | None) -> float | None:
    if scores is None or len(set(labels.tolist())) < 2:
        return None
    right = scores.argmax(axis=1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def _fitted_on(features: Floats, labels: Integers, shown: Floats, classes: int) -> Floats | None:
    if len(np.unique(labels)) < 2:
        return None
    return fit_softmax_regression(features, labels, classes).log_probabilities(shown)


def _cross_validated(features: Floats, labels: Integers, classes: int) -> Floats | None:
    """Scores of every item from a fit on the other blocks; None where a kind has too few items."""
    counts = np.bincount(labels, minlength=classes)
    if (counts > 0).sum() < 2 or counts[counts > 0].min() < FOLDS:
        return None
    fold = np.zeros(len(labels), dtype=int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        fold[members] = np.arange(len(members)) * FOLDS // len(members)
    scores = np.zeros((len(labels), classes))
    for k in range(FOLDS):
        held = fold == k
        fitted = fit_softmax_regression(features[~held], labels[~held], classes)
        scores[held] = fitted.log_probabilities(features[held])
    return scores


def _standardised(features: Floats, mean: Floats, scale: Floats) -> Floats:
    return np.hstack([(features - mean) / scale, np.ones((len(features), 1))])


def _log_probabilities(x: Floats, weights: Floats) -> Floats:
    return np.asarray(log_softmax(x @ weights, axis=1), dtype=np.float64)
