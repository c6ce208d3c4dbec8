"""Intervals of shares."""

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import beta, chi2, norm

from marrowscope.analysis.clustering import critical_value
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval

LEVEL = 0.95
_LONGEST = 10.0  # a count looked at again ends at ten times the cells of its first look (setting)
_SEED = 20_260_101
Floats = npt.NDArray[np.float64]


def poisson_bounds(events: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact bounds of a Poisson mean of which `events` were counted.

    Garwood F. Fiducial limits for the Poisson distribution. Biometrika 1936;28:437. Divided by the area on
    which they were counted, they bound the number per area; cells that come in groups make them too narrow.
    """
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    return low, float(chi2.ppf(1 - tail, 2 * events + 2)) / 2


def wilson(
    successes: float, trials: int, level: float = LEVEL, clustering: Clustering = NO_CLUSTERING
) -> Interval | None:
    """Return a share with its Wilson score interval, None without trials.

    Wilson EB. Probable inference, the law of succession, and statistical inference. JASA 1927;22:209. With
    clustered cells, the effective number replaces the counted one, and Student's t the normal deviate (Korn &
    Graubard, Survey Methodology 1998;24:193).

    Parameters
    ----------
    successes, trials : cells with the mark, and all counted cells
    level : coverage
    clustering : precision lost through fields
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


@cache
def level_of_repeated_looks(level: float = LEVEL) -> float:
    """Return the level of single intervals of which all together hold the truth as often as `level` says.

    A count that goes on until it decides is looked at many times, and at one of them chance may favour the
    wrong side. Repeated confidence intervals (Jennison & Turnbull, J R Stat Soc B 1989;51:305) are therefore
    wider: with Pocock's constant boundary, and looks after every cell from the first number of cells to
    `_LONGEST` times that, the boundary c solves Miller and Siegmund's approximation (Biometrics 1982;38:1011)

        ``φ(c)·((c - 1/c)·log(longest) + 4/c) = 1 - level``
    """

    def excess(c: float) -> float:
        crossed = norm.pdf(c) * ((c - 1 / c) * math.log(_LONGEST) + 4 / c)
        return float(crossed - (1 - level))

    return float(1 - 2 * norm.sf(brentq(excess, 2.0, 8.0)))


def clopper_pearson(
    successes: int, trials: int, level: float = LEVEL, clustering: Clustering = NO_CLUSTERING
) -> Interval | None:
    """Return a share with its exact interval, None without trials; never too narrow, often too wide.

    Clopper & Pearson, Biometrika 1934;26:404, for the effective numbers, reduced by the square of the normal
    deviate divided by Student's t (Korn & Graubard as above).
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
    """Return a share with its percentile interval over resampled fields, None with fewer than two fields.

    Efron, Ann Stat 1979;7:1. The seed is fixed and the fields are sorted, so that equal counts give equal
    intervals. With few fields the interval is too narrow; it is given because it assumes least.

    Parameters
    ----------
    cells, hits : (k,) counted cells per field, and those of them that make up the share
    level : coverage
    rounds : number of resamplings
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
    """Solve ``|p - share| = z·sqrt(p(1 - p) / number)`` for p: Wilson's bounds. Arguments are broadcast."""
    p, n, z = (np.asarray(value, np.float64) for value in (share, number, z))
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
