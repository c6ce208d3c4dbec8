"""Centre lines and limits of control charts, from a number of first occasions (phase I).

Spread is that between one occasion and the next, not that around the mean, which a drift would widen
(Shewhart's individuals chart; Montgomery, Introduction to Statistical Quality Control, 7th ed., section
6.4). Both centre and spread are themselves estimates, so limits are those of one more value, as Hillier
proposed for few values (J Qual Technol 1969;1:17): the fewer occasions have set them, the wider they are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import critical_value

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

OCCASIONS = 20
"""Occasions from which limits are set: at least 20 (CLSI C24, 4th ed. 2016; Montgomery, section 6.2)."""
LEAST_CELLS = 5.0
"""Cells of a type expected at an occasion, below which a share's errors are too skewed for limits at so many
standard deviations (the usual condition of the normal approximation, n p >= 5)."""
LIMIT_SD = 3.0
"""Standard deviations from the centre line to either limit."""
WITHIN = 0.9973
"""Share of normal values within `LIMIT_SD` standard deviations."""
_D2 = 1.128  # mean range of two normal values, in standard deviations
_EFFICIENCY = (
    0.605  # of the mean moving range, against the sample's own deviation (Cryer & Ryan, JQT 1990;22:187)
)


@dataclass(frozen=True)
class Limits:
    """A centre line, and the standard deviation of each occasion around it, (n,)."""

    centre: float
    sd: Floats

    @property
    def low(self) -> Floats:
        """(n,) lower limits."""
        return self.centre - LIMIT_SD * self.sd

    @property
    def high(self) -> Floats:
        """(n,) upper limits."""
        return self.centre + LIMIT_SD * self.sd

    def deviations(self, values: Floats) -> Floats:
        """(n,) values as standard deviations from the centre line; infinite where that has no spread."""
        away = values - self.centre
        away[np.isclose(away, 0, atol=1e-9 * max(1.0, abs(self.centre)))] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(away == 0, 0.0, away / self.sd)


def individuals(values: Floats, baseline: Rows) -> Limits:
    """Return the limits of a figure that is measured once at each occasion: Shewhart's individuals chart.

    Parameters
    ----------
    values : (n,) in order of time
    baseline : rows that set the limits, at least two
    """
    first = values[baseline]
    sd = _moving_range_sd(first) * widening(len(first))
    return Limits(float(first.mean()), np.full(len(values), sd))


def shares(cells: Floats, counted: Floats, baseline: Rows, target: float | None = None) -> Limits | None:
    """Return the limits of a share of cells: Laney's p'-chart (Qual Eng 2002;14:531).

    The counts of cells differ from one occasion to the next, and so does the binomial error of each share.
    Smears of one specimen differ more than that; Laney takes this from the moving range of the standardised
    shares. Limits are never narrower than the binomial ones: what looks steadier than chance does so by
    chance.

    Parameters
    ----------
    cells : (n,) cells of the type
    counted : (n,) cells in the denominator
    baseline : rows that set the limits, at least two
    target : centre line as a share where it is known; else that of the baseline

    Returns
    -------
    In shares; None if fewer than `LEAST_CELLS` of the type are expected at an occasion
    """
    centre = float(cells[baseline].sum() / counted[baseline].sum()) if target is None else target
    if min(centre, 1 - centre) * float(counted[baseline].mean()) < LEAST_CELLS:
        return None
    binomial = np.sqrt(centre * (1 - centre) / counted)
    standardised = (cells[baseline] / counted[baseline] - centre) / binomial[baseline]
    return Limits(centre, binomial * max(1.0, _moving_range_sd(standardised)) * widening(len(baseline)))


def widening(first: int) -> float:
    """Return the factor by which limits of one more value are wider than those of known centre and spread.

    The error of the centre adds to that of the value; Student's t takes the place of the normal deviate, with
    the degrees of freedom of the mean moving range.

    Parameters
    ----------
    first : number of values that set the limits
    """
    deviate = float(critical_value(WITHIN, _EFFICIENCY * (first - 1)))
    return float(np.sqrt(1 + 1 / first)) * deviate / LIMIT_SD


def _moving_range_sd(values: Floats) -> float:
    return float(np.abs(np.diff(values)).mean() / _D2)
