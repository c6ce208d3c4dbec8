"""From a count to a decision in three ways, with reasons in plain sentences."""

import math
from dataclasses import dataclass

from scipy.stats import norm

from marrowscope.domain.decision import Decision, Interval, Rule, Verdict
from marrowscope.domain.differential import Differential
from marrowscope.models.feature_space import USUAL_SHARE

FLOOR = 200  # counted cells below which no decision is given (setting)
TARGET = 500  # nucleated cells a marrow differential should rest on (ICSH 2008)
UNFAMILIAR = 3 * USUAL_SHARE  # share of unfamiliar cells from which a smear is unlike the training's
_ENOUGH_TO_JUDGE = 20  # whole cells: of fewer, three strange ones may be chance
_TOO_MANY = 100_000  # beyond this, "count more" is no advice
_OPPOSITES = {Verdict.POSITIVE, Verdict.NEGATIVE}


@dataclass(frozen=True)
class Evidence:
    """What is known of a patient's blasts, and what speaks against relying on it.

    Attributes
    ----------
    differential : the count
    raw : the blast share and its interval, None when nothing was counted
    adjusted : the share corrected for the classifier's errors, None when their rates are not known
    whole_cells : cells not cut by an image's edge
    unfamiliar_cells : of these, how many look unlike the cells the networks learned from
    """

    differential: Differential
    raw: Interval | None
    adjusted: Interval | None = None
    whole_cells: int = 0
    unfamiliar_cells: int = 0

    @property
    def unfamiliar_share(self) -> float:
        """Share of unfamiliar cells among the whole ones (0..1), 0 without any."""
        return self.unfamiliar_cells / self.whole_cells if self.whole_cells else 0.0

    @property
    def is_unfamiliar(self) -> bool:
        """Whether the smear as a whole is unlike those the networks learned from."""
        return self.whole_cells >= _ENOUGH_TO_JUDGE and self.unfamiliar_share > UNFAMILIAR

    @property
    def most_blasts(self) -> float:
        """Blast share (0..1) if every unclassified cell were a blast; as counted, none of them is."""
        differential = self.differential
        return (differential.blasts + differential.unclassified) / max(differential.counted, 1)


def decide(evidence: Evidence, rule: Rule, floor: int = FLOOR) -> Decision:
    """Apply a rule to a count.

    The interval of the corrected share decides where there is one, else that of the counted share: positive
    when all of it lies beyond the threshold, negative when all of it lies on the other side, else
    indeterminate. A verdict is withheld (indeterminate) when the count cannot carry it: both intervals lie
    on different sides of the threshold, naming the unclassified cells could cross it, or too many cells are
    unfamiliar to the networks.

    Parameters
    ----------
    evidence : the count, its intervals and its doubts
    rule : when blasts mean leukemia
    floor : counted cells below which the answer is ``insufficient``
    """
    counted, raw = evidence.differential.counted, evidence.raw
    if raw is None or counted < floor:
        return Decision(rule, Verdict.INSUFFICIENT, (_too_few(counted, floor),), max(floor - counted, 1))
    deciding = evidence.adjusted or raw
    verdict = _side(deciding, rule)
    reasons = [_counted_sentence(evidence.differential, raw), _deciding_sentence(evidence, rule, verdict)]
    more = None
    if verdict is Verdict.INDETERMINATE:
        more = cells_to_settle(raw, counted, rule)
        reasons.append(_advice(more))
    doubts = _doubts(evidence, rule, verdict)
    if doubts:
        verdict, more = Verdict.INDETERMINATE, None
        reasons += doubts
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


def _counted_sentence(differential: Differential, raw: Interval) -> str:
    return (
        f"{differential.blasts} of {differential.counted} counted cells are blasts: "
        f"{100 * raw.estimate:.1f} % ({_range(raw)})."
    )


def _deciding_sentence(evidence: Evidence, rule: Rule, verdict: Verdict) -> str:
    threshold = f"the threshold of {rule.threshold_percent:g} %"
    meaning = {
        Verdict.POSITIVE: f"the whole interval lies above {threshold}.",
        Verdict.NEGATIVE: f"the whole interval lies below {threshold}.",
        Verdict.INDETERMINATE: f"the interval includes {threshold}.",
    }[verdict]
    share = evidence.adjusted
    if share is None:
        return meaning.capitalize()
    return (
        f"Corrected for the classifier's error rates the share is {100 * share.estimate:.1f} % "
        f"({_range(share)}); {meaning}"
    )


def _range(interval: Interval) -> str:
    return f"{100 * interval.level:.0f} % interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %"


def _doubts(evidence: Evidence, rule: Rule, verdict: Verdict) -> list[str]:
    """Say why the count cannot carry a verdict, if it cannot."""
    doubts = []
    unclassified = evidence.differential.unclassified
    if verdict is Verdict.NEGATIVE and rule.is_met_by(100 * evidence.most_blasts):
        doubts.append(
            f"{unclassified} counted cells could not be classified: if all of them were blasts, the share "
            f"would be {100 * evidence.most_blasts:.1f} %, on the other side of the threshold: name them "
            "before deciding."
        )
    if evidence.raw is not None and {verdict, _side(evidence.raw, rule)} == _OPPOSITES:
        doubts.append(
            "As counted, the share lies on the other side of the threshold: review the cells before deciding."
        )
    if evidence.is_unfamiliar and verdict is not Verdict.INDETERMINATE:
        doubts.append(
            f"{100 * evidence.unfamiliar_share:.0f} % of the cells look unlike those the networks learned "
            "from, so the count cannot carry a verdict: review the cells before deciding."
        )
    return doubts


def _advice(more: int | None) -> str:
    if more is None:
        return "Counting more cells alone is unlikely to settle this case: review the cells."
    return f"Counting about {more} more cells would settle this case if the share stayed the same."
