"""Where on a slide the cells lie in one layer, judged at low zoom.

A smear is counted where its cells lie singly: behind the particles, not in clots, not where cells lie on each
other, not on bare glass (ICSH guidelines for bone marrow, Lee et al. 2008). Automatic finders of the working
area look at how densely cells cover the glass and at how large the covered patches are (Angulo and Flandrin,
*Automated detection of working area of peripheral blood smears using mathematical morphology*, 2003). So does
this one, at 1 µm per px, in blocks of 32 µm:

- covered is what absorbs more than an eighth of the glass's light in some colour;
- *thick* is where hardly any glass shows between cells, or where covered patches are wider than a cell;
- *bare* is where hardly anything is covered;
- the *monolayer* is what is neither, and does not lie beside a thick block.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from marrowscope.imaging.background import slide_colour

ZOOM_UM: Final = 1.0
"""Micrometres per px of the picture in which the monolayer is searched."""
BLOCK_PX: Final = 32
"""Side of a block of that picture."""
BLOCK_UM: Final = BLOCK_PX * ZOOM_UM
COVERED: Final = 0.12
"""Natural-log absorbance, in the colour that is absorbed most, of what is not glass; plasma has 0.05."""
PURPLE: Final = 0.36
"""Green minus blue absorbance of nuclei; see `imaging.red_cells`."""

_WIDER_THAN_A_CELL_PX: Final = 25
_SOLID: Final = 0.92  # covered part of such a window from which it is one patch
# Of a block, and of the blocks around it on average.
_THICK_COVER: Final = (0.90, 0.85)
_THICK_PATCHES: Final = (0.30, 0.20)
_BARE_COVER: Final = (0.05, 0.12)
_AROUND: Final = 3  # blocks across the neighbourhood of a block
_FILL_PX: Final = 8  # side of squares of one pure colour: what the scanner left out
_LEVELS: Final = np.arange(256, dtype=np.float32)

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Blocks = npt.NDArray[np.uint8]


class BlockKind(IntEnum):
    """What a block of a slide is."""

    BARE = 0
    MONOLAYER = 1
    THICK = 2


@dataclass(frozen=True, eq=False, slots=True)
class Cover:
    """What covers the blocks of a picture, float32 (rows, columns) each, 0 to 1.

    Attributes
    ----------
    covered : part that is not glass
    patches : part that lies in patches wider than a cell
    purple : part with the colour of nuclei
    """

    covered: Floats
    patches: Floats
    purple: Floats

    @classmethod
    def none(cls, rows: int, columns: int) -> Cover:
        """Return the cover of bare glass."""
        return cls(*(np.zeros((rows, columns), np.float32) for _ in range(3)))


def glass_colour(overview: Pixels) -> Floats:
    """Return the colour (3,), 0-255, of the bare glass of a slide; what the scanner left out is no glass.

    `overview` is uint8 (H, W, 3): the whole slide, in whichever size.
    """
    height, width = (side // _FILL_PX * _FILL_PX for side in overview.shape[:2])
    if not height or not width:
        return slide_colour(overview)
    squares = overview[:height, :width].reshape(height // _FILL_PX, _FILL_PX, width // _FILL_PX, _FILL_PX, 3)
    red, green, blue = (squares[..., channel] for channel in range(3))
    low = np.minimum(np.minimum(red, green), blue).min(axis=(1, 3))
    high = np.maximum(np.maximum(red, green), blue).max(axis=(1, 3))
    is_scanned = (low < 255) & (high > 0)
    if not is_scanned.any():
        return slide_colour(overview)
    return slide_colour(squares.transpose(0, 2, 1, 3, 4)[is_scanned].reshape(-1, _FILL_PX, 3))


def absorbance(pixels: Pixels, glass: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the natural-log absorbance (H, W) of red, green and blue against the glass, at least 0."""
    tables = np.maximum(np.log((glass[:, None] + 1) / (_LEVELS + 1)), 0).astype(np.float32)
    red, green, blue = (tables[channel][pixels[..., channel]] for channel in range(3))
    return red, green, blue


def greatest(absorbed: tuple[Floats, Floats, Floats]) -> Floats:
    """Return the absorbance (H, W) in the colour that is absorbed most."""
    return np.maximum(np.maximum(absorbed[0], absorbed[1]), absorbed[2])


def cover_of(absorbed: tuple[Floats, Floats, Floats], margin: tuple[int, int]) -> Cover:
    """Judge the blocks of a picture, around which half a block must be known.

    Parameters
    ----------
    absorbed : absorbance (H, W) of red, green and blue at `ZOOM_UM`
    margin : rows above and columns before the first block
    """
    covered = (greatest(absorbed) > COVERED).astype(np.float32)
    patches = ndimage.uniform_filter(covered, _WIDER_THAN_A_CELL_PX, mode="nearest") > _SOLID
    purple = absorbed[1] - absorbed[2] > PURPLE
    return Cover(*(_of_blocks(each[margin[0] :, margin[1] :]) for each in (covered, patches, purple)))


def is_filled(cover: Cover) -> npt.NDArray[np.bool_]:
    """Return whether hardly any glass shows in each block itself, or a patch wider than a cell lies in it."""
    return (cover.covered > _THICK_COVER[0]) | (cover.patches > _THICK_PATCHES[0])


def kinds_of(cover: Cover) -> Blocks:
    """Return what each block is (`BlockKind`), from the cover of a whole slide."""
    around = ndimage.uniform_filter(cover.covered, _AROUND, mode="nearest")
    patches_around = ndimage.uniform_filter(cover.patches, _AROUND, mode="nearest")
    thick = is_filled(cover) | (around > _THICK_COVER[1]) | (patches_around > _THICK_PATCHES[1])
    bare = (cover.covered < _BARE_COVER[0]) | (around < _BARE_COVER[1])
    beside = ndimage.binary_dilation(thick, np.ones((3, 3), bool))
    kinds = np.full(thick.shape, BlockKind.MONOLAYER, np.uint8)
    kinds[beside] = BlockKind.THICK
    kinds[bare & ~thick] = BlockKind.BARE
    return kinds


def _of_blocks(values: npt.NDArray[np.generic]) -> Floats:
    rows, columns = (side // BLOCK_PX for side in values.shape)
    whole = values[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX)
    return np.asarray(whole.mean(axis=(1, 3), dtype=np.float32), np.float32)
