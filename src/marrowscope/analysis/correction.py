"""The true blast share behind a counted one, when the classifier's error rates are known only roughly.

A true share s is counted as ``q = (1 - F)·(s·Se + (1 - s)·(1 - Sp)) + F·(1 - Sp)``, where Se and Sp are
sensitivity and specificity (Rogan & Gladen, Am J Epidemiol 1978;107:71) and F is the share of counted finds
that are no cell. For given rates, the chance of counting as few blasts as were counted follows from the score
test behind Wilson's interval. It is averaged over all rates that may hold here, and the interval holds every
share for which neither that chance nor its opposite is under 2.5 % (inversion of a test). If the rates are
drawn as laboratories are, this covers the truth in 95 of 100 laboratories, whatever the share. The poorer the
rates, the more shares explain a count; where the networks may well call blasts no more often than other
cells, every share is possible.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import chi2

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.intervals import LEVEL
from marrowscope.analysis.laboratories import Rates
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval

Floats = npt.NDArray[np.float64]

_SHARES = np.linspace(0, 1, 201)
_MOST_USELESS = 0.1  # chance that sensitivity + specificity <= 1 beyond which the rates say nothing (setting)
_LEAST_VARIANCE = 1e-9  # of a count that can only be all or nothing


# Every rule, and every search for the number of cells that would settle a case, asks about the same counts.
@lru_cache(maxsize=4096)
def corrected_share(
    blasts: float,
    counted: int,
    rates: Rates | None,
    level: float = LEVEL,
    clustering: Clustering = NO_CLUSTERING,
) -> Interval | None:
    """Return the true share behind a counted one, None without cells or rates.

    The estimate is the share under which fewer blasts are as likely as more. The upper bound is never under
    that of a faultless classifier that calls no cell a blast, nor the lower bound above its opposite, so that
    an interval does not shrink to a point when fewer blasts are called than errors alone would give.

    Parameters
    ----------
    blasts, counted : cells called blasts, and all counted cells
    rates : error rates that may hold here
    level : coverage
    clustering : precision lost through fields
    """
    if counted == 0 or rates is None:
        return None
    as_few = _chance_of_as_few(blasts / counted, clustering.effective(counted), clustering.freedom, rates)
    tail = (1 - level) / 2
    z = float(critical_value(level, clustering.freedom))
    open_end = z**2 / (clustering.effective(counted) + z**2)
    low = min(_first_above(tail, 1 - as_few), 1 - open_end)
    high = max(1 - _first_above(tail, as_few[::-1]), open_end)
    estimate = 1 - _first_above(0.5, as_few[::-1])
    if (rates.sensitivity + rates.specificity <= 1).mean() > _MOST_USELESS:
        low, high = 0.0, 1.0
    return Interval(
        estimate=min(max(estimate, low), high),
        low=low,
        high=high,
        level=level,
        method=f"corrected for the errors to expect, from {rates.source}",
    )


def _chance_of_as_few(share: float, number: float, freedom: float, rates: Rates) -> Floats:
    """Return, for each of `_SHARES`, the chance of counting this share or less."""
    expected, variance = _expected(rates)
    error = np.sqrt(variance / (number * _narrow(rates, freedom)))
    return np.asarray(ndtr((share - expected) / error).mean(axis=1))


@lru_cache(maxsize=4)
def _expected(rates: Rates) -> tuple[Floats, Floats]:
    """Return for each of `_SHARES`, by rates, what share is counted on average, and one cell's variance."""
    others_called = 1 - rates.specificity
    in_cells = _SHARES[:, None] * (rates.sensitivity - others_called) + others_called
    expected = (1 - rates.false_finds) * in_cells + rates.false_finds * others_called
    return expected, np.maximum(expected * (1 - expected), _LEAST_VARIANCE)


@lru_cache(maxsize=64)
def _narrow(rates: Rates, freedom: float) -> Floats:
    """Return by how much the variance is divided: Student's t is a normal distribution of uncertain width."""
    if np.isinf(freedom):
        return np.ones_like(rates.chance)
    return np.asarray(chi2.ppf(rates.chance, freedom) / freedom)


def _first_above(tail: float, chance: Floats) -> float:
    """Return the first share, interpolated, at which a chance given for each of `_SHARES` exceeds `tail`."""
    above = np.flatnonzero(chance > tail)
    if above.size == 0:
        return 1.0
    first = int(above[0])
    if first == 0:
        return 0.0
    before, after = chance[first - 1], chance[first]
    return float(np.interp(tail, [before, after], _SHARES[first - 1 : first + 1]))
