"""More than eight bits a channel brought to eight, as bright as the microscope saw it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

BIT_DEPTHS: Final = (8, 10, 12, 14, 16)
"""Depths of microscope cameras; 12 and 14 bits usually sit in the low bits of a 16-bit file."""

_DIM: Final = 0.5  # a bright field whose brightest parts stay below half the range was underexposed
_BRIGHTEST_PERCENTILE: Final = 99.9
_WHITE: Final = 245.0  # leaves room above the background, so that it does not clip


GRAYSCALE: Final = "grayscale: no stain colours to judge by"
ON_WHITE: Final = "transparent parts laid on white"
FROM_CMYK: Final = "CMYK converted to RGB"
"""Notes on an image whose pixels were not RGB."""


def to_eight_bits(
    values: npt.NDArray[np.generic], *, white_is_zero: bool = False
) -> tuple[npt.NDArray[np.uint8], str]:
    """Return 8-bit values of the same shape, and one line saying how they were made.

    The depth is the smallest of `BIT_DEPTHS` that holds the largest value. A smear is a bright field: where
    its 99.9th percentile lies below half of that depth, the values are scaled by it instead. Black
    stays black in both ways, so that optical density keeps its meaning. Floats are scaled by 1 or 255 where
    their range says so, otherwise by their largest value.

    Parameters
    ----------
    values : of any shape and numeric type; colours only, since an alpha channel has a depth of its own
    white_is_zero : small values are bright, as a TIFF's photometric interpretation may say
    """
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.uint8:
        return (255 - values if white_is_zero else values).astype(np.uint8, copy=False), "8 bits"
    top, kind = _full_scale(values)
    sample = _sample(values)
    bright = float(np.percentile(top - sample if white_is_zero else sample, _BRIGHTEST_PERCENTILE))
    gain, how = 255.0 / top, f"{kind} scaled to 8 bits"
    if 0 < bright < _DIM * top:
        gain, how = _WHITE / bright, f"{kind} scaled to 8 bits by its {_BRIGHTEST_PERCENTILE}th percentile"
    return _scaled(values, top, gain, white_is_zero=white_is_zero), how


def _scaled(
    values: npt.NDArray[np.generic], top: float, gain: float, *, white_is_zero: bool
) -> npt.NDArray[np.uint8]:
    """Multiply by `gain`, round and clip; 16-bit values by a table, which needs no copy in floating point."""

    def eight_bits(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        numbers = np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)
        if white_is_zero:
            numbers = np.float32(top) - numbers
        return np.asarray(np.clip(np.rint(numbers * np.float32(gain)), 0, 255), np.uint8)

    if values.dtype == np.uint16:
        return np.asarray(eight_bits(np.arange(2**16, dtype=np.float32))[values])
    made = np.empty(values.shape, np.uint8)
    for row in range(len(values)):
        made[row] = eight_bits(values[row].astype(np.float32))
    return made


def _full_scale(values: npt.NDArray[np.generic]) -> tuple[float, str]:
    """Return the value that means white, and the name of that depth."""
    largest = float(np.nanmax(values, initial=0, where=np.isfinite(values)))
    if np.issubdtype(values.dtype, np.floating):
        return (1.0 if largest <= 1.0 else 255.0 if largest <= 255.0 else largest), "floating point"
    for bits in BIT_DEPTHS:
        if largest < 2**bits:
            return float(2**bits - 1), f"{bits}-bit values in a deeper file" if bits < 16 else "16 bits"
    return largest, "32 bits"


def _sample(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """About a hundred thousand values, evenly spread: enough for a percentile."""
    flat = values.reshape(-1)
    return np.nan_to_num(flat[:: max(1, flat.size // 100_000)].astype(np.float32), posinf=0.0, neginf=0.0)
