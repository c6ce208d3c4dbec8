"""Westgard's rules: when values of a control are no longer explained by chance.

Westgard, Barry, Hunt & Groth, Clin Chem 1981;27:493. Kept are the rules that make sense for one control
measured once at an occasion: 1-3s for a large error, 2-2s and 4-1s for a small one that lasts. R-4s compares
two controls of one run, which there are not; 10-x alarms too often where the centre line is itself the mean
of a few occasions.
"""

from collections.abc import Sequence
from enum import StrEnum


class Rule(StrEnum):
    """A rule that values have broken."""

    ONE_3S = "1-3s"
    """One value is more than three standard deviations away."""
    TWO_2S = "2-2s"
    """Two in a row are more than two away, on the same side."""
    FOUR_1S = "4-1s"
    """Four in a row are more than one away, on the same side."""
    PAIRED = "paired"
    """The same cells were named differently by another bundle (not Westgard's; see `changes`)."""


_RUNS = ((Rule.ONE_3S, 1, 3.0), (Rule.TWO_2S, 2, 2.0), (Rule.FOUR_1S, 4, 1.0))


def broken_rules(deviations: Sequence[float]) -> list[tuple[Rule, ...]]:
    """Return, for each value, the rules that are broken with it.

    Parameters
    ----------
    deviations : in standard deviations from the centre line, in order of time
    """
    return [
        tuple(
            rule for rule, run, far in _RUNS if _is_run(deviations[max(0, at + 1 - run) : at + 1], run, far)
        )
        for at in range(len(deviations))
    ]


def _is_run(last: Sequence[float], run: int, far: float) -> bool:
    return len(last) == run and (all(z > far for z in last) or all(z < -far for z in last))
