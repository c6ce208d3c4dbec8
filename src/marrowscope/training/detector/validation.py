"""How well the detector in training finds the cells of held-out fields: average precision at one overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from marrowscope.domain.geometry import suppress
from marrowscope.evaluation.statistics.coco import coco_average_precision
from marrowscope.evaluation.statistics.matching import Found, Truth
from marrowscope.imaging.scale import WORKING_MPP
from marrowscope.training.detector.data import PADDING, CachedField
from marrowscope.training.detector.loss import corners
from marrowscope.training.detector.settings import DETECTOR_SETTINGS
from marrowscope.training.detector.yolox import STRIDES, anchor_points, decode_boxes

LOWEST_SCORE = 0.02
_MOST_BOXES = 300


def find_cells(network: nn.Module, field: CachedField, zoom: float = 1.0) -> Found:
    """Run `network` on one whole field, shown at the working scale times `zoom`; boxes in px as cached."""
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
    best = suppress(boxes, scores, DETECTOR_SETTINGS.nms_iou)[:_MOST_BOXES]
    return Found(boxes[best], scores[best])


def average_precision(fields: Sequence[CachedField], found: Sequence[Found], match_iou: float) -> float:
    """Give the average precision at one overlap; ignored cells count neither way.

    NaN when the fields hold no cell.
    """
    truth = [Truth(field.boxes, field.ignore) for field in fields]
    return float(coco_average_precision(truth, found, np.array([match_iou]))[0])
