"""The blast share corrected for the classifier's known error rates."""

import numpy as np

from marrowscope.analysis.intervals import LEVEL
from marrowscope.domain.decision import Interval
from marrowscope.models.bundle import ErrorRates

_DRAWS = 20_000
_LEAST_INFORMATION = 0.2  # sensitivity + specificity - 1 below this inverts noise, not signal


def adjusted_share(
    blasts: int, counted: int, rates: ErrorRates | None, level: float = LEVEL
) -> Interval | None:
    """Estimate the true blast share behind a counted one.

    The observed share is ``s·Se + (1-s)·(1-Sp)``; solving for ``s`` gives the estimate (Rogan & Gladen,
    Am J Epidemiol 1978;107:71). Share, sensitivity and specificity each have a Beta posterior under
    Jeffreys' prior, and the interval is that of the solution over draws of all three, so that it carries
    the uncertainty of the error rates too. Draws come from a fixed seed: equal input, equal output.

    Returns
    -------
    None when nothing is counted, no rates are known, or they are too poor to invert
    """
    if counted == 0 or rates is None:
        return None
    random = np.random.default_rng(20_260_101)

    def posterior(successes: int, trials: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return random.beta(successes + 0.5, trials - successes + 0.5, _DRAWS)

    observed = posterior(blasts, counted)
    sensitivity = posterior(rates.blasts_called, rates.blasts_seen)
    specificity = posterior(rates.others_cleared, rates.others_seen)
    information = sensitivity + specificity - 1
    if np.quantile(information, (1 - level) / 2) < _LEAST_INFORMATION:
        return None
    shares = np.clip((observed + specificity - 1) / information, 0, 1)
    point = (blasts / counted + rates.others_cleared / rates.others_seen - 1) / (
        rates.blasts_called / rates.blasts_seen + rates.others_cleared / rates.others_seen - 1
    )
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    estimate = float(np.clip(point, 0, 1))
    return Interval(
        estimate=estimate,
        low=min(float(low), estimate),
        high=max(float(high), estimate),
        level=level,
        method="Rogan–Gladen estimate, posterior interval over share, sensitivity and specificity",
    )
