"""The one cell that an image of a single cell is about: the one in its middle, never a neighbour."""

import numpy as np
import numpy.typing as npt

from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import detect_field

LEAST_SCORE = 0.1
"""Least confidence of the box of the cell in the middle: that there is one is known."""

_MARGIN = 0.2
"""Repeated border round an image, as a share of its side: cells that touch the border are found whole."""


def middle_cell(
    detector: Detector, pixels: npt.NDArray[np.uint8], mpp: float
) -> npt.NDArray[np.float32] | None:
    """Find the cell in the middle of an image of a single cell.

    Parameters
    ----------
    detector : of a bundle
    pixels : (H, W, 3) uint8 RGB
    mpp : micrometres per pixel

    Returns
    -------
    Its box (4,) xyxy in pixels, which may reach a little over the image's border; of several that hold the
    middle of the image, the one centred nearest to it. None where no box holds the middle.
    """
    pad = round(_MARGIN * max(pixels.shape[:2]))
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    boxes = detect_field(detector, padded, mpp, LEAST_SCORE).boxes - np.float32(pad)
    middle = np.array([pixels.shape[1], pixels.shape[0]], np.float32) / 2
    holding = boxes[((boxes[:, :2] < middle) & (boxes[:, 2:] > middle)).all(axis=1)]
    if not len(holding):
        return None
    away = np.abs((holding[:, :2] + holding[:, 2:]) / 2 - middle).sum(axis=1)
    return np.asarray(holding[away.argmin()], np.float32)
