"""Review: which cells to review, the blast share inferred from the answers, and the reviewed count."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.clustering import clustering_of_lot, critical_value
from marrowscope.analysis.intervals import LEVEL, level_of_repeated_looks
from marrowscope.analysis.numbers import ENOUGH_REVIEWED, Inferred
from marrowscope.analysis.patient import CountingSettings, decided, numbers_of, read_patient
from marrowscope.analysis.reviewed import AddedCell, Answer, reviewed_field
from marrowscope.domain.cells import FLAG_UNCERTAIN_BLAST
from marrowscope.domain.decision import NO_CLUSTERING, Basis, Clustering, Interval
from marrowscope.domain.patient import PatientReading, Review
from marrowscope.domain.rates import KnownErrors
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy

FEWEST_REVIEWED = 20  # with fewer, the normal approximation of the interval does not hold (setting)
_SEED = 20_260_101
_UNSEEN = 2.0  # disagreements added to those seen


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


def share_from_random_sample(
    network: PatientReading, answers: Mapping[str, Mapping[int, Answer]]
) -> Inferred:
    """Infer the blast share of the counted cells from the reviewed ones among them.

    The sample is the beginning of the random order, up to the first cell without an answer, because the
    choice of the cells must not depend on their content. Cells that a reader picked by their looks are used
    only once the sample reaches them. The share is looked at after every answer, and its interval is that of
    repeated looks.

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
    is_blast = [kind.is_blast for kind in kinds]
    names = [name for name, _ in sample]
    share = reviewed_share(
        is_blast,
        called[: len(sample)],
        called[len(sample) :],
        level_of_repeated_looks(),
        lot_clustering([name for name, _ in order], names, is_blast),
    )
    warnings = []
    uncounted = sum(not kind.is_counted for kind in kinds)
    if uncounted:
        warnings.append(
            f"{uncounted} of the {len(sample)} reviewed cells of the lot do not belong into the count; "
            "the share is that among all cells the networks counted."
        )
    wanted = order[:ENOUGH_REVIEWED]
    return Inferred(
        share,
        len(sample),
        tuple(warnings),
        is_complete=bool(order) and len(sample) == len(order),
        wanted=len(wanted),
        answered=sum(answer_to(cell) is not None for cell in wanted),
    )


def lot_clustering(counted: Sequence[str], reviewed: Sequence[str], is_blast: Sequence[bool]) -> Clustering:
    """Measure the clustering of counted cells on the reviewed ones, each given by the name of its field."""
    fields = sorted(set(counted))
    cells, seen = Counter(counted), Counter(reviewed)
    blasts = Counter(name for name, blast in zip(reviewed, is_blast, strict=True) if blast)
    return clustering_of_lot(
        [cells[name] for name in fields], [seen[name] for name in fields], [blasts[name] for name in fields]
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
    ``λ·mean(others_called) + mean(seen - λ·called)``, with λ in 0..1 such that the variance is least. It is
    unbiased whatever the classifier does, and a good classifier makes the interval narrow. This requires that
    the reviewed cells are a *random* sample of the counted ones.

    No review of n cells can show that the classifier never errs: two disagreements are added to those seen,
    as Agresti and Coull add two successes and two failures (Am Stat 1998;52:119).

    Parameters
    ----------
    seen : (n,) whether each reviewed cell is a blast
    called : (n,) whether the classifier called it a blast
    others_called : (N,) the same for the counted cells not reviewed
    level : coverage
    clustering : of the true blasts among all counted cells (`clustering_of_lot`)

    Returns
    -------
    None with fewer than `FEWEST_REVIEWED` reviewed cells, or if no other cells are left
    """
    y, f, g = (np.asarray(marks, np.float64) for marks in (seen, called, others_called))
    n, others = y.size, g.size
    if n < FEWEST_REVIEWED or others == 0:
        return None
    power = tuned_power(y, f, g)
    estimate = float(np.clip(power * g.mean() + (y - power * f).mean(), 0, 1))
    of_lot = (n * float((y - power * f).var()) + _UNSEEN) / (n + 2 * _UNSEEN)
    variance = power**2 * g.var() / others + of_lot / n
    near = (estimate * (n + others) + _UNSEEN) / (n + others + 2 * _UNSEEN)
    variance += (clustering.design_effect - 1) * near * (1 - near) / (n + others)
    half = float(critical_value(level, clustering.freedom)) * np.sqrt(variance)
    return Interval(
        estimate=estimate,
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


def read_reviewed(
    network: PatientReading,
    answers: Mapping[str, Mapping[int, Answer]],
    added: Mapping[str, Sequence[AddedCell]],
    settings: CountingSettings,
    known: KnownErrors,
    *,
    count_border_cells: bool = False,
    problems: Sequence[str] = (),
) -> PatientReading:
    """Count a patient again with a reader's answers in force; the networks' reading is kept beside it.

    The differential and the counted share are those of the cells as they are now named, whichever the reader
    chose to look at. What decides is the share inferred from the lot, or the count itself once every cell is
    reviewed. While neither decides, the numbers that do are those of the networks' reading: error rates hold
    for what the networks named, not for a mixture of both.

    Parameters
    ----------
    network : the networks' reading of the patient
    answers : field → row → the reader's answer
    added : field → cells that the reader drew
    settings : rule, floor and target
    known : what is known of the networks' errors
    count_border_cells : whether cells cut by an image's edge count
    problems : problems found in the patient's files
    """
    by_field = [answers.get(field.name, {}) for field in network.fields]
    fields = [
        reviewed_field(field, given, added.get(field.name, ()), count_border_cells=count_border_cells)
        for field, given in zip(network.fields, by_field, strict=True)
    ]
    inferred = share_from_random_sample(network, answers)
    reading = read_patient(
        network.patient,
        fields,
        settings,
        known,
        inferred=inferred,
        truth=network.truth,
        problems=problems,
        passed_over=network.passed_over,
        details=network.details,
    )
    if reading.decision.decided_by is not Basis.REVIEWED:
        numbers = numbers_of(network.fields, network.details.specimen, settings, known, inferred)
        reading = decided(reading, numbers, settings)
    given = [answer for answers in by_field for answer in answers.values() if answer.is_given]
    review = Review(
        network=network,
        named=sum(not answer.is_deleted for answer in given),
        deleted=sum(answer.is_deleted for answer in given),
        added=sum(not cell.is_deleted for drawn in added.values() for cell in drawn),
    )
    return replace(reading, review=review, slides=network.slides)
