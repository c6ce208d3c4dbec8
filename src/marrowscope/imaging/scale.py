"""Resampling of fields to the scale at which the networks were trained."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

WORKING_MPP: Final = 0.20
"""Micrometres per pixel at which detectors are trained here, and at which focus is judged (`quality`).

A leukocyte is then about 65 px across.
"""


def resample(pixels: npt.NDArray[np.uint8], factor: float) -> npt.NDArray[np.uint8]:
    """Scale uint8 (H, W, 3) by `factor`, antialiased; sides are rounded to whole px, at least 1.

    Shrinking first averages whole blocks (Pillow's `reducing_gap`, several times faster), then applies a
    Lanczos filter; enlarging is bicubic. If the size does not change, the same array is returned.

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
