"""Effect of setting the least certain cells aside: errors against the share of cells still called.

El-Yaniv and Wiener, "On the foundations of noise-free selective classification", JMLR 2010;11:1605.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from marrowscope.evaluation.statistics.metrics import Bools, Floats, Integers

SET_ASIDE = 0.10
"""Share of the cells a person could look at again: the figures at this point stand beside the curve."""

_POINTS = 100
_LEAST = 1e-6  # probabilities nearer to 0 or 1 cannot be distinguished in single precision


@dataclass(frozen=True)
class RiskPoint:
    """Blast or not among the cells still called, the most certain `coverage` of all.

    `error` share of them called wrongly; `false_positive_rate` share of the others among them called blasts;
    `false_negative_rate` share of the blasts among them not called blasts; None without any of that kind.
    """

    coverage: float
    n: int
    error: float
    false_positive_rate: float | None
    false_negative_rate: float | None


@dataclass(frozen=True)
class RiskCoverage:
    """`curve` in order of rising coverage, at most 100 points; `set_aside` without the least certain 10 %."""

    curve: tuple[RiskPoint, ...]
    set_aside: RiskPoint

    def to_json(self) -> dict[str, object]:
        """Give the figures at the chosen point, and the curve as rows in the order of `RiskPoint`."""
        return {"set_aside": vars(self.set_aside), "curve": [list(vars(p).values()) for p in self.curve]}


def certainty(p_blast: npt.NDArray[np.floating], threshold: float) -> Floats:
    """How far cells lie from the threshold, (n,), in log odds: near it, little would change the decision."""
    p = np.clip(p_blast.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.abs(logit(p) - logit(threshold)), dtype=np.float64)


def risk_coverage(
    is_blast: Bools, p_blast: npt.NDArray[np.floating], threshold: float
) -> RiskCoverage | None:
    """Set cells aside from the least certain on; None without cells.

    Parameters
    ----------
    is_blast : (n,) truth
    p_blast : (n,) predicted probability
    threshold : probability from which a cell is called a blast
    """
    n = len(is_blast)
    if not n:
        return None
    order = np.argsort(-certainty(p_blast, threshold), kind="stable")
    truth, called = is_blast[order], p_blast[order] >= threshold
    sums = [np.cumsum(column, dtype=np.int64) for column in (truth, ~truth & called, truth & ~called)]
    kept = np.unique(np.linspace(1, n, min(n, _POINTS)).round().astype(int))
    return RiskCoverage(
        tuple(_point(int(k), n, sums) for k in kept), _point(max(n - int(n * SET_ASIDE), 1), n, sums)
    )


def _point(kept: int, n: int, sums: Sequence[Integers]) -> RiskPoint:
    blasts, false, missed = (int(column[kept - 1]) for column in sums)
    others = kept - blasts
    return RiskPoint(
        coverage=kept / n,
        n=kept,
        error=(false + missed) / kept,
        false_positive_rate=false / others if others else None,
        false_negative_rate=missed / blasts if blasts else None,
    )
