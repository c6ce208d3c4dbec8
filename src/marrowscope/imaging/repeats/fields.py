"""Whether two images show the same field, whatever their format, size, brightness or focus.

Compared is what remains of the brightness once the illumination and the fine detail are taken away: a band
of middle frequencies. Fields of one smear then agree by 0.4 at most, a field and its own copy out of focus by
0.85 at least (correlations; 180 fields of five laboratories, blurred by up to 3 % of their width).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter, laplace

_SAME_STACK: Final = 0.75
"""Likeness from which two planes of one file belong to one field, however far out of focus one is."""

SAME_FIELD: Final = 0.95
"""Likeness from which two files show one field. Copies in other formats, at an eighth of the size, a third
brighter or slightly out of focus reach it; images of different single cells, all alike, stay below 0.85."""

_SIDE_PX: Final = 96
_BLOCK_PX: Final = 6  # divides `_SIDE_PX`
_ROUNDING: Final = 0.01
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
    groups: dict[int, list[int]] = {}
    for number, near in enumerate(_possible(sketches, least)):
        alike = (i for i in near if i in groups and likeness(sketches[number], sketches[i]) >= least)
        groups.setdefault(next(alike, number), []).append(number)
    return tuple(map(tuple, groups.values()))


def _possible(sketches: Sequence[Sketch], least: float) -> Iterator[list[int]]:
    """Return, for every sketch, which of those before it may resemble it by `least`, in order.

    The sums of blocks, over the block's side, are a projection: two sketches are never nearer to each other
    than their projections, which are quickly compared.
    """
    if not sketches:
        return
    shape = (_SIDE_PX // _BLOCK_PX, _BLOCK_PX, _SIDE_PX // _BLOCK_PX, _BLOCK_PX)
    small = np.stack([own.reshape(shape).sum(axis=(1, 3)).ravel() for own in sketches]) / _BLOCK_PX
    norms = np.square(small).sum(axis=1)
    furthest = 2 - 2 * least + _ROUNDING
    for number in range(len(sketches)):
        distances = norms[:number] + norms[number] - 2 * (small[:number] @ small[number])
        yield np.flatnonzero(distances <= furthest).tolist()


def likeness(one: Sketch, other: Sketch) -> float:
    """Return how far two sketches agree, -1 to 1."""
    return float(np.vdot(one, other))


def sharpness(pixels: npt.NDArray[np.uint8]) -> float:
    """Return how sharp an image, uint8 (H, W, 3), is: the variance of its Laplacian.

    Source of the measure: Pech-Pacheco et al., ICPR 2000.
    """
    return float(laplace(np.asarray(Image.fromarray(pixels).convert("L"), np.float32)).var())


@dataclass(frozen=True)
class PlaneGroup:
    """The planes of one field, by their numbers in the file, and the sharpest of them."""

    planes: tuple[int, ...]
    sharpest: int


def group_planes(images: Iterable[npt.NDArray[np.uint8]]) -> tuple[PlaneGroup, ...]:
    """Put the planes of a file, uint8 (H, W, 3), together that show the same field; fields in its order.

    Planes of one focus stack agree once fine detail is taken away; different fields do not.
    """
    seen = [(sketch(pixels), sharpness(pixels)) for pixels in images]
    groups = same_fields([own for own, _ in seen], _SAME_STACK)
    return tuple(PlaneGroup(group, max(group, key=lambda number: seen[number][1])) for group in groups)
