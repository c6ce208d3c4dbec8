"""What is written here against what others wrote: statsmodels, scipy, QuaPy, ppi-python; on random tables."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.rates import exactly

from marrowscope.analysis.correction import corrected_share
from marrowscope.analysis.intervals import clopper_pearson, wilson
from marrowscope.analysis.review import reviewed_share

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


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What QuaPy and ppi-python said, written down by `oracles/write_answers.py` with their versions."""
    document: dict[str, Any] = json.loads(ANSWERS.read_text("utf-8"))
    return document


def test_the_oracles_are_named(answers: dict[str, Any]) -> None:
    assert set(answers["versions"]) == {"quapy", "ppi-python"}
    assert all(answers["versions"].values())


def test_corrected_share_is_quapys_adjusted_count(answers: dict[str, Any]) -> None:
    """With rates known for sure, the estimate is that of the plain inversion."""
    for row in answers["adjusted_count"]:
        rates = exactly(row["called"] / 1000, row["cleared"] / 1000)
        ours = corrected_share(row["blasts"], 500, rates)
        assert ours is not None
        assert ours.estimate == pytest.approx(row["share"], abs=0.006)


def test_reviewed_share_is_that_of_ppi_python_and_no_narrower(answers: dict[str, Any]) -> None:
    """Two disagreements are added to those seen, which a hundred cells hardly show."""
    for row in answers["prediction_powered"]:
        seen, called, others = (
            [mark == "1" for mark in row[name]] for name in ("seen", "called", "others_called")
        )
        ours = reviewed_share(seen, called, others)
        assert ours is not None
        middle, width = (row["low"] + row["high"]) / 2, row["high"] - row["low"]
        assert ours.estimate == pytest.approx(np.clip(middle, 0, 1), abs=1e-9)
        assert width * 0.98 <= ours.high - ours.low <= width * 1.15 or not 0.05 < middle < 0.95
