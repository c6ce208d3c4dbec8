"""Cells that several fields show because the fields overlap."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from marrowscope.imaging.gallery import SQUARE_PX, grey_squares, sheet_of
from marrowscope.imaging.repeats.cells import FieldCells, RepeatedCells, cell_sketches
from marrowscope.synth import draw_field

Pixels = npt.NDArray[np.uint8]
WINDOW = (500, 400)


def made(pixels: Pixels, boxes: npt.NDArray[np.float32]) -> FieldCells:
    with Image.open(io.BytesIO(sheet_of(pixels, boxes))) as sheet:
        squares = grey_squares(sheet, len(boxes))
    every = np.ones(len(boxes), bool)
    return FieldCells((pixels.shape[1], pixels.shape[0]), boxes, cell_sketches(squares), every)


def window(seed: int, x: int, y: int) -> tuple[Pixels, npt.NDArray[np.float32], list[int]]:
    """Return a part of a drawn field, the boxes of the cells that are whole in it, and which these are."""
    field = draw_field(seed, width=800, height=600, cells=18)
    boxes = np.asarray(field.boxes - np.array([x, y, x, y]), np.float32)
    whole = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2:] <= np.array(WINDOW)).all(axis=1)
    width, height = WINDOW
    return field.pixels[y : y + height, x : x + width], boxes[whole], np.flatnonzero(whole).tolist()


def found(*fields: FieldCells) -> list[list[bool]]:
    def keyed(number: int) -> tuple[int, Callable[[], FieldCells]]:
        return number, lambda: fields[number]

    return [rows.tolist() for rows in RepeatedCells()([keyed(n) for n in range(len(fields))])]


@pytest.mark.parametrize("seed", range(4))
def test_cells_of_both_fields_are_found_in_the_later_one(seed: int) -> None:
    first, boxes, names = window(seed, 0, 0)
    second, others, other_names = window(seed, 103, 57)
    assert set(names) & set(other_names)
    darker = Image.fromarray((second * 0.9).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.5))
    shifted = others + np.float32(0.5)
    of_first, of_second = found(made(first, boxes), made(np.asarray(darker), shifted))
    assert not any(of_first)
    assert of_second == [name in names for name in other_names]


def test_fields_of_different_places_share_no_cell() -> None:
    fields = [made(*window(seed, 0, 0)[:2]) for seed in range(10, 16)]
    assert sum(len(field.boxes) for field in fields) > 20
    assert not any(map(any, found(*fields)))


def anywhere(seed: int, cells: int = 12) -> FieldCells:
    """A field of cells of no likeness, anywhere."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, np.array(WINDOW) - 40, (cells, 2))
    boxes = np.asarray(np.hstack([corners, corners + 40]), np.float32)
    squares = rng.integers(0, 255, (cells, SQUARE_PX, SQUARE_PX)).astype(np.uint8)
    return FieldCells(WINDOW, boxes, cell_sketches(squares), np.ones(cells, bool))


@pytest.mark.parametrize("seed", range(5))
def test_two_cells_that_look_alike_by_chance_are_no_overlap(seed: int) -> None:
    first, second = anywhere(seed), anywhere(seed + 100)
    middle = np.asarray(np.tile(np.array(WINDOW) / 2, 2) + np.array([-20, -20, 20, 20]), np.float32)
    boxes, others, alike = first.boxes.copy(), second.boxes.copy(), second.sketches.copy()
    boxes[0] = others[0] = middle
    alike[0] = first.sketches[0]  # nuclei that cannot be told apart, among cells that can
    first, second = replace(first, boxes=boxes), replace(second, boxes=others, sketches=alike)
    assert not any(found(first, second)[1])
    assert all(found(first, first)[1])


def test_fields_of_different_size_are_not_compared() -> None:
    pixels, boxes, _ = window(1, 0, 0)
    assert found(made(pixels, boxes), made(pixels[:-1], boxes))[1] == [False] * len(boxes)


def test_a_cell_that_the_earlier_field_does_not_count_is_no_repetition() -> None:
    pixels, boxes, _ = window(1, 0, 0)
    first = made(pixels, boxes)
    is_counted = np.arange(len(boxes)) != 1
    again = found(replace(first, is_counted=is_counted), made(pixels, boxes), made(pixels, boxes))
    assert again[1] == is_counted.tolist()
    assert again[2] == [True] * len(boxes)


def test_a_field_without_cells_shows_none() -> None:
    pixels, boxes, _ = window(1, 0, 0)
    no_cells = cell_sketches(np.zeros((0, 96, 96), np.uint8))
    none = FieldCells(WINDOW, np.zeros((0, 4), np.float32), no_cells, np.zeros(0, bool))
    assert found(none, made(pixels, boxes), none) == [[], [False] * len(boxes), []]


def test_what_was_compared_is_not_compared_again() -> None:
    made_of: list[str] = []

    def field(name: str, seed: int) -> tuple[str, Callable[[], FieldCells]]:
        def make() -> FieldCells:
            made_of.append(name)
            return made(*window(seed, 0, 0)[:2])

        return name, make

    repeated = RepeatedCells()
    a, b, again = field("a", 1), field("b", 2), field("again", 1)
    repeated([a, b])
    first, second, third = repeated([a, b, again])
    assert made_of == ["a", "b", "again"]
    assert not first.any()
    assert not second.any()
    assert third.all()
    # A field that comes before all others is the one that counts.
    first, second, third = repeated([again, a, b])
    assert made_of == ["a", "b", "again"]
    assert not first.any()
    assert second.all()
    assert not third.any()


def test_an_even_square_resembles_none() -> None:
    sketches = cell_sketches(np.full((2, SQUARE_PX, SQUARE_PX), 200, np.uint8))
    assert not sketches.any()
