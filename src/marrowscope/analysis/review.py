"""Review of a sample of cells: which cells to review, and the blast share inferred from their answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import critical_value
from marrowscope.analysis.intervals import LEVEL
from marrowscope.analysis.reviewed import Answer
from marrowscope.domain.cells import FLAG_UNCERTAIN_BLAST
from marrowscope.domain.decision import NO_CLUSTERING, Clustering, Interval
from marrowscope.domain.patient import PatientReading
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy

FEWEST_REVIEWED = 20  # with fewer, the normal approximation of the interval does not hold (setting)
_SEED = 20_260_101


class Part(StrEnum):
    """Why a cell is suggested for review."""

    RANDOM = "random"  # drawn at random; a share can be inferred from these cells
    UNCERTAIN = "uncertain"  # the networks are least certain; best for training, but no basis for a share


@dataclass(frozen=True)
class Suggestion:
    """A cell suggested for review: the field's name, the cell's row in it (from 0), and the reason."""

    field: str
    row: int
    part: Part


def random_order(patient: PatientReading) -> tuple[tuple[str, int], ...]:
    """Return all counted cells, as pairs of field name and row, in random order.

    The order is drawn with a fixed seed after sorting by the fields' names: equal readings give equal orders,
    whatever order the fields were read in. The first cells of it, however many, are a random sample.
    """
    cells = [
        (field.name, int(row))
        for field in sorted(patient.fields, key=lambda field: field.name)
        for row in np.flatnonzero(field.cells.is_counted)
    ]
    return tuple(cells[i] for i in np.random.default_rng(_SEED).permutation(len(cells)))


def suggest_review(
    patient: PatientReading, number: int, seen: Collection[tuple[str, int]] = frozenset()
) -> tuple[Suggestion, ...]:
    """Choose counted cells to review: one half at random, the rest where the networks are least certain.

    The least certain are those flagged as uncertain blasts, and then those whose blast probability is closest
    to one half. If there are no more cells than requested, all are returned, at random.

    Parameters
    ----------
    patient : the networks' reading
    number : number of cells requested
    seen : cells already reviewed, which are not suggested again
    """
    fields = {field.name: field.cells for field in patient.fields}
    place = {cell: i for i, cell in enumerate(sorted(random_order(patient)))}
    unseen = [cell for cell in random_order(patient) if cell not in seen]
    at_random = unseen[: (number + 1) // 2] if number < len(unseen) else unseen
    drawn = set(at_random)

    def doubt(cell: tuple[str, int]) -> tuple[bool, float, int]:
        name, row = cell
        may_be = FLAG_UNCERTAIN_BLAST in fields[name].flags[row]
        return not may_be, abs(float(fields[name].p_blast[row]) - 0.5), place[cell]

    unsure = sorted((cell for cell in unseen if cell not in drawn), key=doubt)
    return (
        *(Suggestion(name, row, Part.RANDOM) for name, row in sorted(at_random)),
        *(Suggestion(name, row, Part.UNCERTAIN) for name, row in unsure[: number - len(at_random)]),
    )


@dataclass(frozen=True)
class Inferred:
    """The blast share by prediction-powered inference.

    Attributes
    ----------
    share : with its interval, None while the reviewed random sample is too small
    cells : number of reviewed cells behind it
    warnings : sentences about limits of the review
    """

    share: Interval | None
    cells: int
    warnings: tuple[str, ...] = ()


def share_from_random_sample(
    network: PatientReading, answers: Mapping[str, Mapping[int, Answer]]
) -> Inferred:
    """Infer the blast share of the counted cells from the reviewed ones among them.

    The sample is the beginning of the random order, up to the first cell without an answer, because the
    choice of the cells must not depend on their content. Cells that a reader picked by their looks are used
    only once the sample reaches them.

    Parameters
    ----------
    network : the networks' reading of the patient
    answers : field → row → the reader's answer
    """

    def answer_to(cell: tuple[str, int]) -> Answer | None:
        answer = answers.get(cell[0], {}).get(cell[1])
        return answer if answer is not None and answer.is_given else None

    order = random_order(network)
    sample = list(takewhile(answer_to, order))
    fields = {field.name: field.cells for field in network.fields}
    called = [bool(fields[name].is_blast[row]) for name, row in order]
    kinds = [
        taxonomy()[ARTEFACT if a.is_deleted else a.cell_type or ARTEFACT] for a in map(answer_to, sample) if a
    ]
    share = reviewed_share(
        [kind.is_blast for kind in kinds],
        called[: len(sample)],
        called[len(sample) :],
        clustering=network.clustering,
    )
    warnings = []
    uncounted = sum(not kind.is_counted for kind in kinds)
    if uncounted:
        warnings.append(
            f"{uncounted} of the {len(sample)} reviewed cells of the lot do not belong into the count; "
            "the share is that among all cells the networks counted."
        )
    return Inferred(share, len(sample), tuple(warnings))


def reviewed_share(
    seen: Sequence[bool] | npt.NDArray[np.bool_],
    called: Sequence[bool] | npt.NDArray[np.bool_],
    others_called: Sequence[bool] | npt.NDArray[np.bool_],
    level: float = LEVEL,
    clustering: Clustering = NO_CLUSTERING,
) -> Interval | None:
    """Estimate the blast share from a random sample of reviewed cells and the calls on all others.

    Prediction-powered inference, power-tuned (PPI++: Angelopoulos, Duchi & Zrnic, arXiv:2311.01453, 2023):
    ``λ·mean(others_called) + mean(seen - λ·called)``, with λ in 0..1 such that the variance is least. It is
    unbiased whatever the classifier does, and a good classifier makes the interval narrow. This requires that
    the reviewed cells are a *random* sample of the counted ones.

    If the sample has too few disagreements to measure their rate, one is assumed, as no review of n cells can
    show that the classifier never errs.

    Parameters
    ----------
    seen : (n,) whether each reviewed cell is a blast
    called : (n,) whether the classifier called it a blast
    others_called : (N,) the same for the counted cells not reviewed
    level : coverage
    clustering : precision lost through fields, for the calls on the others

    Returns
    -------
    None with fewer than `FEWEST_REVIEWED` reviewed cells, or if no other cells are left
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
    """Return the weight of the calls: 0 ignores them, 1 is plain prediction-powered inference."""
    spread = np.concatenate([called, others_called]).var(ddof=1)
    if spread == 0:
        return 0.0
    together = float(((seen - seen.mean()) * (called - called.mean())).mean())
    return min(max(together / ((1 + len(called) / len(others_called)) * float(spread)), 0.0), 1.0)
