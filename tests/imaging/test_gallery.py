"""Pictures of cells for people."""

import io

import numpy as np
import pytest
from PIL import Image

from marrowscope.imaging.crops import crop_cells
from marrowscope.imaging.gallery import COLUMNS, SQUARE_PX, from_sheet, sheet_of, squares_of

RED = (200, 30, 30)


def field() -> np.ndarray:
    pixels = np.full((60, 80, 3), RED, np.uint8)
    pixels[:, 40:] = (30, 200, 30)
    return pixels


def test_beyond_the_image_a_square_is_grey_and_within_it_as_the_image() -> None:
    (square,) = squares_of(field(), np.array([[-10, 20, 10, 40]], np.float32), 54)
    assert (square[27, 45] == RED).all()
    beyond = square[27, 5]
    assert len({*beyond.tolist()}) == 1
    assert not (square == (30, 200, 30)).all(axis=2).any()


def test_the_networks_see_the_border_repeated() -> None:
    (crop,) = crop_cells(field(), np.array([[-10, 20, 10, 40]], np.float32), 48)
    assert (crop == RED).all()


@pytest.mark.parametrize("side", [SQUARE_PX, 224])
def test_a_sheet_has_the_squares_row_by_row(side: int) -> None:
    boxes = np.array([[2, 20, 22, 40], *[[50, 20, 70, 40]] * COLUMNS], np.float32)
    with Image.open(io.BytesIO(sheet_of(field(), boxes, side))) as sheet:
        assert sheet.size == (COLUMNS * side, 2 * side)
        first, last = np.asarray(sheet)[side // 2, side // 2], np.asarray(sheet)[side + side // 2, side // 2]
    assert np.abs(first.astype(int) - RED).max() < 12
    assert np.abs(last.astype(int) - (30, 200, 30)).max() < 12


def test_a_square_is_cut_out_of_the_sheet_by_its_row() -> None:
    boxes = np.array([[50, 20, 70, 40]] * COLUMNS + [[2, 20, 22, 40]], np.float32)
    with Image.open(io.BytesIO(sheet_of(field(), boxes))) as sheet:
        square = np.asarray(from_sheet(sheet, COLUMNS))
    assert np.abs(square[SQUARE_PX // 2, SQUARE_PX // 2].astype(int) - RED).max() < 12


def test_no_cells_no_sheet() -> None:
    assert sheet_of(field(), np.zeros((0, 4), np.float32)) == b""
