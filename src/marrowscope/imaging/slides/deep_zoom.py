"""Deep Zoom: an image at halved sizes, each cut into square tiles.

At its highest level an image has its own size, at each lower one half of that, rounded up. Tiles overlap by
`OVERLAP_PX` at each inner edge.
"""

from collections.abc import Iterator
from math import ceil
from typing import Final

TILE_PX: Final = 256
OVERLAP_PX: Final = 1
Box = tuple[int, int, int, int]


def highest_level(width: int, height: int) -> int:
    """Return the level that shows an image at its own size."""
    return (max(width, height, 1) - 1).bit_length()


def level_boxes(size: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Box]]:
    """Yield the column and row of every tile of a level, with its pixels x0 y0 x1 y1.

    Parameters
    ----------
    size : width and height of the level
    """
    columns, rows = _tiles(size)
    for row in range(rows):
        for column in range(columns):
            yield (column, row), _box(size, column, row)


def tile_box(size: tuple[int, int], column: int, row: int) -> Box | None:
    """Return the pixels of one tile of a level, None if there is no such tile."""
    columns, rows = _tiles(size)
    return _box(size, column, row) if 0 <= column < columns and 0 <= row < rows else None


def dzi(width: int, height: int) -> str:
    """Return the description of an image that viewers ask for."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
        f'TileSize="{TILE_PX}" Overlap="{OVERLAP_PX}" Format="jpg">'
        f'<Size Width="{width}" Height="{height}"/></Image>'
    )


def _tiles(size: tuple[int, int]) -> tuple[int, int]:
    return ceil(size[0] / TILE_PX), ceil(size[1] / TILE_PX)


def _box(size: tuple[int, int], column: int, row: int) -> Box:
    return (
        max(column * TILE_PX - OVERLAP_PX, 0),
        max(row * TILE_PX - OVERLAP_PX, 0),
        min((column + 1) * TILE_PX + OVERLAP_PX, size[0]),
        min((row + 1) * TILE_PX + OVERLAP_PX, size[1]),
    )
