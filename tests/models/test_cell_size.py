"""Size as evidence: Bayes' rule, bounded by outliers, silent where the scale is not known."""

import numpy as np
import pytest
from scipy.special import log_softmax

from marrowscope.models.cell_size import CellSizes, size_evidence
from marrowscope.models.classifier import joint_probabilities

CLASSES = ("blast", "lymphocyte", "monocyte")
SIZES = CellSizes({"blast": (13.4, 0.18), "lymphocyte": (10.0, 0.12), "monocyte": (16.4, 0.17)}, error=0.1)


def sides(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_small_cells_speak_for_lymphocytes_and_large_ones_for_monocytes() -> None:
    likelihood = SIZES.log_likelihood(sides(9.0, 13.4, 19.0), CLASSES)
    assert [CLASSES[i] for i in likelihood.argmax(axis=1)] == ["lymphocyte", "blast", "monocyte"]


def test_an_unknown_scale_says_nothing() -> None:
    assert not SIZES.log_likelihood(sides(0.0), CLASSES).any()
    assert not CellSizes().log_likelihood(sides(9.0, 20.0), CLASSES).any()


def test_a_wrong_box_does_not_overrule_the_picture() -> None:
    """Two cells in one box, or a scale off by three, move the odds by less than a factor of thirty."""
    likelihood = SIZES.log_likelihood(sides(2.0, 40.0), CLASSES)
    assert np.ptp(likelihood, axis=1).max() < np.log(30)


def test_frequencies_are_those_of_bayes_rule() -> None:
    """Cells drawn from the very distributions: of those given 70-80 %, about that many are blasts."""
    rng = np.random.default_rng(0)
    is_blast = rng.random(60_000) < 0.5
    median, spread = np.where(is_blast, 13.4, 10.0), np.hypot(np.where(is_blast, 0.18, 0.12), SIZES.error)
    drawn = np.exp(rng.normal(np.log(median), spread))
    outlier = rng.random(60_000) < 0.1
    drawn[outlier] = np.exp(rng.normal(np.log(12.0), 0.6, outlier.sum()))
    only = SIZES.log_likelihood(drawn.astype(np.float32), CLASSES[:2])
    p_blast = joint_probabilities(np.zeros(60_000, np.float32), np.zeros((60_000, 1), np.float32), only)[:, 0]
    for low in (0.1, 0.3, 0.5, 0.7):
        bin_ = (p_blast >= low) & (p_blast < low + 0.1)
        assert is_blast[bin_].mean() == pytest.approx(p_blast[bin_].mean(), abs=0.03)


def test_evidence_is_what_size_adds_to_the_log_odds() -> None:
    rng = np.random.default_rng(1)
    blast = rng.normal(0, 2, 50).astype(np.float32)
    types = rng.normal(0, 2, (50, 2)).astype(np.float32)
    likelihood = SIZES.log_likelihood(rng.uniform(7, 20, 50).astype(np.float32), CLASSES)
    joint = joint_probabilities(blast, types, likelihood)[:, 0].astype(float)
    added = size_evidence(likelihood, log_softmax(types.astype(float), axis=1))
    np.testing.assert_allclose(np.log(joint / (1 - joint)), blast + added, atol=1e-3)


def test_a_table_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        CellSizes.of({"um": {"blast": [0.0, 0.1]}, "error": 0.1})
    assert CellSizes.of({"um": {"blast": [13, 0.1]}, "error": 0.1}).um == {"blast": (13.0, 0.1)}
