"""Image quality of a field. Problems are reported; they never stop a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from marrowscope.imaging.background import slide_colour

_BLANK_RANGE: Final = 14.0  # grey levels between the darkest and lightest parts of an empty field
_LOW_RANGE: Final = 32.0
_WASHED_OUT: Final = 185.0  # less than a hundredth of the field is darker than this
_DARK_BACKGROUND: Final = 75.0
_SHARP: Final = 0.088
"""All of 225 real fields from nine laboratories lie above; blurred by 3 px all lie below, by 2 px half."""
_SMALL_SAMPLES: Final = 60_000
_NEAR_PX, _FAR_PX = 2, 8
_ROWS: Final = 160  # rows of pixels on which focus is measured


class QualityFlag(StrEnum):
    """A quality problem of a field."""

    BLANK = "blank"
    OUT_OF_FOCUS = "out_of_focus"
    OVEREXPOSED = "overexposed"
    UNDEREXPOSED = "underexposed"
    LOW_CONTRAST = "low_contrast"


UNFIT_TILE: Final = frozenset({QualityFlag.BLANK, QualityFlag.OUT_OF_FOCUS})
"""Of a slide's tile: another is read in its place."""


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """The quality `flags` of a field, and the figures behind them.

    `contrast` and `background` are grey levels of the green channel. `sharpness` is 0.25 for ideal edges and
    falls to 0.06 as they blur; it is None if the field has no edges. `slide` is the colour of the empty
    slide, red, green, blue, 0 to 255.
    """

    flags: tuple[QualityFlag, ...]
    contrast: float
    background: float
    sharpness: float | None
    slide: tuple[float, float, float]


def assess(pixels: npt.NDArray[np.uint8]) -> FieldQuality:
    """Judge a field, uint8 (H, W, 3) RGB at `scale.WORKING_MPP`.

    Brightness is measured on a sparse grid and focus on evenly spaced rows, so the cost hardly depends on the
    size of the field. The focus measure compares brightness differences over 2 and 8 px; contrast and most
    noise cancel out. It depends on the scale: pass the resampled field, not the original.
    """
    height, width = pixels.shape[:2]
    step = max(1, round((height * width / _SMALL_SAMPLES) ** 0.5))
    sparse = pixels[::step, ::step]
    green = sparse[..., 1]
    darkest, dark, light = (float(v) for v in np.percentile(green, [0.5, 1, 97]))
    contrast = light - darkest
    is_blank = contrast < _BLANK_RANGE
    sharpness = None if is_blank else _sharpness(pixels)
    found = {
        QualityFlag.BLANK: is_blank,
        QualityFlag.OUT_OF_FOCUS: sharpness is not None and sharpness < _SHARP,
        QualityFlag.OVEREXPOSED: dark > _WASHED_OUT and light > 250,
        QualityFlag.UNDEREXPOSED: light < _DARK_BACKGROUND,
        QualityFlag.LOW_CONTRAST: not is_blank and contrast < _LOW_RANGE,
    }
    red, middle, blue = (float(v) for v in slide_colour(sparse))
    flags = tuple(flag for flag, is_set in found.items() if is_set)
    return FieldQuality(flags, contrast, light, sharpness, (red, middle, blue))


def _sharpness(pixels: npt.NDArray[np.uint8]) -> float | None:
    """Return the mean squared difference over 2 px divided by that over 8 px, along rows.

    For ideal steps it grows with the distance (2/8), for blurred ones with its square (4/64).
    """
    height, width = pixels.shape[:2]
    if width <= 4 * _FAR_PX:
        return None
    rows = pixels[:: max(1, height // _ROWS), :, 1].astype(np.int32)
    far = float(np.square(rows[:, _FAR_PX:] - rows[:, :-_FAR_PX]).mean())
    near = float(np.square(rows[:, _NEAR_PX:] - rows[:, :-_NEAR_PX]).mean())
    return near / far if far > 1.0 else None
