"""The blast share, corrected for the known error rates of the classifier."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.intervals import LEVEL
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval
from marrowscope.domain.rates import ErrorRates

Floats = npt.NDArray[np.float64]

_LEAST_INFORMATION = 0.2  # if sensitivity + specificity - 1 is lower, a correction only amplifies noise
_MOST_ROUNDS = 10_000
_CONVERGED = 1e-12


@dataclass(frozen=True)
class Correction:
    """A corrected share, or the reason why there is none.

    Attributes
    ----------
    interval : None if the share cannot be corrected
    reason : why it cannot be corrected, as a sentence; empty otherwise
    """

    interval: Interval | None
    reason: str = ""


def corrected_share(
    blasts: int,
    counted: int,
    rates: ErrorRates | None,
    level: float = LEVEL,
    clustering: Clustering = NO_CLUSTERING,
    *,
    both_ways: tuple[float, float] | None = None,
) -> Correction:
    """Estimate the true blast share behind a counted one.

    The expected counted share is ``q = s·Se + (1 - s)·(1 - Sp)``; solving for ``s`` gives the estimate (Rogan
    & Gladen, Am J Epidemiol 1978;107:71), clipped to 0..1. The bounds are those of `corrected_bounds` for the
    effective number of cells.

    Parameters
    ----------
    blasts, counted : cells called blasts, and all counted cells
    rates : of the classifier, None if not known
    level : coverage
    clustering : precision lost through fields
    both_ways : lowest and highest counted share (0..1) when doubtful cells are counted one way and the other;
        the interval reaches from the lower bound of the first to the upper bound of the second
    """
    if counted == 0 or rates is None:
        return Correction(
            None, "No cell is counted." if rates else "The classifier's error rates are not known."
        )
    if not rates.are_measured:
        return Correction(None, "The classifier's error rates rest on no cell.")
    z = float(critical_value(level, clustering.freedom))
    information = _information(rates, z)
    if information < _LEAST_INFORMATION:
        return Correction(
            None,
            "The share is not corrected for the classifier's errors: they are too many to be undone "
            f"(sensitivity + specificity - 1 may be as low as {information:.2f}).",
        )
    sensitivity = rates.blasts_called / rates.blasts_seen
    specificity = rates.others_cleared / rates.others_seen
    estimate = (blasts / counted + specificity - 1) / (sensitivity + specificity - 1)
    estimate = min(max(estimate, 0.0), 1.0)
    number = clustering.effective(counted)
    ways = both_ways or (blasts / counted,) * 2
    low, high = corrected_bounds(ways, number, rates, level, clustering.freedom)
    doubt = "" if ways[0] == ways[1] else ", unfamiliar cells counted one way and the other"
    return Correction(
        Interval(
            estimate=estimate,
            low=min(float(low[0]), estimate),
            high=max(float(high[1]), estimate),
            level=level,
            method=f"Rogan–Gladen estimate, Lang–Reiczigel interval{doubt}; error rates from {rates.source}",
        )
    )


def corrected_bounds(
    share: npt.ArrayLike,
    number: npt.ArrayLike,
    rates: ErrorRates,
    level: float = LEVEL,
    freedom: npt.ArrayLike = math.inf,
    *,
    equal_tails: bool = False,
) -> tuple[Floats, Floats]:
    """Return bounds of the true share behind a counted one, including the uncertainty of the error rates.

    Lang & Reiczigel, Prev Vet Med 2014;113:13: the delta method on shares that are first moved towards the
    middle (by z² cells; the error rates by two), with their correction for skewness, clipped to 0..1. There
    are two additions. First, the interval reaches at least as far as that of a faultless classifier that
    calls no cell (or every cell) a blast, so that it does not shrink to a point when fewer blasts are called
    than errors are expected. Second, below that end, where the upper bound cannot miss the truth, the lower
    bound uses both halves of the error (in test inversion: Blaker, Can J Stat 2000;28:783); likewise above.

    Parameters
    ----------
    share : (...) counted share of blasts
    number : (...) number of independent cells behind it
    rates : counts on held-out cells; may hold arrays of counts
    level, freedom : coverage, and degrees of freedom of Student's t, (...)
    equal_tails : leave out the second addition, so that each bound errs in at most (1 - level) / 2; for
        decisions, which depend on one bound
    """
    share, number = np.asarray(share, np.float64), np.asarray(number, np.float64)
    z = critical_value(level, freedom)
    low, high = _lang_reiczigel(share, number, rates, z)
    open_end = z**2 / (number + z**2)
    if not equal_tails:
        inner = _lang_reiczigel(share, number, rates, critical_value(2 * level - 1, freedom))
        low = np.maximum(low, np.minimum(inner[0], open_end))
        high = np.minimum(high, np.maximum(inner[1], 1 - open_end))
    return np.clip(low, 0, 1 - open_end), np.clip(high, open_end, 1)


def _lang_reiczigel(share: Floats, number: Floats, rates: ErrorRates, z: Floats) -> tuple[Floats, Floats]:
    """Return Lang and Reiczigel's bounds, without clipping."""
    smoothed = number + z**2
    p = (number * share + z**2 / 2) / smoothed
    sensitivity, of_sensitivity = _drawn_in(rates.blasts_called, rates.blasts_seen)
    specificity, of_specificity = _drawn_in(rates.others_cleared, rates.others_seen)
    information = sensitivity + specificity - 1
    middle = (p + specificity - 1) / information
    skewness = 2 * z**2 * (middle * of_sensitivity - (1 - middle) * of_specificity)
    variance = p * (1 - p) / smoothed + middle**2 * of_sensitivity + (1 - middle) ** 2 * of_specificity
    half = z * np.sqrt(variance) / information
    return middle + skewness - half, middle + skewness + half


