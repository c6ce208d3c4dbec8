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


def tile_grid(width: int, height: int, tile: int, overlap: int) -> tuple[Tile, ...]:
    """Cover `width` x `height` px with squares of side `tile`, row by row.

    Neighbours share at least `overlap` px; any surplus is spread evenly, so that the last tile is not a
    sliver. Where the field is shorter than `tile`, so are the tiles.

    Raises
    ------
    ValueError
        A size is not positive, or the overlap is not smaller than the tile.
    """
    if width < 1 or height < 1 or tile < 1 or not 0 <= overlap < tile:
        raise ValueError(f"cannot tile {width} x {height} px by {tile} px overlapping by {overlap} px")
    columns, rows = _spans(width, tile, overlap), _spans(height, tile, overlap)
    return tuple(Tile(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    if length <= tile:
        return [(0, length)]
    gaps = ceil((length - tile) / (tile - overlap))
    starts = [(length - tile) * k // gaps for k in range(gaps + 1)]
    return [(start, start + tile) for start in starts]
