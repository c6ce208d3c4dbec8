"""Percentile intervals from resampling whole groups: cells of one slide are no independent evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.intervals import wilson
from marrowscope.evaluation.statistics.metrics import Bools, share

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; the interval is None where it cannot be had."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def to_json(self) -> list[float] | None:
        """Give the interval as ``[low, high]``, None without one."""
        return None if self.low is None or self.high is None else [self.low, self.high]


def resampled_weights(groups: Sequence[str], rounds: int, seed: int) -> Weights:
    """How often each item is drawn when its groups are drawn with replacement, (rounds, items)."""
    names, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), rounds)
    return np.asarray(drawn[:, index], dtype=np.float64)


def group_bootstrap(
    statistic: Callable[[Weights], float], groups: Sequence[str], rounds: int = 400, seed: int = 0
) -> Estimate:
    """Estimate a weighted statistic and its interval over groups (Efron 1979, percentile method).

    Parameters
    ----------
    statistic : from one weight per item, (items,), to a figure; NaN where it is undefined
    groups : group of each item; with fewer than two groups there is no interval
    rounds : number of resamples
    seed : of the resampling, so that a figure can be printed again

    Returns
    -------
    The figure on all items, its 2.5 % and 97.5 % quantiles over the resamples where it is defined. Resamples
    that all agree (nothing ever went wrong) carry no uncertainty: there is no interval then.
    """
    if not len(groups):
        return Estimate(None)
    value = statistic(np.ones(len(groups)))
    if np.isnan(value):
        return Estimate(None)
    if len(set(groups)) < 2:
        return Estimate(float(value))
    sample = np.array([statistic(weights) for weights in resampled_weights(groups, rounds, seed)])
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        return Estimate(float(value))
    low, high = np.quantile(sample, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high)) if low < high else Estimate(float(value))


def share_estimate(hits: Bools, among: Bools, groups: Sequence[str], rounds: int = 400) -> Estimate:
    """Estimate the share of `among` that are `hits`, its interval over groups.

    If every one or none is a hit, resampling shows no uncertainty; the interval is then Wilson's, of as many
    trials as there are groups: cells of one group are no independent evidence.
    """
    found = group_bootstrap(lambda weights: share(hits, among, weights), groups, rounds)
    if found.value not in {0.0, 1.0} or found.low is not None:
        return found
    n_groups = len({group for group, counts in zip(groups, among, strict=True) if counts})
    bounds = wilson(n_groups * int(found.value), n_groups)
    return found if bounds is None or n_groups < 2 else Estimate(found.value, bounds.low, bounds.high)
