"""Nuclei as evidence: Bayes' rule, bounded by outliers, silent where the scale is not known."""

import numpy as np
import pytest
from scipy.special import log_softmax

from marrowscope.models.classifier import joint_probabilities
from marrowscope.models.nucleus_size import NucleusSizes, nucleus_um, size_evidence

CLASSES = ("blast", "lymphocyte", "monocyte")
SIZES = NucleusSizes({"blast": (10.5, 0.13), "lymphocyte": (7.5, 0.1), "monocyte": (14.5, 0.1)}, error=0.08)


def diameters(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_small_nuclei_speak_for_lymphocytes_and_large_ones_for_monocytes() -> None:
    likelihood = SIZES.log_likelihood(diameters(7.0, 10.5, 16.0), CLASSES)
    assert [CLASSES[i] for i in likelihood.argmax(axis=1)] == ["lymphocyte", "blast", "monocyte"]


def test_an_unknown_scale_says_nothing() -> None:
    assert not SIZES.log_likelihood(diameters(0.0), CLASSES).any()
    assert not NucleusSizes().log_likelihood(diameters(9.0, 20.0), CLASSES).any()


def test_a_wrong_box_does_not_overrule_the_picture() -> None:
    """Two cells in one box, or a scale off by three, move the odds by less than a factor of thirty."""
    likelihood = SIZES.log_likelihood(diameters(1.5, 40.0), CLASSES)
    assert np.ptp(likelihood, axis=1).max() < np.log(30)


def test_frequencies_are_those_of_bayes_rule() -> None:
    """Cells drawn from the very distributions: of those given 70-80 %, about that many are blasts."""
    rng = np.random.default_rng(0)
    is_blast = rng.random(60_000) < 0.5
    median, spread = np.where(is_blast, 10.5, 7.5), np.hypot(np.where(is_blast, 0.13, 0.1), SIZES.error)
    drawn = np.exp(rng.normal(np.log(median), spread))
    outlier = rng.random(60_000) < 0.1
    drawn[outlier] = np.exp(rng.normal(np.log(9.0), 0.5, outlier.sum()))
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
        NucleusSizes.of({"um": {"blast": [0.0, 0.1]}, "error": 0.1})
    assert NucleusSizes.of({"um": {"blast": [13, 0.1]}, "error": 0.1}).um == {"blast": (13.0, 0.1)}


def test_the_scale_turns_a_share_of_the_crop_into_micrometres() -> None:
    """A nucleus of half a crop's side, the crop 1.4 boxes wide, the box 10 µm: 7 µm; else nothing."""
    answer = np.array([[np.log(0.5), 1.0], [np.log(0.5), 1.0]], np.float32)
    np.testing.assert_allclose(
        nucleus_um(answer, np.array([10.0, 0.0], np.float32), 1.4), [7.0, 0.0], rtol=1e-6
    )
