"""Several images in one file: planes of a focus stack, or fields of their own.

Planes of one field agree once fine detail is taken away (`likeness`); different fields do not. Of a focus
stack the sharpest plane is read: the one whose second derivative varies most (variance of the Laplacian;
Pech-Pacheco et al., ICPR 2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import laplace

from marrowscope.imaging.likeness import SAME_FIELD, Sketch, likeness, sketch


@dataclass(frozen=True)
class PlaneGroup:
    """The planes of one field, by their numbers in the file, and the sharpest of them."""

    planes: tuple[int, ...]
    sharpest: int


def group_planes(images: Iterable[npt.NDArray[np.uint8]]) -> tuple[PlaneGroup, ...]:
    """Put planes, uint8 (H, W, 3), together that show the same field; fields in the order of the file."""
    firsts: list[Sketch] = []
    groups: list[list[int]] = []
    sharpness = []
    for number, pixels in enumerate(images):
        sharpness.append(_sharpness(pixels))
        own = sketch(pixels)
        place = _place_of(own, firsts)
        if place is None:
            firsts.append(own)
            groups.append([number])
        else:
            groups[place].append(number)
    return tuple(PlaneGroup(tuple(group), max(group, key=sharpness.__getitem__)) for group in groups)


def _place_of(own: Sketch, firsts: Sequence[Sketch]) -> int | None:
    return next((i for i, first in enumerate(firsts) if likeness(own, first) >= SAME_FIELD), None)


def _sharpness(pixels: npt.NDArray[np.uint8]) -> float:
    return float(laplace(np.asarray(Image.fromarray(pixels).convert("L"), np.float32)).var())
