"""Which detection found which cell: greedy matching by score, as COCO's protocol does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from marrowscope.domain.geometry import areas, intersections, overlaps

Boxes = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float64]

Scalar = TypeVar("Scalar", bound=np.generic)

RECALL_POINTS = np.linspace(0, 1, 101)  # COCO's


@dataclass(frozen=True, eq=False)
class Truth:
    """The cells of one field: `boxes` (n, 4) px, `ignore` (n,) neither to be found nor counted against."""

    boxes: Boxes
    ignore: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector gave for one field: `boxes` (n, 4) px, `scores` (n,)."""

    boxes: Boxes
    scores: Scores


@dataclass(frozen=True, eq=False)
class Matches:
    """Detections of all fields in columns, the surest first; those on ignored cells are left out.

    `score`, `is_hit` (found a cell none surer had found), `is_double` (overlaps a cell as a hit would, but a
    surer one has it), `field` (index). Per cell that counts: `cell_field`, `cell_side_px` (square root of
    the box's area), `cell_score` (of the detection that found it; -1 if none).
    """

    score: Scores
    is_hit: npt.NDArray[np.bool_]
    is_double: npt.NDArray[np.bool_]
    field: npt.NDArray[np.intp]
    cell_field: npt.NDArray[np.intp]
    cell_side_px: npt.NDArray[np.float32]
    cell_score: Scores


def match_fields(truth: Sequence[Truth], found: Sequence[Found], match_iou: float) -> Matches:
    """Match the detections of every field to its cells at an intersection over union of `match_iou`.

    A detection takes the free cell it overlaps most. One that takes none but lies with `match_iou` of its
    own area in an ignored cell is left out, as COCO leaves out detections on crowds.
    """
    parts = [_match_field(t, f, match_iou) for t, f in zip(truth, found, strict=True)]
    score = _joined([f.scores[order] for f, (order, *_) in zip(found, parts, strict=True)], np.float32)
    sizes = [len(order) for order, *_ in parts]
    ranking = np.argsort(-score, kind="stable")
    cells = [~t.ignore for t in truth]
    return Matches(
        score=score[ranking],
        is_hit=_joined([hit for _, hit, _, _ in parts], np.bool_)[ranking],
        is_double=_joined([double for _, _, double, _ in parts], np.bool_)[ranking],
        field=np.repeat(np.arange(len(parts)), sizes)[ranking],
        cell_field=np.repeat(np.arange(len(parts)), [int(c.sum()) for c in cells]),
        cell_side_px=_joined(
            [np.sqrt(areas(t.boxes[c])) for t, c in zip(truth, cells, strict=True)], np.float32
        ),
        cell_score=_joined([cell_score for *_, cell_score in parts], np.float32),
    )


def average_precision(is_hit: npt.NDArray[np.bool_], n_cells: float, weights: Weights | None = None) -> float:
    """Average precision at 101 recall points of detections ranked by score; NaN without cells.

    `weights` (n,) is how often each detection counts (a bootstrap's), `n_cells` is weighted alike.
    """
    if n_cells <= 0:
        return float("nan")
    weight = np.ones(len(is_hit)) if weights is None else weights
    hits = np.cumsum(weight * is_hit)
    total = np.cumsum(weight)
    precision = hits / np.maximum(total, 1e-12)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]  # precision never falls as recall falls
    index = np.searchsorted(hits / n_cells, RECALL_POINTS, side="left")
    return float(np.append(envelope, 0.0)[index].mean())


def _match_field(
    truth: Truth, found: Found, match_iou: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_], npt.NDArray[np.bool_], Scores]:
    """Order of the detections that count, whether each is a hit or a double, and each cell's score."""
    cells, ignored = truth.boxes[~truth.ignore], truth.boxes[truth.ignore]
    order = np.argsort(-found.scores, kind="stable")
    iou = overlaps(found.boxes, cells)[0]
    within = intersections(found.boxes, ignored) / np.maximum(areas(found.boxes), 1e-9)[:, None]
    on_ignored: npt.NDArray[np.bool_] = np.any(within >= match_iou, axis=1)
    cell_score = np.full(len(cells), -1, dtype=np.float32)
    kept, hit, double = [], [], []
    for index in order:
        # The least margin keeps an overlap of exactly match_iou a match in single precision.
        free = np.where(cell_score < 0, iou[index], 0)
        best = int(free.argmax()) if len(cells) else -1
        is_hit = best >= 0 and bool(free[best] >= match_iou - 1e-6)
        if not is_hit and on_ignored[index]:
            continue
        if is_hit:
            cell_score[best] = found.scores[index]
        kept.append(int(index))
        hit.append(is_hit)
        double.append(not is_hit and bool(np.any(iou[index] >= match_iou)))
    return np.array(kept, dtype=np.intp), np.array(hit, dtype=bool), np.array(double, dtype=bool), cell_score


def _joined(parts: Sequence[npt.NDArray[Scalar]], dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)
