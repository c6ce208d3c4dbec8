"""Intervals of a share."""

from scipy.stats import binomtest

from marrowscope.domain.decision import Interval

LEVEL = 0.95


def wilson(successes: int, trials: int, level: float = LEVEL) -> Interval | None:
    """Return a share with its Wilson score interval, None without trials.

    Wilson EB. Probable inference, the law of succession, and statistical inference. JASA 1927;22:209.
    """
    if trials == 0:
        return None
    bounds = binomtest(successes, trials).proportion_ci(level, method="wilson")
    return Interval(
        estimate=successes / trials,
        low=float(bounds.low),
        high=float(bounds.high),
        level=level,
        method="Wilson score interval",
    )
