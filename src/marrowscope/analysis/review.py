"""What reviewing some cells is worth: which to look at, and the blast share with what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.intervals import LEVEL
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval
from marrowscope.domain.patient import PatientReading

FEWEST_REVIEWED = 20  # below it the normal approximation of the interval does not hold (setting)
_SEED = 20_260_101


class Part(StrEnum):
    """Why a cell is worth a look."""

    RANDOM = "random"  # drawn by lot: from these a share can be inferred
    UNCERTAIN = "uncertain"  # the networks are least sure: most is learned from these, no share


@dataclass(frozen=True)
class Suggestion:
    """A cell worth reviewing: the field's name, the cell's row there (from 0), and why."""

    field: str
    row: int
    part: Part


def suggest_review(patient: PatientReading, number: int) -> tuple[Suggestion, ...]:
    """Choose counted cells to review: the first half by lot, the rest where the networks are least sure.

    The lot is drawn with a fixed seed over the cells in the order of their fields' names: equal readings
    give equal suggestions, whatever order the fields were read in. The least sure are those whose blast
    probability is nearest to one half. Fewer cells than asked for give all of them, by lot.
    """
    cells = [
        (field.name, row, cell.p_blast)
        for field in sorted(patient.fields, key=lambda field: field.name)
        for row, cell in enumerate(field.cells)
        if cell.is_counted
    ]
    order = np.random.default_rng(_SEED).permutation(len(cells))
    by_lot = order[: (number + 1) // 2] if number < len(cells) else order
    left = sorted(set(range(len(cells))) - set(by_lot.tolist()), key=lambda i: (abs(cells[i][2] - 0.5), i))
    return (
        *(Suggestion(cells[i][0], cells[i][1], Part.RANDOM) for i in sorted(by_lot.tolist())),
        *(Suggestion(cells[i][0], cells[i][1], Part.UNCERTAIN) for i in left[: number - len(by_lot)]),
    )


def reviewed_share(
    seen: Sequence[bool] | npt.NDArray[np.bool_],
    called: Sequence[bool] | npt.NDArray[np.bool_],
    others_called: Sequence[bool] | npt.NDArray[np.bool_],
    level: float = LEVEL,
    clustering: Clustering = NO_CLUSTERING,
) -> Interval | None:
    """Estimate the blast share from a random sample of reviewed cells and the calls on all others.

    Prediction-powered inference, power-tuned (PPI++: Angelopoulos, Duchi & Zrnic, arXiv:2311.01453, 2023):
    ``λ·mean(others_called) + mean(seen - λ·called)``, λ in 0..1 such that the variance is least. It is right
    on average whatever the classifier does; a good classifier makes the interval narrow. Needed for that:
    the reviewed cells are a *random* sample of the counted ones.

    Where the sample shows too few disagreements to measure them, one is assumed: no review of n cells
    shows that the classifier never errs.

    Parameters
    ----------
    seen : (n,) reviewed cells that are blasts
    called : (n,) what the classifier called them
    others_called : (N,) what it called the counted cells not reviewed
    level : coverage
    clustering : what the fields cost the calls on the others

    Returns
    -------
    None with fewer than `FEWEST_REVIEWED` reviewed cells or none else
    """
    y, f, g = (np.asarray(marks, np.float64) for marks in (seen, called, others_called))
    n, others = y.size, g.size
    if n < FEWEST_REVIEWED or others == 0:
        return None
    power = tuned_power(y, f, g)
    estimate = power * g.mean() + (y - power * f).mean()
    rectifier = max(float((y - power * f).var()), (1 / n) * (1 - 1 / n))
    variance = power**2 * g.var() * clustering.design_effect / others + rectifier / n
    half = float(critical_value(level)) * np.sqrt(variance)
    return Interval(
        estimate=float(np.clip(estimate, 0, 1)),
        low=float(np.clip(estimate - half, 0, 1)),
        high=float(np.clip(estimate + half, 0, 1)),
        level=level,
        method=f"prediction-powered inference (PPI++) from {n} reviewed cells drawn by lot",
    )


def tuned_power(
    seen: npt.NDArray[np.float64], called: npt.NDArray[np.float64], others_called: npt.NDArray[np.float64]
) -> float:
    """Return how far to trust the calls: 0 ignores them, 1 is plain prediction-powered inference."""
    spread = np.concatenate([called, others_called]).var(ddof=1)
    if spread == 0:
        return 0.0
    together = float(((seen - seen.mean()) * (called - called.mean())).mean())
    return min(max(together / ((1 + len(called) / len(others_called)) * float(spread)), 0.0), 1.0)
