"""The evidence on a patient's blast share, and how far it can be trusted."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.correction import Correction, corrected_bounds, corrected_share
from marrowscope.analysis.intervals import LEVEL, score_bounds, wilson
from marrowscope.analysis.unfamiliar import NO_UNFAMILIAR_CELLS, UnfamiliarCells
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval
from marrowscope.domain.differential import Differential
from marrowscope.domain.rates import ErrorRates
from marrowscope.models.feature_space import USUAL_SHARE

UNFAMILIAR = 3 * USUAL_SHARE  # with a larger share of unfamiliar cells, a smear as a whole is unfamiliar
# Level of the interval on which a verdict is based, slightly above the printed 95 %: if the correlation
# within fields is estimated, one side of a 95 % interval misses in slightly more than 2.5 % of smears, one
# side of this interval in less (measured: docs/statistics.md).
STRICTER = 0.96
_ENOUGH_TO_JUDGE = 20  # whole cells; among fewer, three unfamiliar ones may be chance


@dataclass(frozen=True)
class Evidence:
    """A count, and everything that shows how far it can be trusted.

    Attributes
    ----------
    differential : the count
    rates : error rates of the classifier, None if not known
    clustering : precision lost because cells of one field resemble each other
    whole_cells : number of cells not cut by an image's edge
    unfamiliar_cells : number of these that are unfamiliar
    counted_unfamiliar : the unfamiliar cells that are counted
    uncertain_blasts : counted cells named something else that may be blasts
    from_probabilities : blast share estimated from the cells' probabilities (0..1), None if impossible
    """

    differential: Differential
    rates: ErrorRates | None = None
    clustering: Clustering = NO_CLUSTERING
    whole_cells: int = 0
    unfamiliar_cells: int = 0
    counted_unfamiliar: UnfamiliarCells = NO_UNFAMILIAR_CELLS
    uncertain_blasts: int = 0
    from_probabilities: float | None = None

    @cached_property
    def raw(self) -> Interval | None:
        """The counted blast share, None if no cell was counted."""
        return wilson(self.differential.blasts, self.differential.counted, LEVEL, self.clustering)

    @cached_property
    def correction(self) -> Correction:
        """The share corrected for the classifier's errors, or the reason why there is none.

        Its interval allows for both values of `both_ways`.
        """
        return corrected_share(
            self.differential.blasts,
            self.differential.counted,
            self.rates,
            LEVEL,
            self.clustering,
            both_ways=self.both_ways,
        )

    @cached_property
    def both_ways(self) -> tuple[float, float]:
        """Counted share (0..1) with the unfamiliar cells counted one way and the other.

        If the smear is familiar (not `is_unfamiliar`), both are the plain share. Otherwise unfamiliar cells
        are assumed to be named wrongly as often as in other laboratories if that can be relied on
        (`relies_on_elsewhere`), else without limit.
        """
        if not self.is_unfamiliar:
            return (self.differential.blasts / max(self.differential.counted, 1),) * 2
        known = (
            self.counted_unfamiliar
            if self.relies_on_elsewhere
            else replace(self.counted_unfamiliar, rates=None)
        )
        return self._ways(known)

    @cached_property
    def relies_on_elsewhere(self) -> bool:
        """Whether the error rates on unfamiliar cells of other laboratories can be relied on here.

        They cannot if the share estimated from the cells' probabilities lies outside the interval that
        follows from them: then either the names are wrong more often than there, or the probabilities are.
        """
        if not self.counted_unfamiliar.is_measured:
            return False
        interval = corrected_share(
            self.differential.blasts,
            self.differential.counted,
            self.rates,
            LEVEL,
            self.clustering,
            both_ways=self._ways(self.counted_unfamiliar),
        ).interval
        beside = self.from_probabilities
        return interval is None or beside is None or interval.low <= beside <= interval.high

    def _ways(self, unfamiliar: UnfamiliarCells) -> tuple[float, float]:
        surely = self.differential.blasts - unfamiliar.called
        fewest, most = unfamiliar.blasts()
        return (surely + fewest) / self.differential.counted, (surely + most) / self.differential.counted

    def verdict_bounds(
        self, counted: int | None = None, *, as_if_familiar: bool = False
    ) -> tuple[float, float]:
        """Return the bounds of the deciding share: the corrected one if there is one, else the counted one.

        They are those of the printed interval if it depends on the count alone. If the correlation within
        fields or the error rates are estimates, they are those of the interval at `STRICTER`.

        Parameters
        ----------
        counted : assume that this many cells were counted, with the same share
        as_if_familiar : ignore what unfamiliar cells leave open
        """
        n = self.differential.counted
        is_estimated = math.isfinite(self.clustering.freedom) or self.correction.interval is not None
        level = STRICTER if is_estimated else LEVEL
        number = self.clustering.effective(counted or n)
        ways = (self.differential.blasts / n,) * 2 if as_if_familiar else self.both_ways
        if self.correction.interval is None or self.rates is None:
            low, high = score_bounds(ways, number, critical_value(level, self.clustering.freedom))
        else:
            freedom = self.clustering.freedom
            low, high = corrected_bounds(ways, number, self.rates, level, freedom, equal_tails=True)
        return float(low[0]), float(high[1])

    @property
    def unfamiliar_share(self) -> float:
        """Share of unfamiliar cells among the whole cells (0..1), 0 without whole cells."""
        return self.unfamiliar_cells / self.whole_cells if self.whole_cells else 0.0

    @property
    def is_unfamiliar(self) -> bool:
        """Whether the smear as a whole is unlike those the networks learned from."""
        many = self.whole_cells >= _ENOUGH_TO_JUDGE and self.unfamiliar_share > UNFAMILIAR
        return many and self.differential.counted > 0

    @property
    def most_blasts(self) -> float:
        """Blast share (0..1) if all unclassified cells were blasts, and all others that may be."""
        differential = self.differential
        most = differential.blasts + differential.unclassified + self.uncertain_blasts
        return most / max(differential.counted, 1)
