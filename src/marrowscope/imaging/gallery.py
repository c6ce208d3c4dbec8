"""Pictures of cells for people: one square per cell, alone or on a sheet with those of the whole field."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.imaging.crops import crop_cells
from marrowscope.imaging.jpeg import jpeg_bytes

SQUARE_PX = 96
"""Side of a square on the sheet that every analysis keeps."""
LARGE_PX = 160
"""Side of a square on the sheet of megakaryocytes, of which every lobe is to be seen."""
COLUMNS = 16
_CONTEXT = 1.35  # side of a square over the longer side of the cell's box
_BEYOND = 190  # grey where a square reaches beyond the image: nothing is there, and nothing is made up
_QUALITY = 88


def squares_of(
    pixels: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32], side: int
) -> npt.NDArray[np.uint8]:
    """Cut a square around each box, neighbours as in the image, grey beyond: (n, side, side, 3) uint8 RGB."""
    return crop_cells(pixels, boxes, side, _CONTEXT, beyond=_BEYOND)


def square_jpeg(pixels: npt.NDArray[np.uint8], box: tuple[float, float, float, float], side: int) -> bytes:
    """Return the square around one box as JPEG."""
    return jpeg_bytes(squares_of(pixels, np.asarray([box], np.float32), side)[0], _QUALITY)


def sheet_of(pixels: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32], side: int = SQUARE_PX) -> bytes:
    """Return a JPEG with the square of each box, `COLUMNS` in a row; empty without boxes."""
    return sheet_of_squares(squares_of(pixels, boxes, side)) if len(boxes) else b""


def sheet_of_squares(squares: npt.NDArray[np.uint8]) -> bytes:
    """Return a JPEG with squares (n, side, side, 3), `COLUMNS` in a row; empty without any."""
    if not len(squares):
        return b""
    side = squares.shape[1]
    rows = -(-len(squares) // COLUMNS)
    sheet = np.full((rows * COLUMNS, side, side, 3), 255, np.uint8)
    sheet[: len(squares)] = squares
    grid = sheet.reshape(rows, COLUMNS, side, side, 3).swapaxes(1, 2)
    return jpeg_bytes(Image.fromarray(grid.reshape(rows * side, COLUMNS * side, 3)), _QUALITY)


def grey_squares(sheet: Image.Image, cells: int) -> npt.NDArray[np.uint8]:
    """Return the squares on a sheet of so many cells: (n, SQUARE_PX, SQUARE_PX) uint8 grey."""
    grey = np.asarray(sheet.convert("L"))
    rows = grey.reshape(-1, SQUARE_PX, COLUMNS, SQUARE_PX).swapaxes(1, 2)
    return rows.reshape(-1, SQUARE_PX, SQUARE_PX)[:cells]


def from_sheet(sheet: Image.Image, row: int, side: int = SQUARE_PX) -> Image.Image:
    """Cut one cell's square out of the sheet of an analysis."""
    x, y = (row % COLUMNS) * side, (row // COLUMNS) * side
    return sheet.crop((x, y, x + side, y + side))
