"""Whether two images show the same field, whatever their format, size, brightness or focus.

Compared is what remains of the brightness once the illumination and the fine detail are taken away: a band
of middle frequencies. Fields of one smear then agree by 0.4 at most, a field and its own copy out of focus by
0.85 at least (correlations; 180 fields of five laboratories, blurred by up to 3 % of their width).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter, laplace

SAME_STACK: Final = 0.75
"""Likeness from which two planes of one file belong to one field, however far out of focus one is."""

SAME_FIELD: Final = 0.95
"""Likeness from which two files show one field. Copies in other formats, at an eighth of the size, a third
brighter or slightly out of focus reach it; images of different single cells, all alike, stay below 0.85."""

_SIDE_PX: Final = 96
_FINEST_PX, _COARSEST_PX = 2.0, 12.0  # standard deviations of the two filters, on a sketch of `_SIDE_PX`

Sketch = npt.NDArray[np.float32]
"""(n, n) float32, what is kept of an image to compare it; mean 0 and norm 1, all zero for an even image."""


NO_SKETCH: Final[Sketch] = np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
"""Sketch of an image that resembles none."""


def sketch(pixels: npt.NDArray[np.uint8]) -> Sketch:
    """Return the sketch of an image, uint8 (H, W, 3)."""
    size = (_SIDE_PX, _SIDE_PX)
    small = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    grey = np.asarray(small, np.float32)
    band = gaussian_filter(grey, _FINEST_PX) - gaussian_filter(grey, _COARSEST_PX)
    band -= band.mean()
    norm = float(np.linalg.norm(band))
    return np.asarray(band / norm if norm > 1e-3 else np.zeros_like(band), np.float32)


def same_fields(sketches: Sequence[Sketch], least: float = SAME_FIELD) -> tuple[tuple[int, ...], ...]:
    """Return the numbers of the images that show the same field, field by field, in the order given.

    An image belongs to the first field whose first image it resembles by `least`. Even images, which show
    nothing to compare, are each a field of their own.
    """
    firsts: list[Sketch] = []
    groups: list[list[int]] = []
    for number, own in enumerate(sketches):
        alike = [i for i, first in enumerate(firsts) if likeness(own, first) >= least]
        if alike:
            groups[alike[0]].append(number)
        else:
            firsts.append(own)
            groups.append([number])
    return tuple(map(tuple, groups))


def likeness(one: Sketch, other: Sketch) -> float:
    """Return how far two sketches agree, -1 to 1."""
    return float(np.vdot(one, other))


def sharpness(pixels: npt.NDArray[np.uint8]) -> float:
    """Return how sharp an image, uint8 (H, W, 3), is: the variance of its Laplacian.

    Source of the measure: Pech-Pacheco et al., ICPR 2000.
    """
    return float(laplace(np.asarray(Image.fromarray(pixels).convert("L"), np.float32)).var())
