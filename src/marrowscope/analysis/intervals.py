"""Intervals of a share."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from marrowscope.analysis.clustering import critical_value
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval

LEVEL = 0.95
_SEED = 20_260_101
Floats = npt.NDArray[np.float64]


def wilson(
    successes: int, trials: int, level: float = LEVEL, clustering: Clustering = NO_CLUSTERING
) -> Interval | None:
    """Return a share with its Wilson score interval, None without trials.

    Wilson EB. Probable inference, the law of succession, and statistical inference. JASA 1927;22:209; with
    clustered cells the effective number takes the place of the counted one and Student's t that of the
    normal deviate (Korn & Graubard, Survey Methodology 1998;24:193).

    Parameters
    ----------
    successes, trials : cells with the mark, of all counted
    level : coverage
    clustering : what the fields cost
    """
    if trials == 0:
        return None
    z = float(critical_value(level, clustering.freedom))
    low, high = score_bounds(successes / trials, clustering.effective(trials), z)
    name = "Wilson score interval"
    return Interval(
        estimate=successes / trials,
        low=float(low) if successes else 0.0,
        high=float(high) if successes < trials else 1.0,
        level=level,
        method=name if clustering.design_effect == 1 else f"{name} of {clustering.describe(trials)}",
    )


def clopper_pearson(
    successes: int, trials: int, level: float = LEVEL, clustering: Clustering = NO_CLUSTERING
) -> Interval | None:
    """Return a share with its exact interval, None without trials; wider than need be, never too narrow.

    Clopper & Pearson, Biometrika 1934;26:404, of the effective numbers, made smaller by the square of the
    normal deviate over Student's t (Korn & Graubard as above).
    """
    if trials == 0:
        return None
    n = clustering.effective(trials)
    if math.isfinite(clustering.freedom):
        n *= float(critical_value(level) / critical_value(level, clustering.freedom)) ** 2
    x = successes * n / trials
    tail = (1 - level) / 2
    return Interval(
        estimate=successes / trials,
        low=float(beta.ppf(tail, x, n - x + 1)) if successes else 0.0,
        high=float(beta.ppf(1 - tail, x + 1, n - x)) if successes < trials else 1.0,
        level=level,
        method="Clopper–Pearson exact interval",
    )


def field_bootstrap(
    cells: npt.ArrayLike, hits: npt.ArrayLike, level: float = LEVEL, rounds: int = 2000
) -> Interval | None:
    """Return a share with the percentile interval over resampled fields, None with fewer than two fields.

    Efron, Ann Stat 1979;7:1. The seed is fixed and the fields are taken in one order: equal counts, equal
    interval. With few fields it is too narrow; it stands beside the others as what assumes least.

    Parameters
    ----------
    cells, hits : (k,) counted cells per field, and those that make the share
    level : coverage
    rounds : resamplings
    """
    pairs = np.stack([np.asarray(cells, np.int64), np.asarray(hits, np.int64)])
    pairs = pairs[:, pairs[0] > 0]
    seen, found = pairs[:, np.lexsort(pairs[::-1])]
    if len(seen) < 2:
        return None
    drawn = np.random.default_rng(_SEED).multinomial(len(seen), np.full(len(seen), 1 / len(seen)), rounds)
    tail = (1 - level) / 2
    low, high = np.quantile((drawn @ found) / (drawn @ seen), [tail, 1 - tail])
    share = float(found.sum() / seen.sum())
    method = f"bootstrap over {len(seen)} fields"
    return Interval(share, min(float(low), share), max(float(high), share), level, method)


def score_bounds(share: npt.ArrayLike, number: npt.ArrayLike, z: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Solve ``|p - share| = z·sqrt(p(1 - p) / number)`` for p: Wilson's bounds, any shapes that broadcast."""
    p, n, z = (np.asarray(value, np.float64) for value in (share, number, z))
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
