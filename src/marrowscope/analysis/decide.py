"""From a count to a three-way decision, with reasons as plain sentences."""

from marrowscope.analysis.evidence import Evidence
from marrowscope.domain.decision import Decision, Interval, Rule, Verdict
from marrowscope.domain.percent import percent_text

FLOOR = 200  # with fewer counted cells, no decision is given (setting)
TARGET = 500  # recommended number of nucleated cells in a marrow differential (ICSH 2008)
_TOO_MANY = 100_000  # with more than this, "count more" is not useful advice
_OPPOSITES = {Verdict.POSITIVE, Verdict.NEGATIVE}


def decide(evidence: Evidence, rule: Rule, floor: int = FLOOR, target: int = TARGET) -> Decision:
    """Apply a rule to a count.

    The interval of the corrected share decides if there is one, else that of the counted share
    (`Evidence.verdict_bounds`): positive if it lies entirely beyond the threshold, negative if it lies
    entirely on the other side, else indeterminate. The verdict is also indeterminate if the count cannot
    support another: the counted and the corrected share lie on different sides of the threshold beyond doubt,
    or naming the unclassified cells could cross it. If many cells are unfamiliar to the networks, they are
    counted one way and the other (`Evidence.both_ways`), and the verdict must hold both ways.

    Parameters
    ----------
    evidence : the count, its intervals and its doubts
    rule : the decision rule
    floor : least number of counted cells; with fewer, the verdict is ``insufficient``
    target : recommended number of counted cells; with fewer, the reasons say so
    """
    counted, raw = evidence.differential.counted, evidence.raw
    if raw is None or counted < floor:
        return Decision(rule, Verdict.INSUFFICIENT, (_too_few(counted, floor),), max(floor - counted, 1))
    verdict = _side(evidence.verdict_bounds(), rule)
    reasons = [_counted_sentence(evidence, raw), _deciding_sentence(evidence, raw, rule, verdict)]
    more = None
    if evidence.is_unfamiliar and evidence.counted_unfamiliar.cells:
        reasons.append(_unfamiliar_sentence(evidence, rule, verdict))
    if verdict is Verdict.INDETERMINATE:
        more = cells_to_settle(evidence, rule)
        reasons.append(_advice(more))
    doubts = _doubts(evidence, raw, rule, verdict)
    if doubts:
        verdict = Verdict.INDETERMINATE
        reasons += doubts
    if counted < target:
        reasons.append(f"{counted} cells counted; {target} are recommended for a marrow differential.")
    return Decision(rule, verdict, tuple(reasons), more)


def cells_to_settle(evidence: Evidence, rule: Rule) -> int | None:
    """Return how many more cells would settle the case if shares and fields stayed as they are.

    Returns None if no reasonable number would, because the share is too close to the threshold or the error
    rates are not known well enough.
    """
    counted = evidence.differential.counted

    def settles(more: int) -> bool:
        return _side(evidence.verdict_bounds(counted + more), rule) is not Verdict.INDETERMINATE

    if not settles(_TOO_MANY):
        return None
    too_few, enough = 0, _TOO_MANY
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if settles(middle) else (middle, enough)
    return enough


def _side(bounds: tuple[float, float], rule: Rule) -> Verdict:
    low, high = bounds
    if rule.is_met_by(100 * low):
        return Verdict.POSITIVE
    if not rule.is_met_by(100 * high):
        return Verdict.NEGATIVE
    return Verdict.INDETERMINATE


def _too_few(counted: int, floor: int) -> str:
    cells = "No nucleated cell was" if counted == 0 else f"Only {counted} nucleated cells were"
    return f"{cells} counted; below {floor} no decision is given."


def _counted_sentence(evidence: Evidence, raw: Interval) -> str:
    counted, clustering = evidence.differential.counted, evidence.clustering
    worth = ""
    if clustering.design_effect > 1:
        worth = f" As cells of one field resemble each other, these are {clustering.describe(counted)}."
    blasts = f"{evidence.differential.blasts} of {counted} counted cells are blasts"
    if evidence.differential.equivalents:
        blasts = f"{evidence.differential.blasts} of {counted} counted cells are blasts or count as blasts"
    return f"{blasts}: {percent_text(raw.estimate)} % ({_range(raw)}).{worth}"


def _deciding_sentence(evidence: Evidence, raw: Interval, rule: Rule, verdict: Verdict) -> str:
    adjusted = evidence.correction.interval
    printed = adjusted or raw
    threshold = f"the threshold of {rule.threshold_percent:g} %"
    meaning = f"the interval includes {threshold}."
    if verdict is Verdict.POSITIVE:
        meaning = f"the whole interval lies above {threshold}."
    elif verdict is Verdict.NEGATIVE:
        meaning = f"the whole interval lies below {threshold}."
    elif _side((printed.low, printed.high), rule) is not Verdict.INDETERMINATE:
        meaning = f"the interval lies too close to {threshold} to decide."
    if adjusted is None:
        return meaning[0].upper() + meaning[1:]
    return (
        f"Corrected for the classifier's error rates the share is {percent_text(adjusted.estimate)} % "
        f"({_range(adjusted)}); {meaning}"
    )


def _range(interval: Interval) -> str:
    low, high = percent_text(interval.low), percent_text(interval.high)
    return f"{100 * interval.level:.0f} % interval {low} to {high} %"


def _doubts(evidence: Evidence, raw: Interval, rule: Rule, verdict: Verdict) -> list[str]:
    """Return the reasons, if any, why the count cannot support the verdict."""
    doubts = []
    if verdict is Verdict.NEGATIVE and rule.is_met_by(100 * evidence.most_blasts):
        doubts.append(
            f"{_doubtful(evidence)}: if all of them were blasts, the share would be "
            f"{percent_text(evidence.most_blasts)} %, on the other side of the threshold: name them before "
            "deciding."
        )
    if {verdict, _side((raw.low, raw.high), rule)} == _OPPOSITES:
        doubts.append(
            "As counted, the share lies on the other side of the threshold: review the cells before deciding."
        )
    return doubts


def _doubtful(evidence: Evidence) -> str:
    """Return how many counted cells that are not called blasts may be some."""
    unclassified = f"{evidence.differential.unclassified} counted cells could not be classified"
    if not evidence.uncertain_blasts:
        return unclassified
    unsure = f"{evidence.uncertain_blasts} counted cells were named, but may be blasts"
    return f"{unclassified}, and {unsure}" if evidence.differential.unclassified else unsure


def _unfamiliar_sentence(evidence: Evidence, rule: Rule, verdict: Verdict) -> str:
    """Return a sentence on what the unfamiliar cells leave open."""
    low, high = (percent_text(share) for share in evidence.both_ways)
    wrong = "As any of them may be named wrongly"
    if evidence.relies_on_elsewhere:
        wrong = "If they are named wrongly as often as such cells of other laboratories were"
    means = "the verdict stands both ways."
    if verdict is Verdict.INDETERMINATE:
        settled = _side(evidence.verdict_bounds(as_if_familiar=True), rule) is not Verdict.INDETERMINATE
        means = "the verdict does not stand both ways." if settled else "neither way settles the case."
    return (
        f"{evidence.counted_unfamiliar.cells} of the counted cells look unlike those the networks "
        f"learned from. {wrong}, all in one direction or all in the other, the counted share lies "
        f"between {low} and {high} %; {means}"
    )


def _advice(more: int | None) -> str:
    if more is None:
        return "Counting more cells alone is unlikely to settle this case: review the cells."
    return f"Counting about {more} more cells would settle this case if the share stayed the same."
