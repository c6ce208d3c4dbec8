"""The same cells named by two bundles: whether one type became more or less frequent than chance explains."""

from dataclasses import dataclass
from typing import Final

from scipy.stats import binomtest

CHANCE: Final = 0.0027
"""Level of the test: that at which a normal value lies beyond three standard deviations."""


@dataclass(frozen=True)
class Change:
    """Cells that one reading has of a type and another, of the same images, has not.

    A cell that only one of both found is of no type in the other.

    Attributes
    ----------
    gained, lost : of the type in the later reading alone, and in the earlier one alone
    """

    gained: int
    lost: int

    @property
    def is_real(self) -> bool:
        """Whether chance does not explain it: McNemar's test, exact (Psychometrika 1947;12:153)."""
        differing = self.gained + self.lost
        return differing > 0 and bool(binomtest(self.gained, differing).pvalue < CHANCE)
