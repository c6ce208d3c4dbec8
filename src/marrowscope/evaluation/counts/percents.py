"""Measured beside true blast percentages: the sides of 20 %, and what two counts may differ by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

from marrowscope.analysis.intervals import wilson
from marrowscope.domain.decision import OVER_20
from marrowscope.evaluation.counts.agreement import Agreement, agreement

NEAR_PERCENT = (10.0, 30.0)
"""True percentages that lie near the threshold, both included."""


@dataclass(frozen=True)
class Pair:
    """A patient's true and measured blast percentage.

    `low` and `high` are the bounds of the measured one's interval, `true_low` and `true_high` those of the
    true one's, which was counted, too; None where not known. `decision` is the patient's.
    """

    true: float
    measured: float
    low: float | None
    high: float | None
    true_low: float | None = None
    true_high: float | None = None
    decision: str = ""

    @property
    def is_within_both_errors(self) -> bool | None:
        """Whether two counts of one share may differ so: zero is in the interval of their difference.

        Newcombe, Stat Med 1998;17:873 (method 10). None where an interval is not known.
        """
        if self.low is None or self.high is None or self.true_low is None or self.true_high is None:
            return None
        if self.measured >= self.true:
            return self.measured - self.true <= hypot(self.measured - self.low, self.true_high - self.true)
        return self.true - self.measured <= hypot(self.true - self.true_low, self.high - self.measured)


@dataclass(frozen=True)
class Sides:
    """Patients over and not over the threshold of `over-20`, by the true and by the measured percentage.

    `decisions` gives the patients over it and those not over it by decision, `measured` by the measured side
    (over, not over); `near` is the agreement of those between 10 and 30 %, None with too few.
    """

    decisions: tuple[Mapping[str, int], Mapping[str, int]]
    measured: tuple[tuple[int, int], tuple[int, int]]
    near: Agreement | None

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        return {
            name: {"measured_over": over, "measured_not_over": under, "decisions": dict(decisions)}
            for name, (over, under), decisions in zip(
                ("over_20", "not_over_20"), self.measured, self.decisions, strict=True
            )
        } | {"between_10_and_30": None if self.near is None else self.near.to_json()}


def counted_bounds(percent: float, cells: float | None) -> tuple[float | None, float | None]:
    """Return Wilson's bounds of a percentage that was counted on so many cells; None each if not known."""
    if not cells or cells < 1 or not 0 <= percent <= 100:
        return None, None
    bounds = wilson(round(percent * cells / 100), round(cells))
    # The file's percentage is rounded: never let it lie beyond its own bounds.
    return (None, None) if bounds is None else (
        min(100 * bounds.low, percent), max(100 * bounds.high, percent)
    )  # fmt: skip


def sides(pairs: Sequence[Pair], decisions: Sequence[str]) -> Sides | None:
    """Compare the sides of the threshold; None without pairs."""
    if not pairs:
        return None
    truly = [[pair for pair in pairs if _is_over(pair.true) is side] for side in (True, False)]
    near = [pair for pair in pairs if NEAR_PERCENT[0] <= pair.true <= NEAR_PERCENT[1]]
    over, under = (
        {name: sum(pair.decision == name for pair in group) for name in decisions} for group in truly
    )
    seen = [sum(_is_over(pair.measured) for pair in group) for group in truly]
    return Sides(
        (over, under),
        ((seen[0], len(truly[0]) - seen[0]), (seen[1], len(truly[1]) - seen[1])),
        agreement([pair.true for pair in near], [pair.measured for pair in near]),
    )


def within_both_errors(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Return of how many patients both counts may be of one share, and of how many this can be told."""
    known = [pair.is_within_both_errors for pair in pairs if pair.is_within_both_errors is not None]
    return sum(known), len(known)


def _is_over(percent: float) -> bool:
    return percent > OVER_20.threshold_percent
