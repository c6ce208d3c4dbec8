"""What is known of a patient's blasts, and what speaks against relying on it."""

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

UNFAMILIAR = 3 * USUAL_SHARE  # share of unfamiliar cells from which a smear is unlike the training's
# Level of an interval on which a verdict rests, a little more than the 95 % printed: with an estimated
# correlation within fields one side of a 95 % interval misses in slightly more than 2.5 % of smears, one side
# of this one in less (measured: docs/statistics.md).
STRICTER = 0.96
_ENOUGH_TO_JUDGE = 20  # whole cells: of fewer, three unfamiliar ones may be chance


@dataclass(frozen=True)
class Evidence:
    """A count with everything that says how far it can be trusted.

    Attributes
    ----------
    differential : the count
    rates : error rates of the classifier, None when not known
    clustering : what it costs that cells of one field resemble each other
    whole_cells : cells not cut by an image's edge
    unfamiliar_cells : of these, how many look unlike the cells the networks learned from
    counted_unfamiliar : the counted ones among the latter
    from_probabilities : blast share by the cells' probabilities (0..1), None where it cannot be had
    """

    differential: Differential
    rates: ErrorRates | None = None
    clustering: Clustering = NO_CLUSTERING
    whole_cells: int = 0
    unfamiliar_cells: int = 0
    counted_unfamiliar: UnfamiliarCells = NO_UNFAMILIAR_CELLS
    from_probabilities: float | None = None

    @cached_property
    def raw(self) -> Interval | None:
        """The counted blast share, None when nothing was counted."""
        return wilson(self.differential.blasts, self.differential.counted, LEVEL, self.clustering)

    @cached_property
    def correction(self) -> Correction:
        """The share corrected for the classifier's errors, or why there is none.

        Its interval reaches as far as `both_ways` asks for.
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

        Twice the plain share where the smear is familiar (`is_unfamiliar`). As far as such cells were named
        wrongly elsewhere, where that can be believed here (`relies_on_elsewhere`), else as far as can be.
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
        """Whether what unfamiliar cells of other laboratories showed can be believed here.

        Not where the cells' probabilities give a share outside the interval that follows from it: then the
        names err more than they did there, or the probabilities do, and which cannot be told.
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
        """Return the bounds of the share that decides: the corrected one if there is one, else the counted.

        They are those of the printed interval where it rests on the count alone; where the correlation
        within fields or the error rates are estimates, those of the interval at `STRICTER`.

        Parameters
        ----------
        counted : as if that many cells had been counted, with the same share
        as_if_familiar : without what unfamiliar cells leave open
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
        """Share of unfamiliar cells among the whole ones (0..1), 0 without any."""
        return self.unfamiliar_cells / self.whole_cells if self.whole_cells else 0.0

    @property
    def is_unfamiliar(self) -> bool:
        """Whether the smear as a whole is unlike those the networks learned from."""
        many = self.whole_cells >= _ENOUGH_TO_JUDGE and self.unfamiliar_share > UNFAMILIAR
        return many and self.differential.counted > 0

    @property
    def most_blasts(self) -> float:
        """Blast share (0..1) if every unclassified cell were a blast; as counted, none of them is."""
        differential = self.differential
        return (differential.blasts + differential.unclassified) / max(differential.counted, 1)
