"""Ranking, counts, temperatures and the threshold of a classifier's predictions."""

import numpy as np
import pytest

from marrowscope.training.calibration import (
    BlastCounts,
    blast_counts,
    even_odds,
    fit_blast_temperature,
    fit_type_temperature,
    probability,
    threshold_for,
    uncertain_range,
)


def test_counts_and_their_shares() -> None:
    truth = np.array([True, True, True, True, False, False])
    counts = blast_counts(np.array([0.9, 0.8, 0.5, 0.1, 0.7, 0.2]), truth, 0.5)
    assert counts == BlastCounts(tp=3, fn=1, tn=1, fp=1)
    assert counts.balanced_accuracy == pytest.approx((0.75 + 0.5) / 2)
    assert counts.as_dict()["sensitivity"] == 0.75


def test_shares_without_blasts_are_left_empty() -> None:
    shares = BlastCounts(tp=0, fn=0, tn=3, fp=1).as_dict()
    assert shares["sensitivity"] is None
    assert shares["specificity"] == 0.75


def test_overconfident_logits_are_cooled_by_the_factor_they_were_heated() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(0, 2, 20_000).astype(np.float32)
    truth = rng.random(20_000) < probability(honest)
    assert fit_blast_temperature([(honest * 3, truth)]) == pytest.approx(3.0, rel=0.08)


def test_type_temperature_is_recovered() -> None:
    rng = np.random.default_rng(2)
    honest = rng.normal(0, 2, (20_000, 4))
    shares = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (shares.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert fit_type_temperature((honest * 2).astype(np.float32), truth) == pytest.approx(2.0, rel=0.08)


def test_at_the_threshold_a_share_at_the_limit_reads_as_it_is() -> None:
    rng = np.random.default_rng(4)

    def drawn(others: float, blasts: float) -> tuple[np.ndarray, np.ndarray]:
        is_blast = rng.random(20_000) < 0.5
        return np.clip(rng.normal(np.where(is_blast, blasts, others), 0.1), 0, 1), is_blast

    home, abroad = drawn(0.35, 0.6), drawn(0.3, 0.6)
    counts = [blast_counts(*one, threshold_for([home, abroad])) for one in (home, abroad)]
    sensitivity = np.mean([c.sensitivity for c in counts])
    specificity = np.mean([c.specificity for c in counts])
    assert 0.2 * sensitivity + 0.8 * (1 - specificity) == pytest.approx(0.2, abs=0.005)
    apart = (np.array([0.9, 0.8, 0.2, 0.1]), np.array([True, True, False, False]))
    assert threshold_for([apart]) == pytest.approx(0.5, abs=0.02)
    assert threshold_for([(np.array([0.1, 0.2]), np.array([False, False]))]) == 0.99  # nothing to balance


def test_even_odds_are_found_by_all_cells() -> None:
    """Log odds of normal kinds 4 apart, shifted by 1.5, ten to one: the threshold is shifted as they are."""
    rng = np.random.default_rng(0)
    is_blast = np.arange(3300) < 3000
    log_odds = np.where(is_blast, 2.0, -2.0) + 1.5 + rng.normal(size=3300)
    found = even_odds(1 / (1 + np.exp(-log_odds)), is_blast)
    assert found == pytest.approx(1 / (1 + np.exp(-1.5)), abs=0.05)
    assert even_odds(1 / (1 + np.exp(log_odds)), is_blast) is None


def test_few_blasts_lie_below_the_uncertain_range_and_hardly_another_cell_above() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat([True, False], 4000)
    p_blast = probability((rng.normal(0, 1, 8000) + np.where(truth, 1.5, -1.5)).astype(np.float32))
    low, high = uncertain_range(0.5, [(p_blast, truth)])
    assert low < 0.5 < high
    assert 0.04 < (p_blast[truth] < low).mean() <= 0.05
    assert 0.015 < (p_blast[~truth] >= high).mean() <= 0.02


def test_where_all_cells_are_told_apart_nothing_is_uncertain() -> None:
    low, high = uncertain_range(0.5, [(np.array([0.9, 0.1]), np.array([True, False]))])
    assert (low, high) == (0.5, 0.5)
