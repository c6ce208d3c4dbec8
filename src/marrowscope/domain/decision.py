"""Rules that turn a blast share into a decision, and the decision as a value."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a count supports."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True)
class Rule:
    """The condition under which a blast share means leukemia.

    Attributes
    ----------
    id : name used on the command line
    title : for people, with the source
    threshold_percent : of all counted nucleated cells
    includes_threshold : whether a share exactly at the threshold is positive
    """

    id: str
    title: str
    threshold_percent: float
    includes_threshold: bool

    def is_met_by(self, percent: float) -> bool:
        """Return whether a blast percentage is positive by this rule."""
        if self.includes_threshold:
            return percent >= self.threshold_percent
        return percent > self.threshold_percent

    @property
    def condition(self) -> str:
        """The rule as a formula for print, such as ``blasts > 20 %``."""
        sign = "≥" if self.includes_threshold else ">"
        return f"blasts {sign} {self.threshold_percent:g} %"


OVER_20 = Rule("over-20", "More than 20 % blasts (this software's default)", 20.0, includes_threshold=False)
WHO_2022 = Rule("who-2022", "WHO classification, 5th edition (2022)", 20.0, includes_threshold=True)
ICC_2022 = Rule("icc-2022", "International Consensus Classification (2022)", 20.0, includes_threshold=True)
RULES = {rule.id: rule for rule in (OVER_20, WHO_2022, ICC_2022)}


def custom_rule(threshold_percent: float, *, inclusive: bool) -> Rule:
    """Return a rule with a user-defined threshold.

    Raises
    ------
    ValueError
        The threshold is not between 0 and 100.
    """
    if not 0 < threshold_percent < 100:
        raise ValueError(f"threshold {threshold_percent:g} % is not between 0 and 100")
    return Rule("custom", "Threshold set by the user", threshold_percent, includes_threshold=inclusive)


@dataclass(frozen=True)
class Interval:
    """A share and its uncertainty, each in 0..1.

    Attributes
    ----------
    estimate, low, high : the share and the bounds of its interval
    level : coverage, such as 0.95
    method : how it was computed, for print
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class Clustering:
    """How much precision a count loses because cells of one field resemble each other.

    Attributes
    ----------
    fields : number of fields with counted cells
    measured_icc : measured correlation within fields, None if it cannot be measured
    icc : correlation used
    design_effect : counted cells divided by the number of independent cells they are worth
    freedom : degrees of freedom of the design effect, infinite if it does not depend on the fields
    """

    fields: int
    measured_icc: float | None
    icc: float
    design_effect: float
    freedom: float

    def effective(self, counted: float) -> float:
        """Return how many independent cells the counted ones are worth."""
        return counted / self.design_effect

    def describe(self, counted: int) -> str:
        """Return the effective number as text for print."""
        return (
            f"{counted} cells on {self.fields} fields, worth {self.effective(counted):.0f} independent ones"
        )


NO_CLUSTERING = Clustering(fields=1, measured_icc=None, icc=0.0, design_effect=1.0, freedom=math.inf)


@dataclass(frozen=True)
class Decision:
    """The decision of one rule for one patient.

    Attributes
    ----------
    rule : the rule applied
    verdict : what the count supports
    reasons : sentences for the physician
    cells_to_settle : approximate number of further cells that would settle an open case, None if none would
    """

    rule: Rule
    verdict: Verdict
    reasons: tuple[str, ...]
    cells_to_settle: int | None = None
