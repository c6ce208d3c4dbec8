"""The one cell that an image of a single cell is about: the one in its middle, never a neighbour."""

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import Detections
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import detect_field

LEAST_SCORE = 0.1
"""Least confidence of the box of the cell in the middle: that there is one is known."""

_MARGIN = 0.2
"""Repeated border round an image, as a share of its side: cells that touch the border are found whole."""


def find_middle_cell(detector: Detector, pixels: npt.NDArray[np.uint8], mpp: float) -> Detections:
    """Find the cell in the middle of an image of a single cell.

    Parameters
    ----------
    detector : of a bundle
    pixels : (H, W, 3) uint8 RGB
    mpp : micrometres per pixel

    Returns
    -------
    One row, or none where no box holds the middle of the image; of several that do, the one centred nearest
    to it. The box is in pixels and may reach a little over the image's border.
    """
    pad = round(_MARGIN * max(pixels.shape[:2]))
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    found = detect_field(detector, padded, mpp, LEAST_SCORE)
    boxes = found.boxes - np.float32(pad)
    middle = np.array([pixels.shape[1], pixels.shape[0]], np.float32) / 2
    holds_middle = ((boxes[:, :2] < middle) & (boxes[:, 2:] > middle)).all(axis=1)
    if not holds_middle.any():
        return Detections.empty()
    away = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).sum(axis=1)
    best = int(np.where(holds_middle, away, np.inf).argmin())
    return Detections(boxes[best : best + 1], found.scores[best : best + 1])


def middle_cell(
    detector: Detector, pixels: npt.NDArray[np.uint8], mpp: float
) -> npt.NDArray[np.float32] | None:
    """Return the box (4,) of `find_middle_cell`, None where there is none."""
    found = find_middle_cell(detector, pixels, mpp)
    return np.asarray(found.boxes[0], np.float32) if len(found) else None


def middle_half(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the box (4,) of an image's middle half: where single-cell images have their cell."""
    height, width = pixels.shape[:2]
    return np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height], dtype=np.float32)
