"""What is written here against what others wrote: statsmodels, scipy, QuaPy, ppi-python; on random tables.

The three libraries are not among the project's own; tests skip visibly where one is not installed.
"""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from marrowscope.analysis.clustering import intraclass_correlation
from marrowscope.analysis.correction import corrected_share, share_from_probabilities
from marrowscope.analysis.intervals import clopper_pearson, wilson
from marrowscope.analysis.review import reviewed_share
from marrowscope.domain.rates import ErrorRates

# Libraries whose imports may warn of others' matters.
foreign = pytest.mark.filterwarnings("ignore")


def tables(seed: int, number: int = 200) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    trials = rng.integers(1, 2000, number)
    return [(int(rng.integers(0, n + 1)), int(n)) for n in trials] + [(0, 7), (7, 7)]


@pytest.mark.parametrize("seed", range(3))
def test_intervals_are_scipys(seed: int) -> None:
    for successes, trials in tables(seed):
        for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
            interval = ours(successes, trials)
            theirs = binomtest(successes, trials).proportion_ci(method=method)
            assert interval is not None
            assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@foreign
def test_intervals_are_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    for successes, trials in tables(7):
        for ours, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
            interval = ours(successes, trials)
            assert interval is not None
            theirs = proportion.proportion_confint(successes, trials, method=method)
            assert (interval.low, interval.high) == pytest.approx(theirs, abs=1e-9)


@foreign
def test_correlation_is_that_of_statsmodels_analysis_of_variance() -> None:
    pd, formulas = pytest.importorskip("pandas"), pytest.importorskip("statsmodels.formula.api")
    anova = pytest.importorskip("statsmodels.stats.anova")
    rng = np.random.default_rng(3)
    for _ in range(5):
        sizes = rng.integers(2, 20, 12)
        marks = [rng.random(m) < rng.beta(1, 3) for m in sizes]
        rows = [(f, float(mark)) for f, cells in enumerate(marks) for mark in cells]
        frame = pd.DataFrame(rows, columns=["field", "mark"])
        table: Any = anova.anova_lm(formulas.ols("mark ~ C(field)", frame).fit())
        between, within = table["mean_sq"]
        n = sizes.sum()
        typical = (n - (sizes**2).sum() / n) / (len(sizes) - 1)
        expected = (between - within) / (between + (typical - 1) * within)
        found = intraclass_correlation(sizes, [m.sum() for m in marks])
        assert found == pytest.approx(expected, abs=1e-9)


@foreign
def test_corrected_share_is_quapys_adjusted_count() -> None:
    functional = pytest.importorskip("quapy.functional")
    rng = np.random.default_rng(11)
    for _ in range(100):
        rates = ErrorRates(int(rng.integers(700, 1000)), 1000, int(rng.integers(800, 1001)), 1000, "random")
        blasts = int(rng.integers(0, 501))
        theirs = functional.solve_adjustment_binary(
            blasts / 500, rates.blasts_called / 1000, 1 - rates.others_cleared / 1000
        )
        ours = corrected_share(blasts, 500, rates).interval
        assert ours is not None
        assert ours.estimate == pytest.approx(theirs, abs=1e-9)


@foreign
def test_share_from_probabilities_is_quapys() -> None:
    emq = pytest.importorskip("quapy.method.aggregative").EMQ
    rng = np.random.default_rng(13)
    for _ in range(20):
        trained = float(rng.uniform(0.1, 0.6))
        p = rng.beta(0.6, 1.4, 300)
        ours = share_from_probabilities(p, trained, tolerance=1e-12)
        emq.MAX_ITER = 100_000
        shares, _ = emq.EM(np.array([1 - trained, trained]), np.column_stack([1 - p, p]), epsilon=1e-13)
        assert ours == pytest.approx(shares[1], abs=1e-8)


@foreign
def test_reviewed_share_is_that_of_ppi_python() -> None:
    ppi = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(17)
    for _ in range(30):
        n, others = int(rng.integers(40, 200)), int(rng.integers(100, 800))
        truth = rng.random(n) < rng.uniform(0.1, 0.9)
        called = np.where(rng.random(n) < 0.8, truth, ~truth)
        others_called = rng.random(others) < rng.uniform(0.1, 0.9)
        y, f, g = (marks.astype(float) for marks in (truth, called, others_called))
        low, high = ppi.ppi_mean_ci(y, f, g, alpha=0.05)
        ours = reviewed_share(truth, called, others_called)
        assert ours is not None
        bounds = np.clip([low.item(), high.item()], 0, 1)
        assert (ours.low, ours.high) == pytest.approx(bounds, abs=1e-9)
