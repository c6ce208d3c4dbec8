"""Drawn cells as examples of their types: always the same views, on one slide."""

import zlib
from functools import cache

import numpy as np
import numpy.typing as npt

from marrowscope.errors import InputError
from marrowscope.imaging.gallery import squares_of
from marrowscope.synth import stain as dyes
from marrowscope.synth.field import draw_field
from marrowscope.synth.finer import FINER_RECIPES
from marrowscope.synth.recipes import RECIPES
from marrowscope.synth.red_cell import platelet, smudge
from marrowscope.synth.stain import Stain, expose

VIEWS = 8
"""Views of each type."""
SIDE_PX = 224
"""Side of a view."""

_RECIPES = {**RECIPES, **FINER_RECIPES}
_FIELD_PX = 420  # the side of the field that a cell is drawn in
_ROOM = 2.8  # that side over the greatest diameter of the cell
_HALF = 0.7  # half the side of a square, and a little more, over the longer side of the cell's box
_TRIES = 200  # fields drawn until the cell lies far enough from the edge
_SMUDGE, _PLATELET = "smudge_cell", "platelet"
_SLIDE = Stain(
    background=(238.0, 234.0, 236.0),
    absorbances=(
        (0.14, 0.38, 0.30), (1.05, 1.85, 0.42), (0.52, 0.50, 0.12), (0.06, 0.30, 0.14), (0.60, 1.75, 0.38),
        (0.10, 0.62, 0.40),
    ),
    blur_um=0.10, sharpening=0.3, noise=1.2, vignetting=0.0, jpeg_quality=95,
)  # fmt: skip

ATLAS_TYPES = tuple(sorted({*_RECIPES, _SMUDGE, _PLATELET}))
"""Cell types that can be drawn."""


def draw_view(cell_type: str, number: int) -> npt.NDArray[np.uint8]:
    """Draw a cell of a type among red cells, (SIDE_PX, SIDE_PX, 3) uint8 RGB; `number` from 0 to `VIEWS` - 1.

    Raises
    ------
    InputError
        The type cannot be drawn, or there is no such view.
    """
    if cell_type not in ATLAS_TYPES or not 0 <= number < VIEWS:
        raise InputError(f"there is no drawn view {number} of {cell_type!r}")
    return _view(cell_type, number)


@cache
def _view(cell_type: str, number: int) -> npt.NDArray[np.uint8]:
    seed = [zlib.crc32(cell_type.encode()), number]
    if cell_type in {_SMUDGE, _PLATELET}:
        return _loose(np.random.default_rng(seed), cell_type)
    diameter_um = _RECIPES[cell_type].diameter_um[1]
    for attempt in range(_TRIES):
        drawn = draw_field(
            [*seed, attempt],
            width=_FIELD_PX,
            height=_FIELD_PX,
            mpp=_ROOM * diameter_um / _FIELD_PX,
            cell_types=[cell_type],
            red_cells=0.35,
            stain=_SLIDE,
        )
        if _is_inside(drawn.boxes[0]):
            break
    square: npt.NDArray[np.uint8] = squares_of(drawn.pixels, drawn.boxes, SIDE_PX)[0]
    return square


def _is_inside(box: npt.NDArray[np.float32]) -> bool:
    """Return whether the square around a cell lies within its field."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = _HALF * max(box[2] - box[0], box[3] - box[1])
    return bool(half < min(x, y, _FIELD_PX - x, _FIELD_PX - y))


def _loose(rng: np.random.Generator, cell_type: str) -> npt.NDArray[np.uint8]:
    """Draw a burst nucleus or a platelet on empty glass."""
    mpp = 0.12 if cell_type == _SMUDGE else 0.05
    amounts = np.zeros((SIDE_PX, SIDE_PX, len(dyes.DYES)), np.float32)
    stamp = smudge(rng, mpp)[0] if cell_type == _SMUDGE else platelet(rng, mpp)
    reach = [min(side, SIDE_PX) for side in stamp.shape[:2]]
    top, left = ((SIDE_PX - side) // 2 for side in reach)
    cut = [(side - kept) // 2 for side, kept in zip(stamp.shape, reach, strict=False)]
    inside = stamp[cut[0] : cut[0] + reach[0], cut[1] : cut[1] + reach[1]]
    amounts[top : top + reach[0], left : left + reach[1]] = inside
    return expose(rng, amounts, _SLIDE, mpp)
