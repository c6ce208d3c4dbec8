"""The precision of a count when cells of one field resemble each other.

Cells of one field share a spot on the smear, focus and light, so n of them are worth fewer than n cells drawn
at random: ``n / (1 + (m - 1)·ICC)``, where m is the number of cells in a field and ICC the correlation within
fields (Kish, Survey Sampling, 1965; Donner & Klar, Design and Analysis of Cluster Randomization Trials,
2000).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit
from scipy.stats import norm

from marrowscope.domain.decision import Clustering

Floats = npt.NDArray[np.float64]

EXPECTED_ICC = 0.05  # correlation assumed before any measurement (setting)
ICC_SPREAD = 0.05  # how much smears may differ from it (setting)
MOST_ICC = 0.3  # larger values from few fields are chance rather than a property of the smear


def intraclass_correlation(cells: npt.ArrayLike, hits: npt.ArrayLike) -> Floats:
    """Estimate the correlation of a binary mark within fields by analysis of variance.

    Ridout, Demétrio & Firth, Biometrics 1999;55:137, estimator ANOVA (rho_A).

    Parameters
    ----------
    cells : (k,) cells per field, at least one in each
    hits : (..., k) cells with the mark

    Returns
    -------
    (...) correlations, negative where fields are more alike than by chance; NaN where nothing varies, or
    where there are no two fields or no two cells of one field to compare
    """
    m, x = np.asarray(cells, np.float64), np.asarray(hits, np.float64)
    k, n = m.size, m.sum()
    if k < 2 or n <= k:
        return np.full(x.shape[:-1], np.nan)
    squares, total = (x**2 / m).sum(axis=-1), x.sum(axis=-1)
    between = (squares - total**2 / n) / (k - 1)
    within = (total - squares) / (n - k)
    typical = (n - (m**2).sum() / n) / (k - 1)
    spread = between + (typical - 1) * within
    # Where nothing varies, rounding leaves about 1e-16.
    varies = spread > 1e-12
    return np.where(varies, (between - within) / np.where(varies, spread, 1), np.nan)


def design(cells: npt.ArrayLike, measured: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Turn a measured correlation into a design effect, by empirical Bayes.

    A few fields measure the correlation poorly. The measurement is therefore weighed against the expected
    value, `EXPECTED_ICC` ± `ICC_SPREAD`, by its sampling variance without clustering,
    ``2 / ((k - 1)·m·(m - 1))``, and kept between 0 and `MOST_ICC`. If nothing can be measured, the expected
    value is used; a single field shows no spread between fields, and its cells are taken as independent.

    Parameters
    ----------
    cells : (k,) cells per field
    measured : (...) correlations, NaN where not measurable

    Returns
    -------
    correlation used, design effect (at least 1), and degrees of freedom of the latter, each (...); the part
    of the variance that comes from k fields has k - 1 (Satterthwaite, Biometrics Bulletin 1946;2:110)
    """
    m, rho = np.asarray(cells, np.float64), np.asarray(measured, np.float64)
    k, n = m.size, m.sum()
    if k < 2 or n <= k:
        return np.zeros_like(rho), np.ones_like(rho), np.full_like(rho, np.inf)
    typical = (n - (m**2).sum() / n) / (k - 1)
    chance = 2 / ((k - 1) * typical * max(typical - 1, 0.1))
    weight = np.where(np.isnan(rho), 0.0, ICC_SPREAD**2 / (ICC_SPREAD**2 + chance))
    used = np.clip(weight * np.nan_to_num(rho) + (1 - weight) * EXPECTED_ICC, 0, MOST_ICC)
    effect = 1 + ((m**2).sum() / n - 1) * used
    with np.errstate(divide="ignore"):
        return used, effect, np.where(weight > 0, (k - 1) / weight**2, np.inf)


def clustering(cells: npt.ArrayLike, hits: npt.ArrayLike) -> Clustering:
    """Measure how much precision a share loses through clustering in fields.

    Parameters
    ----------
    cells : (k,) counted cells per field; fields without any are skipped
    hits : (k,) those of them that make up the share
    """
    pairs = np.stack([np.asarray(cells, np.int64), np.asarray(hits, np.int64)])
    pairs = pairs[:, pairs[0] > 0]
    # Sorted, so that the order of the fields does not change any figure, not even in the last bit.
    m, x = pairs[:, np.lexsort(pairs[::-1])]
    measured = intraclass_correlation(m, x)
    used, effect, freedom = design(m, measured)
    return Clustering(
        fields=m.size,
        measured_icc=None if np.isnan(measured) else float(measured),
        icc=float(used),
        design_effect=float(effect),
        freedom=float(freedom),
    )


def critical_value(level: float, freedom: npt.ArrayLike = math.inf) -> Floats:
    """Return the number of standard errors an interval spans to each side: normal, or Student's t."""
    degrees = np.asarray(freedom, np.float64)
    finite = np.where(np.isinf(degrees), 1e9, degrees)
    t = np.asarray(stdtrit(finite, (1 + level) / 2))
    return np.where(np.isinf(degrees), norm.ppf((1 + level) / 2), t)
