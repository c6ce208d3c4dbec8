"""Virtual counts: composed of labelled cells that no training saw, so that their blast share is known.

Both networks predict every cell once; a count of so many cells is drawn from these predictions and passes
through the same counting, correction and decision as a patient's. It is no patient: the cells come from many
people and few laboratories, lie in no common field, and are drawn again and again. What it tests is the
arithmetic from the networks' predictions to the decision.

The error rates by which a count is corrected are those of the other half of the cells, never those of the
half that it was composed of: the correction must not use the cells it corrects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.datasets.splits import labelled_part
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import OVER_20, Verdict
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading
from marrowscope.domain.rates import ErrorRates, KnownErrors, Laboratory, PatientCells, Validation
from marrowscope.domain.taxonomy import BLAST
from marrowscope.errors import DatasetError
from marrowscope.evaluation.counts.cells import (
    MISSED,
    PredictedCells,
    predict_drawn_cells,
    predict_single_cells,
)
from marrowscope.evaluation.counts.patients import DECISIONS, PatientsResult, compare_with_truth
from marrowscope.evaluation.fields.reading import OnField
from marrowscope.evaluation.statistics.metrics import Floats
from marrowscope.exports.tables import csv_text, patient_row
from marrowscope.models.bundle import Bundle
from marrowscope.synth import HEALTHY_MARROW, demo_plan

COUNTS, CELLS, MOST_BLASTS = 200, 500, 0.95
SIDES = ("over", "not over")  # of the default rule's threshold: the rows of a confusion matrix
_DRAWN_SEED = 20_260_101  # of smears that neither training nor the demonstration draws
_PATIENTS = 20  # whom the cells of a validation are dealt to
_FIELD_CELLS = 10  # a composed field holds so many; they share nothing, so fields cost the count nothing
_LIKENESS = 60.0  # of the other types' shares to a healthy marrow's: marrows differ by about a quarter
_GREY = (15.0, 25.0)  # per cent between which a wrong decision is a near miss


@dataclass(frozen=True)
class VirtualTest:
    """Which cells virtual counts are composed of.

    Attributes
    ----------
    data : folder of the sets; unused for drawn cells
    sets : folder in it -> micrometres per pixel of its pictures; a sub-folder there per cell type
    part : ``all``, or a part of the sets (`splits.parts_of`)
    drawn : so many drawn smears instead of sets
    counts, cells, seed : as for `evaluate_virtual`
    """

    data: Path
    sets: Mapping[str, float] = field(default_factory=dict)
    part: str = "test"
    drawn: int = 0
    counts: int = COUNTS
    cells: int = CELLS
    seed: int = 0

    def measure(self, bundle: Bundle, threads: int = 1, on_field: OnField | None = None) -> "VirtualResult":
        """Predict the cells with both networks, then compose counts of them.

        Raises
        ------
        DatasetError
            There is no such folder or part, or no blast or other cell.
        """
        if self.drawn:
            predicted = predict_drawn_cells(bundle, self.drawn, _DRAWN_SEED + self.seed, threads, on_field)
        else:
            predicted = PredictedCells.joined(
                [
                    predict_single_cells(
                        bundle, labelled_part(self.data / name, self.part), mpp, threads, on_field
                    )
                    for name, mpp in self.sets.items()
                ]
            )
        return evaluate_virtual(
            predicted,
            counts=self.counts,
            cells=self.cells,
            seed=self.seed,
        )


@dataclass(frozen=True)
class Composed:
    """A count of known blast percentage, and how it was read."""

    true_percent: float
    reading: PatientReading


@dataclass(frozen=True)
class ShareError:
    """How far a share in per cent lies from the truth, over all counts: `mean_absolute`, `bias`; points."""

    mean_absolute: float
    bias: float


@dataclass(frozen=True)
class VirtualResult:
    """What `evaluate_virtual` found.

    Attributes
    ----------
    all_counts, nine : decisions and shares against the truth; nine counts of the demonstration's shares
    counted, corrected : errors of the two shares
    wrong_beyond_doubt : counts decided wrongly although the true share lies outside 15 to 25 %
    cells : in each count
    missed : share of the labelled cells that the detector did not find
    rates : error rates of either half, by which the counts of the other were corrected
    distinct_blasts, distinct_others : labelled cells the counts were drawn from
    """

    all_counts: PatientsResult
    nine: PatientsResult
    counted: ShareError | None
    corrected: ShareError | None
    wrong_beyond_doubt: int
    cells: int
    missed: float
    rates: tuple[ErrorRates, ErrorRates]
    distinct_blasts: int
    distinct_others: int

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on; nothing in them is called a patient."""
        return {
            "n_counts": self.all_counts.n_patients,
            "cells": self.cells,
            "distinct_blasts": self.distinct_blasts,
            "distinct_others": self.distinct_others,
            "missed": self.missed,
            "counted": None if self.counted is None else vars(self.counted),
            "corrected": None if self.corrected is None else vars(self.corrected),
            "corrected_absolute_bias": None if self.corrected is None else abs(self.corrected.bias),
            "counted_interval_coverage": self.all_counts.interval_coverage.value,
            "corrected_interval_coverage": self.all_counts.adjusted_interval_coverage.value,
            "corrected_interval_coverage_ci": self.all_counts.adjusted_interval_coverage.to_json(),
            "wrong_beyond_doubt": self.wrong_beyond_doubt,
            "all": _decisions(self.all_counts),
            "nine": _decisions(self.nine),
            "rates": [vars(rates) for rates in self.rates],
        }


