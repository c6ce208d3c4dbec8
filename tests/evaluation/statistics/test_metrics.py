"""Figures of a classifier against scikit-learn and against cases known by hand."""

import numpy as np
import pytest
from scipy.special import expit

from marrowscope.evaluation.statistics import metrics

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="the oracle is not installed")


@pytest.fixture
def case() -> tuple[metrics.Bools, metrics.Floats, metrics.Floats]:
    rng = np.random.default_rng(3)
    truth = rng.random(400) < 0.3
    score = np.round(expit(rng.normal(truth * 1.5, 1)), 2)  # rounded: ties
    return truth, score, rng.integers(0, 4, 400).astype(float)


def test_auc_is_scikit_learns(case: tuple[metrics.Bools, metrics.Floats, metrics.Floats]) -> None:
    truth, score, weights = case
    assert metrics.area_under_roc(truth, score) == pytest.approx(sklearn_metrics.roc_auc_score(truth, score))
    weighted = sklearn_metrics.roc_auc_score(truth, score, sample_weight=weights)
    assert metrics.area_under_roc(truth, score, weights) == pytest.approx(weighted)
    assert np.isnan(metrics.area_under_roc(np.ones(3, bool), np.arange(3.0)))


def test_balanced_accuracy_is_scikit_learns(
    case: tuple[metrics.Bools, metrics.Floats, metrics.Floats],
) -> None:
    truth, score, weights = case
    expected = sklearn_metrics.balanced_accuracy_score(truth, score > 0.5, sample_weight=weights)
    assert metrics.balanced_accuracy(truth, score > 0.5, weights) == pytest.approx(expected)


def test_confusion_and_f1_are_scikit_learns() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 5, 300)
    called = np.where(rng.random(300) < 0.7, truth, rng.integers(0, 5, 300))
    matrix = metrics.confusion_matrix(truth, called, 5, 5)
    np.testing.assert_array_equal(matrix, sklearn_metrics.confusion_matrix(truth, called))
    assert metrics.macro_f1(matrix) == pytest.approx(sklearn_metrics.f1_score(truth, called, average="macro"))


def test_macro_f1_leaves_out_classes_without_items() -> None:
    assert metrics.macro_f1(np.array([[4.0, 0, 0], [0, 4, 0], [0, 0, 0]])) == 1
    assert np.isnan(metrics.macro_f1(np.zeros((3, 3))))


def test_calibration_error_by_hand() -> None:
    probability = np.array([0.1, 0.1, 0.9, 0.9])
    truth = np.array([False, False, True, False])
    curve = metrics.reliability(truth, probability, bins=10)
    assert [(b.n, b.frequency) for b in curve] == [(2, 0), (2, 0.5)]
    assert metrics.expected_calibration_error(curve) == pytest.approx((2 * 0.1 + 2 * 0.4) / 4)
    assert metrics.reliability(np.ones(1, bool), np.ones(1), bins=10)[0].mean_probability == 1
