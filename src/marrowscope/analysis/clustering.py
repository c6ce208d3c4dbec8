"""How much a count is worth when cells of one field resemble each other.

Cells of one field share a spot on the smear, a focus and a light, so n of them are worth fewer than n drawn
at random: ``n / (1 + (m - 1)·ICC)``, m being the size of a field and ICC the correlation within fields (Kish,
Survey Sampling, 1965; Donner & Klar, Design and Analysis of Cluster Randomization Trials, 2000).
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit
from scipy.stats import norm

from marrowscope.domain.decision import Clustering

Floats = npt.NDArray[np.float64]

EXPECTED_ICC = 0.05  # what is assumed of fields before they are seen (setting)
ICC_SPREAD = 0.05  # how far fields of one smear may be from that (setting)
MOST_ICC = 0.3  # beyond this few fields tell more of chance than of the smear


def intraclass_correlation(cells: npt.ArrayLike, hits: npt.ArrayLike) -> Floats:
    """Estimate the correlation of a yes-or-no mark within fields by analysis of variance.

    Ridout, Demétrio & Firth, Biometrics 1999;55:137, estimator ANOVA (rho_A).

    Parameters
    ----------
    cells : (k,) cells per field, at least one in each
    hits : (..., k) cells with the mark

    Returns
    -------
    (...) correlations, negative where fields are more alike than chance makes them; NaN where nothing varies
    or no two fields or no two cells of one field can be compared
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
    # Rounding leaves about 1e-16 where nothing varies.
    varies = spread > 1e-12
    return np.where(varies, (between - within) / np.where(varies, spread, 1), np.nan)


def design(cells: npt.ArrayLike, measured: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Turn a measured correlation into what it costs: an empirical-Bayes compromise.

    A few fields measure the correlation poorly, so the measurement is weighed against what is expected of
    smears, `EXPECTED_ICC` ± `ICC_SPREAD`, by its own sampling variance where there is no clustering,
    ``2 / ((k - 1)·m·(m - 1))``, and kept within 0 and `MOST_ICC`. Fields that show nothing get the expected
    one; a single field shows no spread between fields at all and is taken as it is.

    Parameters
    ----------
    cells : (k,) cells per field
    measured : (...) correlations, NaN where not measurable

    Returns
    -------
    correlation used, design effect (at least 1), and degrees of freedom of the latter, each (...): the part
    of the variance that rests on k fields has k - 1 (Satterthwaite, Biometrics Bulletin 1946;2:110)
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
    """Measure what the fields cost a share.

    Parameters
    ----------
    cells : (k,) counted cells per field; fields without any are passed over
    hits : (k,) cells among them that make the share
    """
    pairs = np.stack([np.asarray(cells, np.int64), np.asarray(hits, np.int64)])
    pairs = pairs[:, pairs[0] > 0]
    # In one order always, so that the fields' order changes no figure, not even in the last bit.
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
    """Return how many standard errors an interval of a level spans each way: normal, or Student's t."""
    degrees = np.asarray(freedom, np.float64)
    finite = np.where(np.isinf(degrees), 1e9, degrees)
    t = np.asarray(stdtrit(finite, (1 + level) / 2))
    return np.where(np.isinf(degrees), norm.ppf((1 + level) / 2), t)
