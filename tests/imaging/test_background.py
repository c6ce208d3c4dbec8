"""Colours behind the cells, on drawn pictures of known truth."""

import re

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from tests.conftest import REPOSITORY

from marrowscope.imaging.background import (
    brightest_colour_outside,
    lightest_colour,
    mean_colour_outside,
    picture_within,
    slide_colour,
)
from marrowscope.imaging.jpeg import through_jpeg
from marrowscope.synth import draw_field

GLASS, RED, NUCLEUS = (250, 228, 205), (190, 160, 150), (85, 45, 130)


@pytest.fixture
def crop() -> npt.NDArray[np.uint8]:
    """One dark cell in the middle of empty glass, red cells over more than half of the picture."""
    image = Image.new("RGB", (160, 160), GLASS)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 159, 100), fill=RED)
    pen.ellipse((60, 60, 100, 100), fill=NUCLEUS)
    return np.asarray(image)


def test_the_slide_shows_even_where_red_cells_outnumber_it(crop: npt.NDArray[np.uint8]) -> None:
    np.testing.assert_allclose(slide_colour(crop), GLASS, atol=2)
    np.testing.assert_allclose(lightest_colour(crop.reshape(-1, 3)), GLASS)


def test_what_lies_under_the_mask_has_no_say(crop: npt.NDArray[np.uint8]) -> None:
    glass = np.where((crop == RED).all(axis=2, keepdims=True), np.array(GLASS), crop).astype(np.uint8)
    mask = (glass == NUCLEUS).all(axis=2)
    np.testing.assert_allclose(brightest_colour_outside(glass, mask), GLASS)
    np.testing.assert_allclose(mean_colour_outside(glass, mask), GLASS)


def test_a_mask_over_everything_leaves_the_whole_picture(crop: npt.NDArray[np.uint8]) -> None:
    everything = np.ones(crop.shape[:2], bool)
    np.testing.assert_allclose(brightest_colour_outside(crop, everything), GLASS)
    np.testing.assert_allclose(mean_colour_outside(crop, everything), crop.reshape(-1, 3).mean(axis=0))


def test_no_other_module_measures_a_background_of_its_own() -> None:
    sources = REPOSITORY / "src" / "marrowscope"
    named = re.compile(r"def _?(background|slide|brightest|mean|lightest)_colour")
    homes = {p.relative_to(sources).as_posix() for p in sources.rglob("*.py") if named.search(p.read_text())}
    assert homes == {"imaging/background.py"}


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (208, 196, 210)])
@pytest.mark.parametrize("quality", [None, 85])
def test_bands_around_a_picture_are_told_from_it(colour: tuple[int, int, int], quality: int | None) -> None:
    field = draw_field(3, width=320, height=240, cells=2).pixels
    padded = Image.new("RGB", (320, 320), colour)
    padded.paste(Image.fromarray(field), (0, 37))
    pixels = np.asarray(padded) if quality is None else through_jpeg(padded, quality)
    left, top, right, bottom = picture_within(pixels)
    assert (left, right) == (0, 320)
    assert top == pytest.approx(37, abs=8)
    assert bottom == pytest.approx(277, abs=8)
    turned = picture_within(np.ascontiguousarray(pixels.transpose(1, 0, 2)))
    assert turned == (top, left, bottom, right)


def test_empty_slide_is_no_band() -> None:
    for pixels in (np.full((9, 9, 3), 250, np.uint8), draw_field(3, width=320, height=240, cells=2).pixels):
        assert picture_within(pixels) == (0, 0, pixels.shape[1], pixels.shape[0])
    white = Image.new("RGB", (300, 200), (255, 255, 255))
    ImageDraw.Draw(white).ellipse((120, 60, 170, 110), fill=NUCLEUS)
    assert picture_within(np.asarray(white)) == (0, 0, 300, 200)
