"""From a count to a decision in three ways, with reasons in plain sentences."""

import math

from scipy.stats import norm

from marrowscope.domain.decision import Decision, Interval, Rule, Verdict
from marrowscope.domain.differential import Differential

FLOOR = 200  # counted cells below which no decision is given (setting)
TARGET = 500  # nucleated cells a marrow differential should rest on (ICSH 2008)
_TOO_MANY = 100_000  # beyond this, "count more" is no advice


def decide(
    differential: Differential,
    raw: Interval | None,
    adjusted: Interval | None,
    rule: Rule,
    floor: int = FLOOR,
) -> Decision:
    """Apply a rule to a count.

    Positive when the whole interval lies beyond the threshold, negative when all of it lies on the other
    side, else indeterminate. When the share corrected for the classifier's errors lies on the other side of
    the threshold than the raw one, the count does not settle the case either.

    Parameters
    ----------
    differential : the count
    raw : the blast share and its interval, None when nothing was counted
    adjusted : the corrected share, None when the error rates are not known
    rule : when blasts mean leukemia
    floor : counted cells below which the answer is ``insufficient``
    """
    counted = differential.counted
    if raw is None or counted < floor:
        return Decision(rule, Verdict.INSUFFICIENT, (_too_few(counted, floor),), max(floor - counted, 1))
    verdict = _side(raw, rule)
    reasons = [_sentence(differential, raw, rule, verdict)]
    if adjusted is not None and verdict is not Verdict.INDETERMINATE:
        against = rule.is_met_by(100 * adjusted.estimate) != (verdict is Verdict.POSITIVE)
        if against:
            verdict = Verdict.INDETERMINATE
            reasons.append(
                f"Corrected for the classifier's error rates the share is {100 * adjusted.estimate:.1f} %, "
                "on the other side of the threshold: review the cells before deciding."
            )
    more = cells_to_settle(raw, counted, rule) if verdict is Verdict.INDETERMINATE else None
    if verdict is Verdict.INDETERMINATE:
        reasons.append(_advice(more))
    if counted < TARGET:
        reasons.append(f"{counted} cells counted; {TARGET} are recommended for a marrow differential.")
    return Decision(rule, verdict, tuple(reasons), more)


def cells_to_settle(raw: Interval, counted: int, rule: Rule) -> int | None:
    """Return about how many more cells would settle the case if the share stayed as it is.

    The Wilson interval excludes the threshold ``t`` once ``|p - t| > z·sqrt(t(1-t)/n)``; solved for ``n``.
    None when the share is so close to the threshold that no reasonable count would.
    """
    threshold = rule.threshold_percent / 100
    distance = abs(raw.estimate - threshold)
    z = float(norm.ppf((1 + raw.level) / 2))
    if distance == 0:
        return None
    needed = math.ceil(z**2 * threshold * (1 - threshold) / distance**2) + 1
    return needed - counted if 0 < needed - counted <= _TOO_MANY else None


def _side(interval: Interval, rule: Rule) -> Verdict:
    if rule.is_met_by(100 * interval.low):
        return Verdict.POSITIVE
    if not rule.is_met_by(100 * interval.high):
        return Verdict.NEGATIVE
    return Verdict.INDETERMINATE


def _too_few(counted: int, floor: int) -> str:
    cells = "No nucleated cell was" if counted == 0 else f"Only {counted} nucleated cells were"
    return f"{cells} counted; below {floor} no decision is given."


def _sentence(differential: Differential, raw: Interval, rule: Rule, verdict: Verdict) -> str:
    share = (
        f"{differential.blasts} of {differential.counted} counted cells are blasts: "
        f"{100 * raw.estimate:.1f} % ({100 * raw.level:.0f} % interval "
        f"{100 * raw.low:.1f} to {100 * raw.high:.1f} %)"
    )
    threshold = f"the threshold of {rule.threshold_percent:g} %"
    meaning = {
        Verdict.POSITIVE: f"the whole interval lies above {threshold}.",
        Verdict.NEGATIVE: f"the whole interval lies below {threshold}.",
        Verdict.INDETERMINATE: f"the interval includes {threshold}.",
    }
    return f"{share}; {meaning[verdict]}"


def _advice(more: int | None) -> str:
    if more is None:
        return "Counting more cells alone is unlikely to settle this case: review the cells."
    return f"Counting about {more} more cells would settle this case if the share stayed the same."
