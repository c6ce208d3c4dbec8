"""The outline of a centred cell: on drawn discs of known truth, and on real crops."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from marrowscope.datasets.outline import Outline, cell_outline
from marrowscope.errors import InputError

SIDE = 256
EMPTY = (250, 228, 205)
CYTOPLASM = (205, 175, 205)
CHROMATIN = (85, 45, 130)
RED = (190, 160, 150)


def draw(
    cell_radius: float = 50, nucleus_radius: float = 28, red_cells: tuple[tuple[int, int], ...] = ()
) -> NDArray[np.uint8]:
    """A centred cell on an empty slide, red cells of 25 px radius at the given centres (x, y)."""
    image = Image.new("RGB", (SIDE, SIDE), EMPTY)
    brush = ImageDraw.Draw(image)
    for x, y in red_cells:
        brush.ellipse((x - 25, y - 25, x + 25, y + 25), fill=RED)
    for radius, colour in ((cell_radius, CYTOPLASM), (nucleus_radius, CHROMATIN)):
        if radius:
            brush.ellipse((128 - radius, 128 - radius, 128 + radius, 128 + radius), fill=colour)
    grain = np.random.default_rng(0).normal(0, 2, (SIDE, SIDE, 3))
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(1.0)))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def disc(radius: float) -> NDArray[np.bool_]:
    offsets = np.arange(SIDE) - 128
    return np.asarray(offsets[:, None] ** 2 + offsets[None, :] ** 2 <= radius**2)


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return float((first & second).sum() / (first | second).sum())


def outlined(pixels: NDArray[np.uint8]) -> Outline:
    outline = cell_outline(pixels)
    assert outline is not None
    return outline


@pytest.mark.parametrize(("cell_radius", "nucleus_radius"), [(50, 28), (40, 36), (65, 30), (30, 20)])
def test_finds_cytoplasm_and_nucleus_of_a_drawn_cell(cell_radius: int, nucleus_radius: int) -> None:
    outline = outlined(draw(cell_radius, nucleus_radius))
    assert overlap(outline.mask, disc(cell_radius)) > 0.9
    assert overlap(outline.nucleus, disc(nucleus_radius)) > 0.85


def test_box_bounds_the_mask() -> None:
    outline = outlined(draw(50, 28))
    np.testing.assert_allclose(outline.box, [78, 78, 179, 179], atol=4)
    rows, columns = np.nonzero(outline.mask)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_array_equal(outline.box, np.array(expected, dtype=np.float32))
    assert not (outline.nucleus & ~outline.mask).any()


def test_leaves_touching_red_cells_out() -> None:
    touching = ((128 + 74, 128), (128 - 74, 128), (128, 128 + 75), (40, 40), (210, 215))
    outline = outlined(draw(50, 28, touching))
    assert overlap(outline.mask, disc(50)) > 0.88


def test_works_at_another_crop_size() -> None:
    larger = np.asarray(Image.fromarray(draw(50, 28)).resize((400, 400)))
    outline = outlined(larger)
    assert outline.mask.shape == (400, 400)
    assert outline.mask.sum() == pytest.approx(np.pi * (50 * 400 / 256) ** 2, rel=0.1)


@pytest.mark.parametrize(
    "pixels",
    [
        draw(0, 0),
        draw(0, 0, ((128, 128), (60, 60), (200, 190))),
        np.full((128, 128, 3), 255, dtype=np.uint8),
        np.zeros((128, 128, 3), dtype=np.uint8),
    ],
    ids=["empty slide", "red cells only", "white", "black"],
)
def test_no_cell_no_outline(pixels: NDArray[np.uint8]) -> None:
    assert cell_outline(pixels) is None


def test_a_cell_out_of_the_centre_is_doubtful() -> None:
    assert cell_outline(np.roll(draw(40, 30), 70, axis=1)) is None


@pytest.mark.parametrize("shape", [(256, 256), (256, 256, 4), (40, 256, 3)])
def test_refuses_what_is_no_crop(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="crop"):
        cell_outline(np.zeros(shape, dtype=np.uint8))


def test_outlines_most_real_cells(shared_data: Path) -> None:
    folders = sorted(path for path in (shared_data / "cells").glob("*/*") if path.is_dir())
    for folder in folders:
        paths = sorted(folder.glob("*.jpg"))[::150][:3]
        found = [cell_outline(np.asarray(Image.open(path).convert("RGB"))) for path in paths]
        accepted = [outline for outline in found if outline is not None]
        assert len(accepted) >= 1, folder.name
        for outline in accepted:
            assert outline.nucleus.any()
            assert outline.nucleus.sum() <= outline.mask.sum() < 0.5 * outline.mask.size
