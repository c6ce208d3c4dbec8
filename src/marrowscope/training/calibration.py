"""Figures of a classifier's predictions on labelled cells: thresholds, temperatures, calibration."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from marrowscope.domain.decision import OVER_20
from marrowscope.domain.rates import ErrorRates
from marrowscope.evaluation.statistics.metrics import expected_calibration_error, reliability

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


SURELY_NONE = 0.05
"""Share of the blasts that may lie below the uncertain range."""

SURELY_BLAST = 0.02
"""Share of the other cells that may lie above it."""


@dataclass(frozen=True)
class BlastCounts:
    """Cells by truth and prediction at one threshold."""

    tp: int
    fn: int
    tn: int
    fp: int

    @property
    def sensitivity(self) -> float:
        """Share of the blasts called blasts; nan without blasts."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else float("nan")

    @property
    def specificity(self) -> float:
        """Share of the others called not blasts; nan without others."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else float("nan")

    @property
    def balanced_accuracy(self) -> float:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    def error_rates(self, source: str) -> ErrorRates:
        """Return the counts as error rates; `source` names the cells."""
        return ErrorRates(self.tp, self.tp + self.fn, self.tn, self.tn + self.fp, source)

    def as_dict(self) -> dict[str, float | None]:
        """Return counts and the three shares, None where undefined, for a JSON file."""
        names = ("sensitivity", "specificity", "balanced_accuracy")
        shares = {name: float(getattr(self, name)) for name in names}
        return asdict(self) | {k: None if np.isnan(v) else round(v, 4) for k, v in shares.items()}


def probability(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Return the logistic of logits over a temperature."""
    return np.asarray(special.expit(logits.astype(np.float64) / temperature))


def blast_counts(p_blast: npt.NDArray[np.float64], is_blast: Bools, threshold: float) -> BlastCounts:
    """Count truth against ``p_blast >= threshold``."""
    called = p_blast >= threshold
    return BlastCounts(
        int((called & is_blast).sum()), int((~called & is_blast).sum()),
        int((~called & ~is_blast).sum()), int((called & ~is_blast).sum()),
    )  # fmt: skip


def fit_blast_temperature(sets: Sequence[tuple[Floats, Bools]]) -> float:
    """Return the temperature (arXiv:1706.04599) with the least expected calibration error, mean over sets.

    Each set has logits and the truth; every set weighs the same. Not the log loss: a few cells of another
    laboratory, called wrongly with certainty, would make every cell at home uncertain.
    """

    def error(temperature: float) -> float:
        curves = [reliability(is_blast, probability(logits, temperature)) for logits, is_blast in sets]
        return float(np.mean([expected_calibration_error(curve) for curve in curves]))

    candidates = np.geomspace(0.3, 5.0, 113)  # steps of 2.5 %
    return round(float(candidates[int(np.argmin([error(t) for t in candidates]))]), 4)


def fit_type_temperature(logits: Floats, types: Ints) -> float:
    """Return the temperature that minimises the cross entropy of the types."""

    def loss(log_t: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_t)
        top = scaled.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(scaled - top).sum(axis=1)) + top[:, 0]
        return float((log_sum - scaled[np.arange(len(types)), types]).mean())

    return _best_temperature(loss)


def threshold_for(sets: Sequence[tuple[npt.NDArray[np.float64], Bools]]) -> float:
    """Choose a threshold, in hundredths, on sets of P(blast) and truth.

    The one at which both errors cancel in a smear at the limit of the decision: of such a smear's share, as
    much is added by others called blasts as is lost by blasts missed. All sets that hold both kinds weigh the
    same; 0.99 where none does.
    """
    limit = OVER_20.threshold_percent / 100
    both = [(p, is_blast) for p, is_blast in sets if is_blast.any() and not is_blast.all()]
    if not both:
        return 0.99
    candidates = np.arange(2, 99) / 100
    missed = np.array([np.mean([_below(p[is_blast], t) for p, is_blast in both]) for t in candidates])
    wrong = np.array([np.mean([1 - _below(p[~is_blast], t) for p, is_blast in both]) for t in candidates])
    off = np.abs((1 - limit) * wrong - limit * missed)
    # Where several are as good, the middle one: a threshold is to stand clear of both kinds.
    best = np.flatnonzero(off <= off.min() + 1e-9)
    return round(float(candidates[best[len(best) // 2]]), 2)


def uncertain_range(
    threshold: float, sets: Sequence[tuple[npt.NDArray[np.float64], Bools]]
) -> tuple[float, float]:
    """Return the range of P(blast) round a threshold within which a cell is neither surely a blast nor none.

    Below it lie at most `SURELY_NONE` of the blasts, from its end on at most `SURELY_BLAST` of the other
    cells, all sets of P(blast) and truth weighing the same. In hundredths.
    """
    candidates = np.arange(1, 100) / 100
    missed = np.array([np.nanmean([_below(p[is_blast], t) for p, is_blast in sets]) for t in candidates])
    wrong = np.array([np.nanmean([1 - _below(p[~is_blast], t) for p, is_blast in sets]) for t in candidates])
    low = candidates[(missed <= SURELY_NONE) & (candidates <= threshold)]
    high = candidates[(wrong <= SURELY_BLAST) & (candidates >= threshold)]
    return float(low.max(initial=0.0)), float(high.min(initial=1.0))


def _below(p_blast: npt.NDArray[np.float64], threshold: float) -> float:
    return float((p_blast < threshold).mean()) if len(p_blast) else float("nan")


def even_odds(p_blast: npt.NDArray[np.float64], is_blast: Bools) -> float | None:
    """Return the probability at which a logistic regression on its log odds finds even odds.

    Blasts and others weigh the same. All cells contribute to it, not only the few near a threshold: it suits
    small sets. None where the probability does not rise with the truth.
    """
    x = special.logit(np.clip(p_blast, 1e-6, 1 - 1e-6))
    weights = np.where(is_blast, 0.5 / is_blast.sum(), 0.5 / (~is_blast).sum())

    def loss(line: npt.NDArray[np.float64]) -> float:
        odds = line[0] + line[1] * x
        cross_entropy = np.logaddexp(0.0, np.where(is_blast, -odds, odds)) @ weights
        return float(cross_entropy + 1e-3 * line[1] ** 2)  # bounded even if all are separated

    intercept, slope = optimize.minimize(loss, np.array([0.0, 1.0]), method="BFGS").x
    if slope <= 1e-3:
        return None
    return round(float(np.clip(special.expit(-intercept / slope), 0.02, 0.98)), 3)


def _best_temperature(loss: Callable[[float], float]) -> float:
    found = optimize.minimize_scalar(loss, bounds=(np.log(0.2), np.log(5.0)), method="bounded")
    return round(float(np.exp(found.x)), 4)
