"""Overlapping tiles that cover a field."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a field in px: columns `x0` to `x1` and rows `y0` to `y1`, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.y1 - self.y0


def tile_grid(width: int, height: int, tile: int, overlap: int, step: int = 1) -> tuple[Tile, ...]:
    """Cover `width` x `height` px with equal rectangles of sides up to `tile`, row by row.

    There are as few as sides of `tile` allow, and they are no larger than that number needs: neighbours share
    at least `overlap` px, and more only as their sides are multiples of `step`, and of what is left evenly.

    Raises
    ------
    ValueError
        A size is not positive, or the overlap is not smaller than the tile.
    """
    if width < 1 or height < 1 or tile < 1 or not 0 <= overlap < tile:
        raise ValueError(f"cannot tile {width} x {height} px by {tile} px overlapping by {overlap} px")
    columns, rows = (_spans(length, tile, overlap, step) for length in (width, height))
    return tuple(Tile(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)


def _spans(length: int, tile: int, overlap: int, step: int) -> list[tuple[int, int]]:
    if length <= tile:
        return [(0, length)]
    gaps = ceil((length - tile) / (tile - overlap))
    needed = ceil((length + gaps * overlap) / (gaps + 1) / step) * step
    side = min(needed, tile)
    starts = [(length - side) * k // gaps for k in range(gaps + 1)]
    return [(start, start + side) for start in starts]
