"""Conversion of more than eight bits per channel to eight, at the original brightness."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

BIT_DEPTHS: Final = (8, 10, 12, 14, 16)
"""Bit depths of microscope cameras; 12 and 14 bits are usually stored in the low bits of a 16-bit file."""

_DIM: Final = (
    0.5  # if the brightest parts of a bright field stay below half the range, it was not fully exposed
)
_BRIGHTEST_PERCENTILE: Final = 99.9
_WHITE: Final = 245.0  # leaves headroom above the background, so that it does not clip


def to_eight_bits(values: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.uint8], str]:
    """Return 8-bit values of the same shape, and one line on how they were made.

    The depth is the smallest of `BIT_DEPTHS` that holds the largest value. A smear is a bright field: if its
    99.9th percentile lies below half of that depth, the values are scaled by the percentile instead. Black
    stays black either way, so that optical density keeps its meaning. Floats are scaled by 1 or 255 if their
    range suggests it, otherwise by their largest value.
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False), "8 bits"
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top, kind = _full_scale(values, float(numbers.max(initial=0.0)))
    bright = float(np.percentile(_sample(numbers), _BRIGHTEST_PERCENTILE))
    gain, how = 255.0 / top, f"{kind} scaled to 8 bits"
    if 0 < bright < _DIM * top:
        gain, how = _WHITE / bright, f"{kind} scaled to 8 bits by its {_BRIGHTEST_PERCENTILE}th percentile"
    numbers *= gain
    return np.clip(np.rint(numbers, out=numbers), 0, 255).astype(np.uint8), how


def _full_scale(values: npt.NDArray[np.generic], largest: float) -> tuple[float, str]:
    """Return the value that stands for white, and the name of that depth."""
    if np.issubdtype(values.dtype, np.floating):
        return (1.0 if largest <= 1.0 else 255.0 if largest <= 255.0 else largest), "floating point"
    for bits in BIT_DEPTHS:
        if largest < 2**bits:
            return float(2**bits - 1), f"{bits}-bit values in a deeper file" if bits < 16 else "16 bits"
    return largest, "32 bits"


def _sample(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return about a hundred thousand evenly spaced values, enough for a percentile."""
    flat = numbers.reshape(-1)
    return flat[:: max(1, flat.size // 100_000)]
