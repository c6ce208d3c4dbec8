"""Quality flags on made and on real fields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageFilter

from marrowscope.imaging.files.decode import decode
from marrowscope.imaging.quality import QualityFlag, assess
from marrowscope.imaging.scale import resample


def cells(background: float = 220.0, cell: float = 120.0, side: int = 400) -> npt.NDArray[np.uint8]:
    """Sharp discs of 35 px on a plain background."""
    y, x = np.mgrid[0:side, 0:side] % 50 - 25
    level = np.where(np.hypot(x, y) < 17, cell, background)
    noise = np.random.default_rng(0).normal(0, 1.5, (side, side, 3))
    return np.clip(level[..., None] + noise, 0, 255).astype(np.uint8)


def blurred(pixels: npt.NDArray[np.uint8], sigma: float) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


def test_a_good_field_has_no_flags() -> None:
    quality = assess(cells())
    assert quality.flags == ()
    assert quality.contrast == pytest.approx(100, abs=10)
    assert quality.background == pytest.approx(222, abs=5)


@pytest.mark.parametrize("shade", [255, 230, 0])
def test_empty_fields_are_blank(shade: int) -> None:
    noise = np.random.default_rng(0).normal(0, 1.5, (300, 300, 3))
    for pixels in (np.full((300, 300, 3), shade), np.clip(shade + noise, 0, 255)):
        assert QualityFlag.BLANK in assess(pixels.astype(np.uint8)).flags


def test_light_and_contrast() -> None:
    assert assess(cells(60, 20)).flags == (QualityFlag.UNDEREXPOSED,)
    assert assess(cells(255, 205)).flags == (QualityFlag.OVEREXPOSED,)
    assert assess(cells(200, 178)).flags == (QualityFlag.LOW_CONTRAST,)


def test_blur_is_seen_at_any_contrast() -> None:
    for pixels in (cells(), cells(200, 150)):
        assert QualityFlag.OUT_OF_FOCUS in assess(blurred(pixels, 4)).flags


@pytest.mark.parametrize("shape", [(1, 1), (32, 20), (20, 700)])
def test_any_shape_is_judged(shape: tuple[int, int]) -> None:
    assert assess(np.zeros((*shape, 3), np.uint8)).flags


# px of a red cell in each set; the fields are judged at 35 px
@pytest.mark.parametrize(
    ("name", "red_cell"), [("bccd/JPEGImages", 92), ("allidb_validation/images", 70), ("apml", 50)]
)
def test_real_fields_are_in_focus_until_blurred(shared_data: Path, name: str, red_cell: float) -> None:
    for path in sorted((shared_data / "fields" / name).glob("*.jpg"))[3:30:9]:
        pixels = resample(decode(path.read_bytes()).pixels, 35 / red_cell)
        assert assess(pixels).flags == ()
        assert assess(blurred(pixels, 3.5)).flags == (QualityFlag.OUT_OF_FOCUS,)
