"""Several images in one file: planes of a focus stack, or fields of their own.

Planes of one field agree once fine detail is taken away (`likeness`); different fields do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.imaging.likeness import SAME_STACK, same_fields, sharpness, sketch


@dataclass(frozen=True)
class PlaneGroup:
    """The planes of one field, by their numbers in the file, and the sharpest of them."""

    planes: tuple[int, ...]
    sharpest: int


def group_planes(images: Iterable[npt.NDArray[np.uint8]]) -> tuple[PlaneGroup, ...]:
    """Put planes, uint8 (H, W, 3), together that show the same field; fields in the order of the file."""
    seen = [(sketch(pixels), sharpness(pixels)) for pixels in images]
    groups = same_fields([own for own, _ in seen], SAME_STACK)
    return tuple(PlaneGroup(group, max(group, key=lambda number: seen[number][1])) for group in groups)
