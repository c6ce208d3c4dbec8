"""How well a detector finds cells: average precision, recall and precision where it is used, false finds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.evaluation.statistics.bootstrap import (
    Estimate,
    Weights,
    group_bootstrap,
    share_estimate,
)
from marrowscope.evaluation.statistics.coco import AP_IOUS, coco_average_precision
from marrowscope.evaluation.statistics.matching import (
    Found,
    Matches,
    Truth,
    average_precision,
    match_fields,
)

DetectFunction = Callable[
    [npt.NDArray[np.uint8]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
]  # (H, W, 3) uint8 RGB -> boxes (n, 4) xyxy px, scores (n,)

SIZE_EDGES_PX = (0.0, 32.0, 64.0, 128.0, 256.0, float("inf"))  # side of a cell's box
BOOTSTRAP_ROUNDS = 300


@dataclass(frozen=True)
class SizeRecall:
    """Share of the cells of one size that were found; `low_px` <= side < `high_px`."""

    low_px: float
    high_px: float
    n_cells: int
    recall: float


@dataclass(frozen=True)
class CurvePoint:
    """One point of the precision-recall curve: at detections of at least `score`."""

    score: float
    recall: float
    precision: float


@dataclass(frozen=True)
class DetectionResult:
    """What `evaluate_detector` found; figures are None where nothing defines them (no cell, no detection).

    `ap50` at IoU 0.5 and `ap` averaged over IoU 0.50 to 0.95 are pycocotools'; `ap_at_match` likewise at
    `match_iou`. `recall`, `precision`, `doubled` (cells found more than once) and false positives are at
    `operating_score` and `match_iou`.
    """

    ap50: Estimate
    ap: float | None
    ap_at_match: float | None
    recall: Estimate
    precision: Estimate
    false_positives_per_field: Estimate
    doubled: int
    n_boxes: int
    n_found: int
    n_fields: int
    match_iou: float
    operating_score: float
    recall_per_size: tuple[SizeRecall, ...]
    curve: tuple[CurvePoint, ...]

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        return {
            "ap50": self.ap50.value,
            "ap50_ci": self.ap50.to_json(),
            "ap": self.ap,
            "ap_at_match": self.ap_at_match,
            "recall": self.recall.value,
            "recall_ci": self.recall.to_json(),
            "precision": self.precision.value,
            "precision_ci": self.precision.to_json(),
            "false_positives_per_field": self.false_positives_per_field.value,
            "false_positives_per_field_ci": self.false_positives_per_field.to_json(),
            "doubled": self.doubled,
            "n_boxes": self.n_boxes,
            "n_found": self.n_found,
            "n_fields": self.n_fields,
            "match_iou": self.match_iou,
            "operating_score": self.operating_score,
            "recall_per_size": [
                {
                    "low_px": s.low_px,
                    "high_px": None if np.isinf(s.high_px) else s.high_px,
                    "n_cells": s.n_cells,
                    "recall": s.recall,
                }
                for s in self.recall_per_size
            ],
            "curve": [[p.score, p.recall, p.precision] for p in self.curve],
        }


def evaluate_detector(
    detect: DetectFunction,
    fields: Sequence[LabelledField],
    *,
    operating_score: float,
    match_iou: float = 0.5,
    on_field: Callable[[int, int], None] | None = None,
) -> DetectionResult:
    """Run a detector over labelled fields and score it.

    Parameters
    ----------
    detect : from pixels to boxes and scores; it should give boxes far below the operating score, too, or
        the precision-recall curve ends early
    fields : every nucleated cell labelled; red cells and platelets among the labels are left out
    operating_score : from which score a box is a cell in use
    match_iou : overlap from which a box found the cell (lower for boxes of another kind than the network's)
    on_field : called with (fields done, fields) after each

    Raises
    ------
    MissingExtraError : pycocotools is not installed
    """
    found = list(_detections(detect, fields, on_field))
    return score_detections(fields, found, operating_score=operating_score, match_iou=match_iou)


def score_detections(
    fields: Sequence[LabelledField], found: Sequence[Found], *, operating_score: float, match_iou: float = 0.5
) -> DetectionResult:
    """Score detections made elsewhere, one `Found` a field; see `evaluate_detector`."""
    truth = [Truth(*field.leukocytes()) for field in fields]
    groups = [field.group for field in fields]
    at_half = match_fields(truth, found, 0.5)
    matches = at_half if match_iou == 0.5 else match_fields(truth, found, match_iou)
    in_use = matches.score >= operating_score
    per_iou = coco_average_precision(truth, found, np.unique([match_iou, *AP_IOUS]))
    at_match = int(np.searchsorted(np.unique([match_iou, *AP_IOUS]), match_iou))
    return DetectionResult(
        ap50=_ap50(at_half, groups, float(_at(per_iou, match_iou, 0.5))),
        ap=_defined(float(np.mean([_at(per_iou, match_iou, iou) for iou in AP_IOUS]))),
        ap_at_match=_defined(float(per_iou[at_match])),
        recall=_recall(matches, groups, operating_score),
        precision=_precision(matches, groups, in_use),
        false_positives_per_field=_false_per_field(matches, groups, in_use),
        doubled=int((in_use & matches.is_double).sum()),
        n_boxes=len(matches.cell_field),
        n_found=int((matches.cell_score >= operating_score).sum()),
        n_fields=len(fields),
        match_iou=match_iou,
        operating_score=operating_score,
        recall_per_size=tuple(_per_size(matches, operating_score)),
        curve=tuple(_curve(matches)),
    )


def _detections(
    detect: DetectFunction, fields: Sequence[LabelledField], on_field: Callable[[int, int], None] | None
) -> Iterator[Found]:
    for done, field in enumerate(fields, start=1):
        boxes, scores = detect(field.pixels())
        yield Found(np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float32))
        if on_field is not None:
            on_field(done, len(fields))


def _at(per_iou: npt.NDArray[np.float64], match_iou: float, iou: float) -> float:
    """Average precision at one of the overlaps it was computed for."""
    ious = np.unique([match_iou, *AP_IOUS])
    return float(per_iou[int(np.abs(ious - iou).argmin())])


def _ap50(matches: Matches, groups: Sequence[str], reference: float) -> Estimate:
    """Join the reference's figure with an interval over groups from this package's own average precision."""

    def statistic(weights: Weights) -> float:
        n_cells = float(weights[matches.cell_field].sum())
        return average_precision(matches.is_hit, n_cells, weights[matches.field])

    own = group_bootstrap(statistic, groups, BOOTSTRAP_ROUNDS)
    return Estimate(_defined(reference), own.low, own.high)


def _recall(matches: Matches, groups: Sequence[str], operating_score: float) -> Estimate:
    is_found = matches.cell_score >= operating_score
    everyone = np.ones(len(is_found), bool)
    return share_estimate(is_found, everyone, [groups[i] for i in matches.cell_field], BOOTSTRAP_ROUNDS)


def _precision(matches: Matches, groups: Sequence[str], in_use: npt.NDArray[np.bool_]) -> Estimate:
    return share_estimate(matches.is_hit, in_use, [groups[i] for i in matches.field], BOOTSTRAP_ROUNDS)


def _false_per_field(matches: Matches, groups: Sequence[str], in_use: npt.NDArray[np.bool_]) -> Estimate:
    """Give the mean number of boxes in use that found no cell; its interval over groups."""
    false = np.bincount(matches.field[in_use & ~matches.is_hit], minlength=len(groups))
    return group_bootstrap(lambda w: float(w @ false / w.sum()), groups, BOOTSTRAP_ROUNDS)


def _per_size(matches: Matches, operating_score: float) -> Iterator[SizeRecall]:
    is_found = matches.cell_score >= operating_score
    for low, high in pairwise(SIZE_EDGES_PX):
        inside = (matches.cell_side_px >= low) & (matches.cell_side_px < high)
        if inside.any():
            yield SizeRecall(low, high, int(inside.sum()), float(is_found[inside].mean()))


def _curve(matches: Matches, points: int = 200) -> Iterator[CurvePoint]:
    """At most `points` points of the curve, where a score ends, in order of falling score."""
    n_cells = len(matches.cell_field)
    if not n_cells or not len(matches.score):
        return
    hits = np.cumsum(matches.is_hit)
    last_of_score = np.flatnonzero(np.append(np.diff(matches.score) != 0, True))
    chosen = last_of_score[np.unique(np.linspace(0, len(last_of_score) - 1, points).astype(int))]
    for index in chosen:
        yield CurvePoint(
            float(matches.score[index]), float(hits[index] / n_cells), float(hits[index] / (index + 1))
        )


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value
