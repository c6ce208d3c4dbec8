"""From the numbers to a decision, with reasons as plain sentences."""

from dataclasses import replace

from marrowscope.analysis.intervals import level_of_repeated_looks
from marrowscope.analysis.laboratories import usable
from marrowscope.analysis.numbers import ENOUGH_REVIEWED, Numbers
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import FLOOR, TARGET, Basis, Decision, Interval, Rule, Verdict
from marrowscope.domain.percent import percent_text, range_text
from marrowscope.domain.quantity import quantity

_TOO_MANY = 100_000  # with more than this, "count more" is not useful advice


def decide(numbers: Numbers, rule: Rule, floor: int = FLOOR, target: int = TARGET) -> Decision:
    """Apply a rule to the deciding number: above or below if its whole interval lies on one side.

    Parameters
    ----------
    numbers : of the patient
    rule : the decision rule
    floor : least number of counted cells; with fewer, the verdict is ``insufficient``
    target : recommended number of counted cells; with fewer, the reasons say so
    """
    counted, basis, interval = numbers.differential.counted, numbers.basis, numbers.deciding
    if numbers.counted is None or counted < floor:
        return Decision(
            rule, Verdict.INSUFFICIENT, (_too_few(numbers, floor),), max(floor - counted, 1), basis
        )
    verdict = Verdict.INDETERMINATE if interval is None else side(interval, rule)
    reasons = [_why(numbers, rule, verdict), _counted_sentence(numbers, numbers.counted)]
    more = None
    if verdict is Verdict.INDETERMINATE:
        more = cells_to_settle(numbers, rule)
        reasons.append(_advice(more, numbers))
    if counted < target:
        reasons.append(f"{counted} cells counted; {target} are recommended for a marrow differential.")
    band = ""
    if verdict is Verdict.NEGATIVE and interval is not None and numbers.specimen is Specimen.MARROW:
        band = rule.bands_between(100 * interval.low, 100 * interval.high)
    return Decision(rule, verdict, tuple(reasons), more, basis, band)


def side(interval: Interval, rule: Rule) -> Verdict:
    """Return on which side of the threshold an interval lies."""
    if rule.is_met_by(100 * interval.low):
        return Verdict.POSITIVE
    if not rule.is_met_by(100 * interval.high):
        return Verdict.NEGATIVE
    return Verdict.INDETERMINATE


def cells_to_settle(numbers: Numbers, rule: Rule) -> int | None:
    """Return how many more cells would settle the case if shares and fields stayed as they are.

    Who counts on looks again, so the level is that of repeated looks. Returns None if no reasonable number
    would settle it, or if it does not depend on the number of counted cells.
    """
    counted = numbers.differential.counted
    again = replace(numbers, level=max(numbers.level, level_of_repeated_looks()))

    def settles(more: int) -> bool:
        interval = again.after(counted + more)
        return interval is not None and side(interval, rule) is not Verdict.INDETERMINATE

    if not settles(_TOO_MANY):
        return None
    too_few, enough = 0, _TOO_MANY
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if settles(middle) else (middle, enough)
    return enough


def _too_few(numbers: Numbers, floor: int) -> str:
    counted, noun = numbers.differential.counted, numbers.specimen.counted
    cells = f"Only {quantity(counted, noun)}" if counted else f"No {noun}"
    return f"{cells} {'was' if counted < 2 else 'were'} counted; below {floor} no decision is given."


def _why(numbers: Numbers, rule: Rule, verdict: Verdict) -> str:
    """Return the one sentence that says why."""
    interval = numbers.deciding
    if interval is None:
        elsewhere = ""
        if numbers.is_validated_elsewhere and numbers.known.validation is not None:
            elsewhere = f" This laboratory's validation is of {numbers.known.validation.figures.specimen}."
        return (
            "How often the networks err in other laboratories is not known, so their count alone decides "
            f"nothing.{elsewhere}"
        )
    threshold = f"{rule.threshold_percent:g} %"
    share = f"{range_text(interval.low, interval.high)} %"
    lies = {
        Verdict.POSITIVE: f"above {threshold}",
        Verdict.NEGATIVE: f"below {threshold}",
        Verdict.INDETERMINATE: f"on both sides of {threshold}",
    }[verdict]
    if numbers.basis is Basis.REVIEWED:
        of = "All counted cells are" if numbers.inferred.is_complete else _lot(numbers.inferred.cells)
        return f"{of} reviewed by eye: by them the blast share is {share}, {lies}."
    validation = numbers.known.validation
    if numbers.basis is Basis.VALIDATED and validation is not None:
        return f"By the errors in {validation.describe()} the blast share is {share}, {lies}."
    confirm = "" if verdict is Verdict.INDETERMINATE else " This is triage: confirm it by review."
    number = len(usable(numbers.known.laboratories))
    measured = f"the networks err here as in the {number} laboratories measured"
    if interval.is_everything:
        return f"If {measured}, this count may come with any blast share."
    return f"If {measured}, the blast share is {share}, {lies}.{confirm}"


def _lot(cells: int) -> str:
    return f"{quantity(cells, 'cell')} drawn by lot are"


def _counted_sentence(numbers: Numbers, raw: Interval) -> str:
    differential, clustering = numbers.differential, numbers.clustering
    worth = ""
    if clustering.design_effect > 1:
        worth = f" As cells of one field resemble each other, they are worth {_worth(numbers)}."
    blasts = f"{differential.blasts} of {differential.counted} counted cells are called blasts"
    if differential.equivalents:
        blasts += " or count as blasts"
    return f"{blasts}: {percent_text(raw.estimate)} % ({range_text(raw.low, raw.high)} %).{worth}"


def _worth(numbers: Numbers) -> str:
    number = numbers.clustering.effective(numbers.differential.counted)
    return f"{number:.0f} independent ones"


def _advice(more: int | None, numbers: Numbers) -> str:
    review = f"Review at least {ENOUGH_REVIEWED} cells drawn by lot, by eye"
    if numbers.inferred.is_complete and more is None:
        return "The share is too near the threshold for any reasonable number of cells to settle."
    if numbers.basis is Basis.REVIEWED:
        review = "Review more cells of the lot"
    if numbers.basis is Basis.NONE:
        return f"{review}, or validate the networks on cells of this laboratory."
    if more is None:
        return f"Counting more cells alone is unlikely to settle this case. {review}."
    return f"Counting about {more} more cells would settle this case if the share stayed the same."
