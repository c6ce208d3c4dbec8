"""Cells unlike those the networks learned from: the least and greatest number of blasts among them.

The error rates of a bundle hold for cells like the held-out ones. Of unfamiliar cells it is known at best how
often such cells of other laboratories were named wrongly, so their blasts are bounded instead of estimated:
all errors in one direction, then all in the other (partial identification: Manski, Partial Identification of
Probability Distributions, Springer 2003; with bounded rates of error: Horowitz & Manski, Econometrica
1995;63:281).
"""

from dataclasses import dataclass

from marrowscope.analysis.intervals import LEVEL, clopper_pearson
from marrowscope.domain.rates import ErrorRates


@dataclass(frozen=True)
class UnfamiliarCells:
    """Counted cells that are unfamiliar.

    Attributes
    ----------
    called, cleared : number of them called blasts, and called something else
    rates : error rates on unfamiliar cells of other laboratories; None if not known, when any may be wrong
    """

    called: int
    cleared: int
    rates: ErrorRates | None = None

    @property
    def cells(self) -> int:
        """Number of unfamiliar cells."""
        return self.called + self.cleared

    @property
    def is_measured(self) -> bool:
        """Whether error rates on such cells were measured."""
        return self.rates is not None and self.rates.are_measured

    def blasts(self) -> tuple[float, float]:
        """Return the least and the greatest number of blasts among them.

        Least: no blast was missed, and other cells were taken for blasts as often as elsewhere. Greatest: the
        reverse. The rates used are the worst within their exact 95 % intervals (Clopper and Pearson).
        """
        if not self.is_measured or self.rates is None:
            return 0.0, float(self.cells)
        sensitivity = _lowest(self.rates.blasts_called, self.rates.blasts_seen)
        specificity = _lowest(self.rates.others_cleared, self.rates.others_seen)
        false = (1 - specificity) * self.cells
        fewest = max(self.called - false, 0.0) / specificity if specificity else 0.0
        most = min(self.called / sensitivity, self.cells) if sensitivity else float(self.cells)
        return min(fewest, self.called), max(most, self.called)


NO_UNFAMILIAR_CELLS = UnfamiliarCells(0, 0)


def _lowest(successes: int, trials: int) -> float:
    interval = clopper_pearson(successes, trials, LEVEL)
    return 0.0 if interval is None else interval.low
