"""What is written here against what others wrote: statsmodels, scipy, QuaPy, ppi-python; on random tables."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from marrowscope.analysis.clustering import intraclass_correlation
from marrowscope.analysis.correction import corrected_share, share_from_probabilities
from marrowscope.analysis.intervals import clopper_pearson, wilson
from marrowscope.analysis.review import reviewed_share
from marrowscope.domain.rates import ErrorRates

ANSWERS = Path(__file__).parent / "oracles" / "answers.json"
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
    proportion = importlib.import_module("statsmodels.stats.proportion")
    for successes, trials in tables(7):
        for ours, method in ((wilson, "wilson"), (clopper_pearson, "beta")):
            interval = ours(successes, trials)
            assert interval is not None
            theirs = proportion.proportion_confint(successes, trials, method=method)
            assert (interval.low, interval.high) == pytest.approx(theirs, abs=1e-9)


@foreign
def test_correlation_is_that_of_statsmodels_analysis_of_variance() -> None:
    pd: Any = importlib.import_module("pandas")
    formulas, anova = map(importlib.import_module, ("statsmodels.formula.api", "statsmodels.stats.anova"))
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


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What QuaPy and ppi-python said, written down by `oracles/write_answers.py` with their versions."""
    document: dict[str, Any] = json.loads(ANSWERS.read_text("utf-8"))
    return document


def test_the_oracles_are_named(answers: dict[str, Any]) -> None:
    assert set(answers["versions"]) == {"quapy", "ppi-python"}
    assert all(answers["versions"].values())


def test_corrected_share_is_quapys_adjusted_count(answers: dict[str, Any]) -> None:
    for row in answers["adjusted_count"]:
        rates = ErrorRates(row["called"], 1000, row["cleared"], 1000, "random")
        ours = corrected_share(row["blasts"], 500, rates).interval
        assert ours is not None
        assert ours.estimate == pytest.approx(row["share"], abs=1e-9)


def test_share_from_probabilities_is_quapys(answers: dict[str, Any]) -> None:
    for row in answers["expectation_maximisation"]:
        ours = share_from_probabilities(row["p_blast"], row["trained"], tolerance=1e-12)
        assert ours == pytest.approx(row["share"], abs=1e-8)


def test_reviewed_share_is_that_of_ppi_python(answers: dict[str, Any]) -> None:
    for row in answers["prediction_powered"]:
        seen, called, others = (
            [mark == "1" for mark in row[name]] for name in ("seen", "called", "others_called")
        )
        ours = reviewed_share(seen, called, others)
        assert ours is not None
        bounds = np.clip([row["low"], row["high"]], 0, 1)
        assert (ours.low, ours.high) == pytest.approx(bounds, abs=1e-9)
