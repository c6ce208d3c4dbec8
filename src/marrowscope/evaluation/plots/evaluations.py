"""The plots of an evaluation, a file each; the figures behind every one are in its JSON."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from marrowscope.evaluation.card.model_card import Evaluation
from marrowscope.evaluation.counts.virtual import VirtualResult
from marrowscope.evaluation.networks.classifier import ClassificationResult, TypesResult
from marrowscope.evaluation.networks.detector import DetectionResult
from marrowscope.evaluation.plots.counts import draw_virtual
from marrowscope.evaluation.plots.networks import (
    draw_confusion_matrix,
    draw_precision_recall,
    draw_reliability,
    draw_risk_coverage,
)


def draw_detector(results: Mapping[str, DetectionResult], folder: Path) -> list[Path]:
    """Draw the precision-recall curves of a detector on the named sets that hold a cell, in one picture."""
    with_cells = {name: result for name, result in results.items() if result.curve}
    if not with_cells:
        return []
    return [draw_precision_recall(with_cells, folder / "precision_recall.png")]


def draw_classifier(result: ClassificationResult, folder: Path, name: str = "") -> list[Path]:
    """Draw confusion matrix, reliability and risk-coverage of a classifier; `name` is the set's."""
    suffix = f"_{re.sub(r'[^0-9A-Za-z]+', '_', name).strip('_')}.png" if name else ".png"
    counts, rows, columns = _shown(result.types)
    drawn = (
        [draw_confusion_matrix(counts, rows, columns, folder / f"confusion{suffix}", name)] if rows else []
    )
    blast = result.blast
    if blast.reliability:
        drawn.append(draw_reliability(blast.reliability, folder / f"reliability{suffix}", blast.ece, name))
    if blast.risk_coverage is not None:
        drawn.append(draw_risk_coverage(blast.risk_coverage, folder / f"risk_coverage{suffix}", name))
    return drawn


def draw_evaluations(evaluations: Sequence[Evaluation], folder: Path) -> list[Path]:
    """Draw all evaluations of a bundle into a folder; give the files."""
    detectors = {e.data: e.result for e in evaluations if isinstance(e.result, DetectionResult)}
    drawn = draw_detector(detectors, folder)
    for evaluation in evaluations:
        if isinstance(evaluation.result, ClassificationResult):
            drawn += draw_classifier(evaluation.result, folder, evaluation.data)
        if isinstance(evaluation.result, VirtualResult):
            drawn += draw_virtual(evaluation.result, folder, evaluation.dataset)
    return drawn


def _shown(types: TypesResult) -> tuple[list[list[int]], list[str], list[str]]:
    """Leave out rows of types that do not occur, and columns without a count that are no row."""
    rows = [i for i, row in enumerate(types.confusion) if any(row)]
    columns = [
        j
        for j, name in enumerate(types.confusion_columns)
        if any(types.confusion[i][j] for i in rows) or name in {types.confusion_rows[i] for i in rows}
    ]
    return (
        [[types.confusion[i][j] for j in columns] for i in rows],
        [types.confusion_rows[i] for i in rows],
        [types.confusion_columns[j] for j in columns],
    )
