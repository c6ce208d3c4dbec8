"""Average precision by pycocotools, the reference; the only importer of it here."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from marrowscope.errors import MissingExtraError
from marrowscope.evaluation.statistics.matching import Found, Truth

AP_IOUS = np.linspace(0.5, 0.95, 10)
MOST_DETECTIONS = 1000  # a dense marrow field holds more cells than COCO's hundred


def coco_average_precision(
    truth: Sequence[Truth], found: Sequence[Found], ious: npt.NDArray[np.float64] = AP_IOUS
) -> npt.NDArray[np.float64]:
    """Average precision at each overlap of `ious`, (len(ious),); NaN where the fields hold no cell.

    Ignored cells are passed as COCO's crowds.

    Raises
    ------
    MissingExtraError : pycocotools is not installed
    """
    try:
        from pycocotools.coco import COCO  # noqa: PLC0415 - an optional part
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise MissingExtraError("evaluating a detector", "train") from error
    if not any((~t.ignore).any() for t in truth):
        return np.full(len(ious), np.nan)
    if not any(len(f.boxes) for f in found):
        return np.zeros(len(ious))
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        reference = COCO()
        reference.dataset = _dataset(truth)
        reference.createIndex()
        detections = reference.loadRes(_detections(found))
        evaluation = COCOeval(reference, detections, "bbox")
        evaluation.params.iouThrs = np.asarray(ious)
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [MOST_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]
    return np.asarray(precision.mean(axis=1), dtype=np.float64)


def _dataset(truth: Sequence[Truth]) -> dict[str, object]:
    annotations = [
        {
            "image_id": i,
            "category_id": 1,
            "bbox": _xywh(box),
            "area": float((box[2] - box[0]) * (box[3] - box[1])),
            "iscrowd": int(ignore),
        }
        for i, t in enumerate(truth)
        for box, ignore in zip(t.boxes, t.ignore, strict=True)
    ]
    numbered = [{"id": number, **entry} for number, entry in enumerate(annotations, start=1)]
    return {
        "info": {},
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": 1, "name": "leukocyte"}],
        "annotations": numbered,
    }


def _detections(found: Sequence[Found]) -> list[dict[str, object]]:
    return [
        {"image_id": i, "category_id": 1, "bbox": _xywh(box), "score": float(score)}
        for i, f in enumerate(found)
        for box, score in zip(f.boxes, f.scores, strict=True)
    ]


def _xywh(box: npt.NDArray[np.float32]) -> list[float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return [x0, y0, x1 - x0, y1 - y0]
