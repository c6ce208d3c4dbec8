"""Agreement of two readers beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.intervals import LEVEL, wilson
from marrowscope.domain.decision import Interval
from marrowscope.domain.taxonomy import taxonomy


@dataclass(frozen=True)
class Agreement:
    """Two readers' answers for the same cells.

    Attributes
    ----------
    types : types that either reader named, in the taxonomy's order
    counts : (types, types) cells; rows are the first reader's answers, columns the second's
    kappa : Cohen's kappa with its interval; None without cells, or if both named one type throughout
    """

    types: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    kappa: Interval | None

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.counts.sum())

    @property
    def agreed(self) -> int:
        """Number of cells for which both answers are the same."""
        return int(np.trace(self.counts))


def agreement(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Compare two readers' answers for the same cells, in the same order.

    Parameters
    ----------
    first, second : n taxonomy identifiers each
    """
    named = {*first, *second}
    types = tuple(kind.id for kind in taxonomy() if kind.id in named)
    place = {name: row for row, name in enumerate(types)}
    counts = np.zeros((len(types), len(types)), np.int64)
    for one, other in zip(first, second, strict=True):
        counts[place[one], place[other]] += 1
    return Agreement(types, counts, cohens_kappa(counts))


def cohens_kappa(counts: npt.NDArray[np.int64], level: float = LEVEL) -> Interval | None:
    """Return Cohen's kappa (Educ Psychol Meas 1960;20:37) for a table of two readers.

    Its variance is that of Fleiss, Cohen & Everitt (Psychol Bull 1969;72:323). If the readers agree on every
    cell, that variance is zero, although no number of cells can show that they never differ. The lower bound
    is then the kappa of Wilson's lower bound of the agreement, with the same chance agreement.

    Parameters
    ----------
    counts : (k, k) cells
    level : coverage

    Returns
    -------
    None without cells, or if chance alone would give full agreement
    """
    n = int(counts.sum())
    if n == 0:
        return None
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    seen, chance = float(np.trace(p)), float(rows @ columns)
    if np.isclose(chance, 1):
        return None
    kappa = (seen - chance) / (1 - chance)
    if np.trace(counts) == n:
        bound = wilson(n, n, level)
        low = kappa if bound is None else (bound.low - chance) / (1 - chance)
        return Interval(1.0, low, 1.0, level, "Cohen's kappa, full agreement (Wilson)")
    variance = _variance(p, kappa, chance) / n
    half = float(critical_value(level)) * float(np.sqrt(max(variance, 0.0)))
    return Interval(
        estimate=kappa,
        low=max(kappa - half, -1.0),
        high=min(kappa + half, 1.0),
        level=level,
        method="Cohen's kappa, interval of Fleiss, Cohen and Everitt",
    )


def _variance(p: npt.NDArray[np.float64], kappa: float, chance: float) -> float:
    """Return n times the variance of kappa; ``p`` are the shares of the table, (k, k)."""
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    diagonal = np.diag(p)
    same = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    apart = p * (columns[:, None] + rows[None, :]) ** 2
    different = (1 - kappa) ** 2 * float(apart.sum() - np.trace(apart))
    return (same + different - (kappa - chance * (1 - kappa)) ** 2) / (1 - chance) ** 2
