"""Setting doubtful cells aside: the nearest to the threshold go first, errors fall as they should."""

import numpy as np
import pytest

from marrowscope.evaluation.statistics.risk_coverage import certainty, risk_coverage


def test_the_nearest_to_the_threshold_is_the_least_certain() -> None:
    p = np.array([0.999, 0.62, 0.5, 0.01])
    assert certainty(p, 0.63).argsort().tolist() == [1, 2, 3, 0]
    assert np.isfinite(certainty(np.array([0.0, 1.0], np.float32), 0.5)).all()


def test_figures_by_hand() -> None:
    is_blast = np.array([True] * 5 + [False] * 5)
    p_blast = np.array([0.99, 0.98, 0.97, 0.4, 0.01, 0.01, 0.02, 0.03, 0.04, 0.55])
    found = risk_coverage(is_blast, p_blast, 0.5)
    assert found is not None
    whole, kept = found.curve[-1], found.set_aside
    assert (whole.coverage, whole.n, whole.error) == (1, 10, 0.3)
    assert whole.false_positive_rate == pytest.approx(1 / 5)
    assert whole.false_negative_rate == pytest.approx(2 / 5)
    assert kept.n == 9  # the other cell at 0.55 is set aside
    assert kept.false_positive_rate == 0
    assert kept.false_negative_rate == pytest.approx(2 / 5)
    assert [point.n for point in found.curve] == list(range(1, 11))


def test_one_kind_alone_leaves_the_others_rate_open() -> None:
    found = risk_coverage(np.zeros(1000, bool), np.linspace(0, 0.9, 1000), 0.63)
    assert found is not None
    assert len(found.curve) == 100
    assert found.set_aside.false_negative_rate is None
    assert found.set_aside.coverage == pytest.approx(0.9)
    assert risk_coverage(np.zeros(0, bool), np.zeros(0), 0.5) is None
