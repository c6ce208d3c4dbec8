"""Cohen's kappa against published figures, an independent implementation, and simulated readers."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from marrowscope.analysis.agreement.kappa import agreement, cohens_kappa


def test_it_is_the_published_example() -> None:
    """Fleiss, Cohen & Everitt 1969, table 1: kappa 0.429, standard error 0.054 without weights (n = 200)."""
    table = np.array([[53, 5, 2], [11, 14, 5], [1, 6, 3]]) * 2
    found = cohens_kappa(table)
    assert found is not None
    assert found.estimate == pytest.approx(0.429, abs=0.001)
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(0.054, abs=0.001)


def test_it_is_that_of_another_implementation() -> None:
    rng = np.random.default_rng(3)
    types = np.array(["blast", "lymphocyte", "monocyte", "platelet"])
    first = types[rng.integers(0, 4, 300)]
    second = np.where(rng.random(300) < 0.3, types[rng.integers(0, 4, 300)], first)
    found = agreement(first.tolist(), second.tolist())
    assert found.kappa is not None
    assert found.kappa.estimate == pytest.approx(cohen_kappa_score(first, second))
    assert found.agreed == int((first == second).sum())
    assert found.types == ("blast", "monocyte", "lymphocyte", "platelet")


def test_the_interval_covers_what_two_readers_are_worth() -> None:
    rng = np.random.default_rng(5)
    shares = np.array([[0.3, 0.05, 0.02], [0.03, 0.25, 0.05], [0.01, 0.04, 0.25]])
    true = cohens_kappa((shares * 100_000).astype(np.int64))
    assert true is not None
    covered = []
    for _ in range(500):
        found = cohens_kappa(rng.multinomial(150, shares.ravel()).reshape(3, 3))
        assert found is not None
        covered.append(found.low <= true.estimate <= found.high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_full_agreement_on_few_cells_proves_little() -> None:
    few, many = cohens_kappa(np.diag([5, 5])), cohens_kappa(np.diag([500, 500]))
    assert few is not None
    assert many is not None
    assert few.estimate == many.estimate == few.high == 1
    assert few.low < 0.6 < many.low


def test_where_chance_explains_all_there_is_no_kappa() -> None:
    assert agreement([], []).kappa is None
    assert agreement(["blast"] * 5, ["blast"] * 5).kappa is None
