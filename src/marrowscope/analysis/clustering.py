"""The precision of a count when cells of one field resemble each other.

Cells of one field share a spot on the smear, focus and light, so n of them are worth fewer than n cells drawn
at random: ``n / (1 + (m - 1)·ICC)``, where m is the number of cells in a field and ICC the correlation within
fields (Kish, Survey Sampling, 1965).

The correlation is not estimated and then taken for the truth: a dozen fields cannot tell 0.02 from 0.2.
Instead every value from 0 to 1 is weighed by how well it explains the fields (beta-binomial likelihood) and
by how common it is (a prior), and the variance is that of the mixture. The mixture is printed and used as
Student's t with the same second and fourth moments, and with no more degrees of freedom than the fields have,
but at least three.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, stdtrit
from scipy.stats import beta, norm

from marrowscope.domain.decision import NO_CLUSTERING, Clustering

Floats = npt.NDArray[np.float64]

_PRIOR = (
    1.0,
    4.0,
)  # beta distribution of the correlation before any field is seen: a third under 0.1 (setting)
_POINTS = 32  # values of the correlation, each as probable as the others before any field is seen
CORRELATIONS = beta.ppf((np.arange(_POINTS) + 0.5) / _POINTS, *_PRIOR)
_FEWEST_DEGREES = 3  # of freedom, however few the fields: two fields say nothing that an interval could hold


def weights(cells: Floats, hits: Floats) -> Floats:
    """Weigh each of `CORRELATIONS` by how well it explains the groups.

    Parameters
    ----------
    cells : (k,) cells per group
    hits : (..., k) cells with the mark

    Returns
    -------
    (..., points), sums to 1; all alike where fewer than two groups, or groups of one cell, show no spread
    """
    if cells.size < 2 or cells.sum() <= cells.size:
        return np.full((*hits.shape[:-1], _POINTS), 1 / _POINTS)
    share = (hits.sum(axis=-1, keepdims=True) + 0.5) / (cells.sum() + 1)
    log_likelihood = np.zeros((*hits.shape[:-1], _POINTS))
    for point, strength in enumerate(1 / CORRELATIONS - 1):
        a, b = share * strength, (1 - share) * strength
        log_likelihood[..., point] = (betaln(hits + a, cells - hits + b) - betaln(a, b)).sum(axis=-1)
    weight = np.exp(log_likelihood - log_likelihood.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def design(cells: npt.ArrayLike, hits: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Weigh all correlations by what the fields show.

    Parameters
    ----------
    cells : (k,) cells per field, at least one in each
    hits : (..., k) cells with the mark

    Returns
    -------
    mean correlation, design effect (at least 1) and degrees of freedom, each (...). A single field shows no
    spread between fields, and fields of one cell have none: their cells are taken as independent.
    """
    m, x = np.asarray(cells, np.float64), np.asarray(hits, np.float64)
    k, n = m.size, m.sum()
    shape = x.shape[:-1]
    if k < 2 or n <= k:
        return np.zeros(shape), np.ones(shape), np.full(shape, np.inf)
    weight = weights(m, x)
    effects = 1 + ((m**2).sum() / n - 1) * CORRELATIONS
    mean = (weight * effects).sum(axis=-1)
    spread = (weight * effects**2).sum(axis=-1) - mean**2
    matched = 4 + 2 * mean**2 / np.maximum(spread, 1e-12)
    effect = np.maximum(mean * (matched - 2) / matched, 1.0)
    freedom = np.minimum(matched, max(k - 1, _FEWEST_DEGREES))
    return (weight * CORRELATIONS).sum(axis=-1), effect, freedom


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
    if m.size < 2 or m.max() == 1:
        return NO_CLUSTERING if m.size < 2 else Clustering(m.size, 0.0, 1.0, math.inf)
    icc, effect, freedom = design(m, x)
    return Clustering(m.size, float(icc), float(effect), float(freedom))


def clustering_of_lot(cells: npt.ArrayLike, reviewed: npt.ArrayLike, blasts: npt.ArrayLike) -> Clustering:
    """Measure on the reviewed cells of a lot how all counted cells of their fields cluster.

    The networks' calls show less clustering than the true blasts, as their errors are spread over the fields.

    Parameters
    ----------
    cells : (k,) counted cells per field
    reviewed, blasts : (k,) those of them that were reviewed, and the blasts among these
    """
    of_lot = clustering(reviewed, blasts)
    m = np.asarray(cells, np.float64)
    if not m.sum():
        return of_lot
    effect = 1 + max((m**2).sum() / m.sum() - 1, 0.0) * of_lot.icc
    return Clustering(of_lot.fields, of_lot.icc, float(effect), of_lot.freedom)


def critical_value(level: float, freedom: npt.ArrayLike = math.inf) -> Floats:
    """Return the number of standard errors an interval spans to each side: normal, or Student's t."""
    degrees = np.asarray(freedom, np.float64)
    finite = np.where(np.isinf(degrees), 1e9, degrees)
    t = np.asarray(stdtrit(finite, (1 + level) / 2))
    return np.where(np.isinf(degrees), norm.ppf((1 + level) / 2), t)
