"""How well a classifier names cells: blasts, types, calibration, compared with the background alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from marrowscope.domain.rates import PatientCells
from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, taxonomy
from marrowscope.evaluation.networks.background import BackgroundBaseline, background_baseline
from marrowscope.evaluation.networks.predictions import CropNamer, Predictions, collect_predictions
from marrowscope.evaluation.networks.shown_cells import ShownCell
from marrowscope.evaluation.statistics.bootstrap import (
    Estimate,
    Weights,
    group_bootstrap,
    share_estimate,
)
from marrowscope.evaluation.statistics.metrics import (
    Bools,
    Floats,
    ReliabilityBin,
    area_under_roc,
    balanced_accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    macro_f1,
    reliability,
)
from marrowscope.evaluation.statistics.risk_coverage import RiskCoverage, risk_coverage

BOOTSTRAP_ROUNDS = 300


@dataclass(frozen=True)
class BlastResult:
    """Blast or not at `threshold`, on nucleated cells (platelets and artefacts take no part).

    `by_group` and `by_source` are the counts of each group and each source, in the order of their names.
    """

    auc: Estimate
    balanced_accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    n_blasts: int
    n_blasts_called: int
    n_others: int
    n_others_cleared: int
    by_group: tuple[PatientCells, ...]
    by_source: tuple[PatientCells, ...]
    threshold: float
    ece: float | None
    reliability: tuple[ReliabilityBin, ...]
    risk_coverage: RiskCoverage | None


@dataclass(frozen=True)
class TypeFigures:
    """One type among the cells that are not blasts."""

    name: str
    n: int
    recall: float
    f1: float


@dataclass(frozen=True)
class TypesResult:
    """Type by the second head: every cell that is not a blast gets its likeliest type.

    `confusion` counts the final names of all cells instead: rows `confusion_rows` (true, types unknown to the
    classifier last), columns `confusion_columns` (called, with blast and unclassified).
    """

    accuracy: Estimate
    macro_f1: Estimate
    n: int
    per_type: tuple[TypeFigures, ...]
    confusion_rows: tuple[str, ...]
    confusion_columns: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    unknown_types: tuple[str, ...]


@dataclass(frozen=True)
class ClassificationResult:
    """What `evaluate_classifier` found.

    `abstained` is the share of cells left unclassified, `unfamiliar` the share unlike what the classifier
    learned from.
    """

    blast: BlastResult
    types: TypesResult
    background_only: BackgroundBaseline
    abstained: float
    unfamiliar: float
    n_cells: int
    n_groups: int
    sources: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        blast, types = self.blast, self.types
        return {
            "blast": {
                "auc": blast.auc.value,
                "auc_ci": blast.auc.to_json(),
                "balanced_accuracy": blast.balanced_accuracy.value,
                "balanced_accuracy_ci": blast.balanced_accuracy.to_json(),
                "sensitivity": blast.sensitivity.value,
                "sensitivity_ci": blast.sensitivity.to_json(),
                "specificity": blast.specificity.value,
                "specificity_ci": blast.specificity.to_json(),
                "n_blasts": blast.n_blasts,
                "n_blasts_called": blast.n_blasts_called,
                "n_others": blast.n_others,
                "n_others_cleared": blast.n_others_cleared,
                "threshold": blast.threshold,
                "ece": blast.ece,
                "reliability": [[b.n, b.mean_probability, b.frequency] for b in blast.reliability],
                "risk_coverage": blast.risk_coverage.to_json() if blast.risk_coverage else None,
            },
            "types": {
                "accuracy": types.accuracy.value,
                "accuracy_ci": types.accuracy.to_json(),
                "macro_f1": types.macro_f1.value,
                "macro_f1_ci": types.macro_f1.to_json(),
                "n": types.n,
                "per_type": {t.name: {"n": t.n, "recall": t.recall, "f1": t.f1} for t in types.per_type},
                "confusion": {
                    "rows": list(types.confusion_rows),
                    "columns": list(types.confusion_columns),
                    "counts": [list(row) for row in types.confusion],
                },
                "unknown_types": list(types.unknown_types),
            },
            "background_only": self.background_only.to_json(),
            "abstained": self.abstained,
            "unfamiliar": self.unfamiliar,
            "n_cells": self.n_cells,
            "n_groups": self.n_groups,
            "sources": list(self.sources),
        }


def evaluate_classifier(
    namer: CropNamer,
    cells: Iterable[ShownCell],
    *,
    blast_threshold: float,
    type_threshold: float,
    background_training: tuple[Floats, Bools, Sequence[str]] | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> ClassificationResult:
    """Name labelled cells and score the predictions, with the background-only baseline beside them.

    Parameters
    ----------
    namer : the classifier
    cells : from `cells_of_folders` or `cells_of_fields`, at the classifier's input size and context
    blast_threshold : probability from which a cell is called a blast
    type_threshold : least probability of a type among the types; below it a cell is unclassified
    background_training : background colours, truth and sources of the training part, if at hand
    on_batch : called with the number of cells done

    Raises
    ------
    DatasetError : there is no cell
    """
    predictions = collect_predictions(namer, cells, on_batch)
    return score_predictions(predictions, blast_threshold, type_threshold, background_training)


def score_predictions(
    predictions: Predictions,
    blast_threshold: float,
    type_threshold: float,
    background_training: tuple[Floats, Bools, Sequence[str]] | None = None,
) -> ClassificationResult:
    """Score predictions collected before; see `evaluate_classifier`."""
    is_blast = np.array([_is_blast(name) for name in predictions.true_types])
    counts = np.array([_takes_part(name) for name in predictions.true_types])
    called = predictions.probabilities[:, 0] >= blast_threshold
    conditional = predictions.probabilities[:, 1:] / np.maximum(1 - predictions.probabilities[:, :1], 1e-6)
    unclassified = ~called & (conditional.max(axis=1) < type_threshold)
    return ClassificationResult(
        blast=_blast_result(predictions, is_blast, counts, blast_threshold),
        types=_types_result(predictions, is_blast, called, unclassified),
        background_only=background_baseline(
            predictions.background[counts],
            is_blast[counts],
            [source for source, keep in zip(predictions.sources, counts, strict=True) if keep],
            background_training,
        ),
        abstained=float(unclassified.mean()),
        unfamiliar=float(predictions.is_unfamiliar.mean()),
        n_cells=len(called),
        n_groups=len(set(predictions.groups)),
        sources=tuple(sorted(set(predictions.sources))),
    )


def _is_blast(name: str) -> bool:
    return name in taxonomy() and taxonomy()[name].is_blast


def _takes_part(name: str) -> bool:
    return name not in taxonomy() or taxonomy()[name].is_counted


def _blast_result(predictions: Predictions, is_blast: Bools, counts: Bools, threshold: float) -> BlastResult:
    truth, p_blast = is_blast[counts], predictions.probabilities[counts, 0]
    called = p_blast >= threshold
    groups, sources = (
        np.array(names)[counts].tolist() for names in (predictions.groups, predictions.sources)
    )

    def estimate(statistic: Callable[[Weights], float]) -> Estimate:
        return group_bootstrap(statistic, groups, BOOTSTRAP_ROUNDS)

    curve = reliability(truth, p_blast)
    return BlastResult(
        auc=estimate(lambda w: area_under_roc(truth, p_blast, w)),
        balanced_accuracy=estimate(lambda w: balanced_accuracy(truth, called, w)),
        sensitivity=share_estimate(called, truth, groups, BOOTSTRAP_ROUNDS),
        specificity=share_estimate(~called, ~truth, groups, BOOTSTRAP_ROUNDS),
        n_blasts=int(truth.sum()),
        n_blasts_called=int((truth & called).sum()),
        n_others=int((~truth).sum()),
        n_others_cleared=int((~truth & ~called).sum()),
        by_group=_counts_by(groups, truth, called),
        by_source=_counts_by(sources, truth, called),
        threshold=threshold,
        ece=expected_calibration_error(curve) if curve else None,
        reliability=tuple(curve),
        risk_coverage=risk_coverage(truth, p_blast, threshold),
    )


def _counts_by(names: Sequence[str], truth: Bools, called: Bools) -> tuple[PatientCells, ...]:
    """Return the counts of the cells of each name."""
    kinds = np.stack([truth, truth & called, ~truth, ~truth & called])
    _, row = np.unique(np.array(names, str), return_inverse=True)
    counted = [np.bincount(row, kind) for kind in kinds]
    return tuple(PatientCells(*map(int, of_one)) for of_one in zip(*counted, strict=True))


def _types_result(
    predictions: Predictions, is_blast: Bools, called: Bools, unclassified: Bools
) -> TypesResult:
    types = predictions.classes[1:]
    known = np.array([name in types for name in predictions.true_types])
    truth = np.array([types.index(n) for n in predictions.true_types if n in types], dtype=np.int64)
    likeliest = predictions.probabilities[:, 1:].argmax(axis=1)
    guess = likeliest[known]
    groups = [group for group, keep in zip(predictions.groups, known, strict=True) if keep]
    k = len(types)
    matrix = confusion_matrix(truth, guess, k, k)
    unknown = tuple(sorted({n for n in predictions.true_types if n not in types and not _is_blast(n)}))
    rows = (BLAST, *types, *unknown)
    columns = (BLAST, *types, UNCLASSIFIED)
    true_row = np.array(
        [
            0 if blast else rows.index(name)
            for name, blast in zip(predictions.true_types, is_blast, strict=True)
        ]
    )
    called_column = np.where(called, 0, np.where(unclassified, len(columns) - 1, 1 + likeliest))
    whole = confusion_matrix(true_row, called_column, len(rows), len(columns)).astype(int)
    return TypesResult(
        accuracy=share_estimate(guess == truth, np.ones(len(truth), bool), groups, BOOTSTRAP_ROUNDS),
        macro_f1=group_bootstrap(
            lambda w: macro_f1(confusion_matrix(truth, guess, k, k, w)), groups, BOOTSTRAP_ROUNDS
        ),
        n=int(known.sum()),
        per_type=tuple(_per_type(types, matrix)),
        confusion_rows=rows,
        confusion_columns=columns,
        confusion=tuple(tuple(int(n) for n in row) for row in whole),
        unknown_types=unknown,
    )


def _per_type(types: Sequence[str], matrix: Floats) -> Iterator[TypeFigures]:
    for i, (name, f1) in enumerate(zip(types, f1_scores(matrix), strict=True)):
        n = int(matrix[i].sum())
        if n:
            yield TypeFigures(name, n, float(matrix[i, i] / n), float(f1))
