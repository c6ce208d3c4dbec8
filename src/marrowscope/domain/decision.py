"""Rules that turn a blast share into a decision, the decision as a value, and its words.

The words stand here alone: page, report, terminal, workbook and FHIR print them. Files for programs carry the
values of `Verdict` and `Basis`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What a count supports."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"
    INSUFFICIENT = "insufficient"


class Basis(StrEnum):
    """The number on which a decision rests."""

    REVIEWED = "reviewed"  # cells that a reader named
    VALIDATED = "validated"  # corrected by error rates measured in this laboratory
    LABORATORIES = "laboratories"  # corrected by error rates as they vary between laboratories
    NONE = "none"  # no error rates are known, and too few cells are reviewed


BASIS_WORDS = {
    Basis.REVIEWED: "Reviewed",
    Basis.VALIDATED: "By this laboratory's validation",
    Basis.LABORATORIES: "If this laboratory is like those measured",
    Basis.NONE: "Nothing decides",
}
"""Titles of the numbers that can decide."""
COUNTED_WORDS = "Counted"
"""Title of the number that a person can recount, which never decides."""


def verdict_words(verdict: Verdict, threshold_percent: float) -> str:
    """Return a verdict in words, such as ``Above 20 %``."""
    return {
        Verdict.POSITIVE: f"Above {threshold_percent:g} %",
        Verdict.NEGATIVE: f"Below {threshold_percent:g} %",
        Verdict.INDETERMINATE: "Undecided",
        Verdict.INSUFFICIENT: "Too few cells",
    }[verdict]


@dataclass(frozen=True)
class Band:
    """A range of blast percentages under the threshold, in marrow: its start, text, and the rule's name."""

    start: float
    text: str
    name: str


@dataclass(frozen=True)
class Rule:
    """The condition under which a blast share means leukemia.

    Attributes
    ----------
    id : name used on the command line
    title : for people, with the source
    threshold_percent : of all counted nucleated cells
    includes_threshold : whether a share exactly at the threshold is positive
    bands : ranges under the threshold, from the lowest up; empty if the rule has none
    """

    id: str
    title: str
    threshold_percent: float
    includes_threshold: bool
    bands: tuple[Band, ...] = ()

    def is_met_by(self, percent: float) -> bool:
        """Return whether a blast percentage is positive by this rule."""
        if self.includes_threshold:
            return percent >= self.threshold_percent
        return percent > self.threshold_percent

    def bands_between(self, low: float, high: float) -> str:
        """Return the bands that a range of percentages reaches, such as ``5 to 9 % (MDS-IB1)``.

        Empty if the range reaches all of them, and none has a name: the verdict says as much.
        """
        ends = [*(band.start for band in self.bands[1:]), self.threshold_percent]
        reached = [
            (band, end)
            for band, end in zip(self.bands, ends, strict=False)
            if high >= band.start and (low < end or band is self.bands[-1])
        ]
        if not reached or any(band.name for band, _ in reached):
            return " or ".join(f"{b.text} ({b.name})" if b.name else b.text for b, _ in reached)
        (first, _), (_, end) = reached[0], reached[-1]
        if len(reached) == len(self.bands):
            return ""
        return f"{first.start:g} to {end - 1:g} %" if first.start else f"under {end:g} %"

    @property
    def condition(self) -> str:
        """The rule as a formula for print, such as ``blasts > 20 %``."""
        sign = "≥" if self.includes_threshold else ">"
        return f"blasts {sign} {self.threshold_percent:g} %"


def _bands(from_5: str, from_10: str) -> tuple[Band, ...]:
    return Band(0.0, "under 5 %", ""), Band(5.0, "5 to 9 %", from_5), Band(10.0, "10 to 19 %", from_10)


FLOOR: Final = 200
"""With fewer counted cells, no decision is given, unless asked for otherwise."""
TARGET: Final = 500
"""Recommended number of nucleated cells in a marrow differential (ICSH 2008)."""

OVER_20 = Rule(
    "over-20",
    "More than 20 % blasts (this software's default)",
    20.0,
    includes_threshold=False,
    bands=_bands("", ""),
)
WHO_2022 = Rule(
    "who-2022",
    "WHO classification, 5th edition (2022)",
    20.0,
    includes_threshold=True,
    bands=_bands("MDS-IB1", "MDS-IB2"),
)
ICC_2022 = Rule(
    "icc-2022",
    "International Consensus Classification (2022)",
    20.0,
    includes_threshold=True,
    bands=_bands("MDS-EB", "MDS/AML"),
)
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

    @property
    def is_everything(self) -> bool:
        """Whether it holds every share, so that its estimate says nothing either."""
        return self.low <= 0 and self.high >= 1


@dataclass(frozen=True)
class Clustering:
    """How much precision a count loses because cells of one field resemble each other.

    Attributes
    ----------
    fields : number of fields with counted cells
    icc : correlation within fields, the mean of all values weighed by what the fields show
    design_effect : counted cells divided by the number of independent cells they are worth
    freedom : degrees of freedom of the design effect, infinite if it does not depend on the fields
    """

    fields: int
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


NO_CLUSTERING = Clustering(fields=1, icc=0.0, design_effect=1.0, freedom=math.inf)


@dataclass(frozen=True)
class Decision:
    """The decision of one rule for one patient.

    Attributes
    ----------
    rule : the rule applied
    verdict : what the count supports
    reasons : sentences for the physician; the first one says why
    cells_to_settle : approximate number of further cells that would settle an open case, None if none would
    decided_by : the number it rests on; with too few cells, the one that would decide
    band : the rule's ranges under the threshold that the deciding interval reaches; empty unless below
    """

    rule: Rule
    verdict: Verdict
    reasons: tuple[str, ...]
    cells_to_settle: int | None = None
    decided_by: Basis = Basis.NONE
    band: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether the share lies on one side of the threshold, so that counting on changes nothing."""
        return self.verdict in {Verdict.POSITIVE, Verdict.NEGATIVE}

    @property
    def is_by_enough_cells(self) -> bool:
        """Whether enough cells are counted for any share to decide."""
        return self.verdict is not Verdict.INSUFFICIENT

    @property
    def words(self) -> str:
        """The verdict in words."""
        return verdict_words(self.verdict, self.rule.threshold_percent)

    @property
    def statement(self) -> str:
        """The verdict in words, with its band."""
        return f"{self.words}, {self.band}" if self.band else self.words

    @property
    def why(self) -> str:
        """The sentence that says why."""
        return self.reasons[0] if self.reasons else ""
