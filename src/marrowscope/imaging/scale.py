"""Fields brought to the scale the networks know, and the ruler for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.imaging.red_cells import RED_CELL_UM, Estimate, red_cell_diameter_px

__all__ = ["RED_CELL_UM", "Estimate", "red_cell_diameter_px", "resample"]


def resample(pixels: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """Scale uint8 (H, W, 3) by `factor`, antialiased; each side is rounded to a whole px and is at least 1.

    Shrinking averages whole blocks first (Pillow's `reducing_gap`, several times faster) and ends in a
    Lanczos filter; enlarging is bicubic. A factor that changes nothing gives the same array back.

    Raises
    ------
    ValueError
        The factor is not a positive number.
    """
    if not (np.isfinite(factor) and factor > 0):
        raise ValueError(f"the scale factor must be a positive number, not {factor}")
    height, width = pixels.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if size == (width, height):
        return pixels
    shrinks = factor < 1
    method = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    image = Image.fromarray(pixels).resize(size, method, reducing_gap=2.0 if shrinks else None)
    return np.asarray(image)
