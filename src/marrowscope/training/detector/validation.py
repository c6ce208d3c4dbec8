"""How well the detector in training finds the cells of held-out fields: average precision at one overlap."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import nn

from marrowscope.domain.geometry import suppress
from marrowscope.training.detector.data import PADDING, Boxes, CachedField
from marrowscope.training.detector.loss import corners
from marrowscope.training.detector.recipe import WORKING_MPP
from marrowscope.training.detector.yolox import STRIDES, anchor_points, decode_boxes

NMS_IOU = 0.55
"""Boxes that overlap more than this are one cell; touching cells of a dense smear overlap less."""

LOWEST_SCORE = 0.02
_MOST_BOXES = 300


@dataclass(frozen=True)
class Found:
    """Detections on one field: `boxes` (n, 4) xyxy in px of the field as cached, `scores` (n,) best first."""

    boxes: Boxes
    scores: npt.NDArray[np.float32]


def find_cells(network: nn.Module, field: CachedField, zoom: float = 1.0) -> Found:
    """Run `network` on one whole field, shown at the working scale times `zoom`."""
    pixels, scale = shown(field, zoom)
    found = find_in_pixels(network, pixels)
    return Found(found.boxes * scale, found.scores)


def shown(field: CachedField, zoom: float) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Give a field's pixels (H, W, 3) at the working scale times `zoom`.

    Beside them what boxes found there (n, 4) are multiplied by to be in px of the field as cached, (4,).
    """
    factor = field.mpp * zoom / WORKING_MPP
    size = (max(1, round(field.image.width * factor)), max(1, round(field.image.height * factor)))
    pixels = np.asarray(field.image.resize(size, Image.Resampling.BILINEAR))
    return pixels, np.array([field.image.width / size[0], field.image.height / size[1]] * 2, dtype=np.float32)


@torch.no_grad()
def find_in_pixels(network: nn.Module, pixels: npt.NDArray[np.uint8]) -> Found:
    """Run `network` on RGB pixels (H, W, 3) at the working scale."""
    height, width = pixels.shape[:2]
    step = STRIDES[-1]
    padded = np.full((-(-height // step) * step, -(-width // step) * step, 3), PADDING, dtype=np.uint8)
    padded[:height, :width] = pixels
    image = torch.from_numpy(padded[..., ::-1].copy()).permute(2, 0, 1)[None].float()
    raw = network(image.contiguous(memory_format=torch.channels_last))[0]
    grid, strides = anchor_points(padded.shape[0], padded.shape[1])
    boxes = corners(decode_boxes(raw, grid, strides)).numpy()
    scores = (raw[:, 4].sigmoid() * raw[:, 5].sigmoid()).numpy()
    limits = np.array([width, height, width, height], dtype=np.float32)
    kept = scores >= LOWEST_SCORE
    boxes, scores = np.clip(boxes[kept], 0, limits), scores[kept]
    best = suppress(boxes, scores, NMS_IOU)[:_MOST_BOXES]
    return Found(boxes[best], scores[best])


def average_precision(fields: Sequence[CachedField], found: Sequence[Found], match_iou: float) -> float:
    """Give the average precision at one overlap (pycocotools); ignored cells count neither way.

    NaN when the fields hold no cell.
    """
    truth = _coco_truth(fields)
    if not any(not entry["ignore"] for entry in truth["annotations"]):
        return float("nan")
    rows = [
        {"image_id": i, "category_id": 1, "bbox": _xywh(box), "score": float(score)}
        for i, one in enumerate(found)
        for box, score in zip(one.boxes, one.scores, strict=True)
    ]
    if not rows:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports its progress on stdout
        reference = COCO()
        reference.dataset = truth
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(rows), "bbox")
        evaluation.params.iouThrs = np.array([match_iou])
        evaluation.params.maxDets = [1, 10, _MOST_BOXES]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, 0, 0, -1]
    return float(np.mean(precision[precision > -1]))


def _coco_truth(fields: Sequence[CachedField]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for index, field in enumerate(fields):
        for box, ignore in zip(field.boxes, field.ignore, strict=True):
            x, y, w, h = _xywh(box)
            entry = {"id": len(annotations) + 1, "image_id": index, "category_id": 1, "bbox": [x, y, w, h]}
            # "iscrowd" is how pycocotools marks what may be found any number of times without being counted.
            annotations.append({**entry, "area": w * h, "iscrowd": int(ignore), "ignore": int(ignore)})
    images = [{"id": index} for index in range(len(fields))]
    return {
        "info": {},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "cell"}],
    }


def _xywh(box: Boxes) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]