def evaluate_virtual(
    predicted: PredictedCells,
    *,
    counts: int = COUNTS,
    cells: int = CELLS,
    seed: int = 0,
) -> VirtualResult:
    """Compose counts of blast shares evenly spread over 0 to 95 %, read them, and compare with the truth.

    Parameters
    ----------
    predicted : labelled cells of which either half holds blasts and others
    counts : how many counts; half of them are composed of either half of the cells
    cells : in each count
    seed : another number draws other counts

    Raises
    ------
    DatasetError
        A half holds no blasts or no other cells.
    """
    rates = (predicted.error_rates(0, "the first half"), predicted.error_rates(1, "the second half"))
    if not all(each.are_measured for each in rates):
        raise DatasetError("either half of the labelled cells must hold blasts and other cells")
    rng = np.random.default_rng(seed)
    shares = np.linspace(0, MOST_BLASTS, counts)
    composed = compose(predicted, shares, cells, rates, rng)
    nine_shares = np.array([plan.blast_share for plan in demo_plan()])
    nine = compose(predicted, nine_shares, cells, rates, rng)
    true = np.array([count.true_percent for count in composed])
    return VirtualResult(
        all_counts=_compared(composed),
        nine=_compared(nine),
        counted=_error(true, [_percent(c.reading, corrected=False) for c in composed]),
        corrected=_error(true, [_percent(c.reading, corrected=True) for c in composed]),
        wrong_beyond_doubt=sum(_is_wrong_beyond_doubt(count) for count in composed),
        cells=cells,
        missed=float((predicted.row == MISSED).mean()),
        rates=rates,
        distinct_blasts=int(predicted.is_blast.sum()),
        distinct_others=int((~predicted.is_blast).sum()),
    )


def compose(
    predicted: PredictedCells,
    shares: Floats,
    cells: int,
    rates: Sequence[ErrorRates],
    rng: np.random.Generator,
) -> list[Composed]:
    """Draw a count for every share, of the halves in turn, each corrected by the other half's `rates`.

    Cells are drawn with replacement: blasts as many as the share says, others in a marrow's proportions,
    which differ from count to count (Dirichlet) and from the proportions of the labelled cells.
    """
    validations = [_as_validation(each, rng) for each in rates]
    composed = []
    for number, share in enumerate(shares):
        half = number % 2
        drawn = _draw(predicted, half, round(float(share) * cells), cells, rng)
        true_percent = 100 * float(predicted.is_blast[drawn].mean())
        reading = read_patient(
            f"virtual {number + 1:03d}",
            _as_fields(predicted, drawn),
            CountingSettings(),
            KnownErrors(validation=validations[1 - half]),
        )
        composed.append(Composed(true_percent, reading))
    return composed


