"""A slide as its readers give it: levels of one picture, read by region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from marrowscope.errors import ImageError

Pixels = npt.NDArray[np.uint8]

MOST_PIXELS: Final = 400_000_000_000
"""A whole glass of 75 x 25 mm at 0.07 µm per pixel."""

_MOST_LEVELS: Final = 64
_LEAST_SIDE: Final = 32


@dataclass(frozen=True, slots=True)
class Level:
    """A copy of a slide: `width` and `height` in its own px, `downsample` full-resolution px per px."""

    width: int
    height: int
    downsample: float


class Slide(Protocol):
    """An open slide; it may be read by several threads.

    Label and macro images are no levels, and nothing here reads them.
    """

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels, full resolution first."""

    @property
    def mpp(self) -> float | None:
        """Micrometres per full-resolution px, where the file states it plausibly."""

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Return uint8 (H, W, 3) RGB of a region, in px of a level; it must lie inside the level.

        Raises
        ------
        ImageError
            This part of the file cannot be read.
        """

    def close(self) -> None:
        """Close the files."""


def checked_levels(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Return the levels, largest first, if a slide can have them.

    Raises
    ------
    ImageError
        There are none, or they have sizes that no slide has.
    """
    if not levels:
        raise ImageError("this slide holds no image")
    if len(levels) > _MOST_LEVELS:
        raise ImageError(f"this slide announces {len(levels)} levels, more than the limit of {_MOST_LEVELS}")
    ordered = tuple(sorted(levels, key=lambda level: -level.width * level.height))
    full = ordered[0]
    if min(full.width, full.height) < _LEAST_SIDE:
        raise ImageError(f"this slide is {full.width} x {full.height} pixels, too small to read")
    if full.width * full.height > MOST_PIXELS:
        raise ImageError(
            f"this slide announces {full.width:,} x {full.height:,} pixels, more than any slide has"
        )
    return tuple(level for level in ordered if min(level.width, level.height) > 0)


def level_for(slide: Slide, downsample: float) -> int:
    """Return the smallest level that still holds what is seen at a downsampling."""
    fitting = [n for n, level in enumerate(slide.levels) if level.downsample <= 1.15 * downsample]
    return max(fitting, key=lambda number: slide.levels[number].downsample, default=0)
