"""The blast share corrected for the classifier's known error rates."""

import numpy as np
from scipy.stats import binom

from marrowscope.analysis.intervals import LEVEL
from marrowscope.domain.decision import Interval
from marrowscope.models.bundle import ErrorRates

_DRAWS = 200  # of the error rates
_GRID = np.linspace(0, 1, 501)  # true shares considered
_LEAST_INFORMATION = 0.2  # sensitivity + specificity - 1 below this inverts noise, not signal


def adjusted_share(
    blasts: int, counted: int, rates: ErrorRates | None, level: float = LEVEL
) -> Interval | None:
    """Estimate the true blast share behind a counted one.

    The expected counted share is ``q = s·Se + (1-s)·(1-Sp)``; solved for ``s`` it gives the estimate (Rogan &
    Gladen, Am J Epidemiol 1978;107:71), clipped to 0..1. The interval is that of the posterior of ``s`` under
    a flat prior, the count being binomial with ``q`` and the unknown error rates integrated over their own
    posteriors (Beta, Jeffreys' prior; after Joseph et al., Am J Epidemiol 1995;141:263), so it carries their
    uncertainty and stays honest at 0 and 1. Draws come from a fixed seed: equal input, equal output.

    Returns
    -------
    None when nothing is counted, no rates are known, or they are too poor to invert
    """
    if counted == 0 or rates is None:
        return None
    random = np.random.default_rng(20_260_101)
    sensitivity = _posterior(random, rates.blasts_called, rates.blasts_seen)
    specificity = _posterior(random, rates.others_cleared, rates.others_seen)
    if np.quantile(sensitivity + specificity - 1, (1 - level) / 2) < _LEAST_INFORMATION:
        return None
    expected = np.outer(_GRID, sensitivity) + np.outer(1 - _GRID, 1 - specificity)
    density = binom.pmf(blasts, counted, expected).mean(axis=1)
    cumulated = np.cumsum(density) / density.sum()
    low, high = np.interp([(1 - level) / 2, (1 + level) / 2], cumulated, _GRID)
    estimate = _rogan_gladen(blasts / counted, rates)
    return Interval(
        estimate=estimate,
        low=min(float(low), estimate),
        high=max(float(high), estimate),
        level=level,
        method=(
            "Rogan–Gladen estimate with a posterior interval over share, sensitivity and specificity; "
            f"error rates from {rates.source}"
        ),
    )


def _posterior(
    random: np.random.Generator, successes: int, trials: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return random.beta(successes + 0.5, trials - successes + 0.5, _DRAWS)


def _rogan_gladen(observed: float, rates: ErrorRates) -> float:
    sensitivity = rates.blasts_called / rates.blasts_seen
    specificity = rates.others_cleared / rates.others_seen
    return float(np.clip((observed + specificity - 1) / (sensitivity + specificity - 1), 0, 1))