def share_from_probabilities(
    p_blast: npt.ArrayLike, trained_share: float, tolerance: float = _CONVERGED
) -> float | None:
    """Estimate the true share from calibrated probabilities, without naming any cell.

    The probabilities hold for the share of blasts on which the classifier was calibrated. Expectation
    maximisation finds the share for which the probabilities, reweighted to it, average to the share itself.
    This is the most likely share (Saerens, Latinne & Decaestecker, Neural Computation 2002;14:21).

    Parameters
    ----------
    p_blast : (n,) calibrated blast probabilities of the counted cells
    trained_share : share of blasts among the calibration cells (0..1)
    tolerance : change of the share at which to stop

    Returns
    -------
    None without cells, or if the calibration cells were all blasts or all others
    """
    # Sorted, so that the order of the cells does not change any figure, not even in the last bit.
    p = np.sort(np.asarray(p_blast, np.float64))
    if not p.size or not 0 < trained_share < 1:
        return None
    share = trained_share
    for _ in range(_MOST_ROUNDS):
        blast = p * (share / trained_share)
        other = (1 - p) * ((1 - share) / (1 - trained_share))
        total = blast + other
        better = float(np.divide(blast, total, out=np.full_like(p, share), where=total > 0).mean())
        change, share = abs(better - share), better
        if change < tolerance:
            break
    return share


def _drawn_in(successes: npt.ArrayLike, trials: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return a rate moved towards one half by two cells, and its sampling variance."""
    n = np.asarray(trials, np.float64) + 2
    rate = (np.asarray(successes, np.float64) + 1) / n
    return rate, rate * (1 - rate) / n


def _information(rates: ErrorRates, z: float) -> float:
    """Return the lower bound of sensitivity + specificity - 1."""
    sensitivity, of_sensitivity = _drawn_in(rates.blasts_called, rates.blasts_seen)
    specificity, of_specificity = _drawn_in(rates.others_cleared, rates.others_seen)
    return float(sensitivity + specificity - 1 - z * np.sqrt(of_sensitivity + of_specificity))