def _as_validation(rates: ErrorRates, rng: np.random.Generator) -> Validation:
    """Return the rates of the other half as a laboratory's own measurement.

    Its cells are dealt out to patients as the cells of virtual counts are, by chance.
    """
    called = rates.others_seen - rates.others_cleared
    of_blasts = _dealt(rates.blasts_called, rates.blasts_seen, rng)
    of_others = _dealt(called, rates.others_seen, rng)
    patients = tuple(PatientCells(*both[0], *both[1]) for both in zip(of_blasts, of_others, strict=True))
    figures = Laboratory.of_patients(rates.source, Specimen.NOT_STATED, patients)
    return Validation(figures, "", "evaluate virtual", "", "")


def _dealt(called: int, seen: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Deal cells out to patients; return the cells of each, and those of them called blasts."""
    cells = rng.permutation(np.arange(seen) < called)
    return [(len(part), int(part.sum())) for part in np.array_split(cells, _PATIENTS)]


def _draw(
    predicted: PredictedCells, half: int, blasts: int, cells: int, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return indices of labelled cells of a half, in random order."""
    mine = np.flatnonzero(predicted.half == half)
    by_type = {
        name: mine[[predicted.true_types[i] == name for i in mine]]
        for name in sorted({predicted.true_types[i] for i in mine})
    }
    others = [name for name in by_type if name != BLAST]
    usual = np.array([HEALTHY_MARROW.get(name, 0.0) for name in others])
    usual = usual if usual.sum() else np.ones(len(others))
    proportions = rng.dirichlet(_LIKENESS * usual / usual.sum() + 1e-9)
    number = dict(zip(others, rng.multinomial(cells - blasts, proportions), strict=True)) | {BLAST: blasts}
    return rng.permutation(np.concatenate([rng.choice(by_type[name], number[name]) for name in by_type]))


def _as_fields(predicted: PredictedCells, drawn: npt.NDArray[np.intp]) -> list[FieldReading]:
    fields = []
    for number, part in enumerate(np.array_split(drawn, max(len(drawn) // _FIELD_CELLS, 1)), start=1):
        rows = predicted.row[part]
        found = predicted.cells.rows(rows[rows != MISSED])
        fields.append(FieldReading(name=f"composed {number:03d}", status=FieldStatus.READ, cells=found))
    return fields


def _compared(composed: Sequence[Composed]) -> PatientsResult:
    reports: dict[str, Mapping[str, str]] = {}
    truths: dict[str, Mapping[str, str]] = {}
    for count in composed:
        name = count.reading.patient
        reports[name] = {key: csv_text(value) for key, value in patient_row(count.reading).items()}
        is_over = OVER_20.is_met_by(count.true_percent)
        truths[name] = {
            "truth": "leukemia" if is_over else "healthy",
            "blast_percent": repr(count.true_percent),
        }
    return compare_with_truth(reports, truths)


def _percent(reading: PatientReading, *, corrected: bool) -> float:
    interval = reading.adjusted_interval if corrected else reading.blast_interval
    return np.nan if interval is None else 100 * interval.estimate


def _error(true: Floats, found: Sequence[float]) -> ShareError | None:
    difference = np.array(found) - true
    known = difference[~np.isnan(difference)]
    if known.size == 0:
        return None
    return ShareError(float(np.abs(known).mean()), float(known.mean()))


def _is_wrong_beyond_doubt(count: Composed) -> bool:
    wrong = Verdict.NEGATIVE if OVER_20.is_met_by(count.true_percent) else Verdict.POSITIVE
    low, high = _GREY
    return count.reading.decision.verdict is wrong and not low <= count.true_percent <= high


def _decisions(result: PatientsResult) -> dict[str, object]:
    """Give the confusion matrix of counts, rows by the true side of the threshold."""
    rows = zip((side.replace(" ", "_") for side in SIDES), result.confusion, strict=True)
    return {side: dict(zip(DECISIONS, row, strict=True)) for side, row in rows}
