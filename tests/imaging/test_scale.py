"""The ruler and the scale: known circles, real fields, half and double size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import ndimage

from marrowscope.imaging.files.decode import decode
from marrowscope.imaging.red_cells import red_cell_diameter_px
from marrowscope.imaging.scale import resample

BACKGROUND, RED, NUCLEUS = (225, 215, 220), (175, 130, 145), (90, 40, 130)


def smear(diameter: float, side: int = 0, nuclei: int = 0, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Red cells with pale centres at random, and some larger nuclei; by default up to 440 px wide."""
    side = side or int(min(12 * diameter, 440))
    rng = np.random.default_rng(seed)
    grid = np.arange(side, dtype=np.float32)
    density = np.zeros((side, side), np.float32)
    for _ in range(int(0.4 * side**2 / diameter**2)):
        density += red_cell(grid, diameter, *rng.uniform(0, side, 2))
    paint = np.log(np.array(BACKGROUND) / np.array(RED))
    pixels = np.array(BACKGROUND) * np.exp(-density[..., None] * paint)
    for _ in range(nuclei):
        x, y = rng.uniform(0, side, 2)
        pixels[np.hypot(grid - x, grid[:, None] - y) < 0.8 * diameter] = NUCLEUS
    pixels = ndimage.gaussian_filter(pixels, (0.8, 0.8, 0)) + rng.normal(0, 2, pixels.shape)
    return np.asarray(np.clip(pixels, 0, 255), np.uint8)


def red_cell(grid: npt.NDArray[np.float32], diameter: float, x: float, y: float) -> npt.NDArray[np.float32]:
    """Relative density of one disc that is paler in its middle."""
    distance = np.hypot(grid - x, grid[:, None] - y)
    disc = np.clip(diameter / 2 - distance + 0.5, 0, 1)
    return np.asarray(disc * (1 - 0.6 * np.exp(-((distance / (0.25 * diameter)) ** 2))), np.float32)


@pytest.mark.parametrize("diameter", [9, 17, 30, 44, 63])
def test_known_diameters_are_measured(diameter: int) -> None:
    estimate = red_cell_diameter_px(smear(diameter))
    assert estimate is not None
    assert estimate.value == pytest.approx(diameter, rel=0.08)
    assert 0 < estimate.confidence <= 1
    assert estimate.n_cells >= 5


def test_nuclei_are_no_red_cells() -> None:
    estimate = red_cell_diameter_px(smear(36, nuclei=12))
    assert estimate is not None
    assert estimate.value == pytest.approx(36, rel=0.1)
    y, x = np.mgrid[0:400, 0:400]
    alone = np.full((400, 400, 3), BACKGROUND, np.uint8)
    for row in range(40, 400, 80):
        for column in range(40, 400, 80):
            alone[np.hypot(x - column, y - row) < 30] = NUCLEUS
    assert red_cell_diameter_px(alone) is None


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (40, 900), (300, 300)])
def test_fields_without_red_cells_give_none(shape: tuple[int, int]) -> None:
    assert red_cell_diameter_px(np.full((*shape, 3), 255, np.uint8)) is None
    rng = np.random.default_rng(0)
    noise = np.clip(rng.normal(220, 4, (*shape, 3)), 0, 255).astype(np.uint8)
    assert red_cell_diameter_px(noise) is None


@pytest.mark.parametrize("name", ["bccd/JPEGImages", "allidb_validation/images", "chula_background", "apml"])
def test_half_and_double_size_halve_and_double_it(shared_data: Path, name: str) -> None:
    path = sorted((shared_data / "fields" / name).glob("*.jpg"))[4]
    pixels = decode(path.read_bytes()).pixels[:640, :640]
    whole = red_cell_diameter_px(pixels)
    half = red_cell_diameter_px(resample(pixels, 0.5))
    double = red_cell_diameter_px(resample(pixels, 2.0))
    assert whole is not None
    assert half is not None
    assert double is not None
    assert half.value * 2 == pytest.approx(whole.value, rel=0.1)
    assert double.value / 2 == pytest.approx(whole.value, rel=0.1)


# Medians of each set's own red cells: what one microscope shows varies less than a third from field to field.
@pytest.mark.parametrize(
    ("name", "diameter"),
    [("bccd/JPEGImages", 92), ("allidb_validation/images", 70), ("chula_background", 43)],
)
def test_fields_of_one_microscope_agree(shared_data: Path, name: str, diameter: float) -> None:
    paths = sorted((shared_data / "fields" / name).glob("*.jpg"))[::30][:2]
    found = [red_cell_diameter_px(decode(path.read_bytes()).pixels) for path in paths]
    values = [estimate.value for estimate in found if estimate is not None]
    assert values
    assert all(diameter / 1.3 < value < diameter * 1.3 for value in values)


def test_resample_changes_the_size_and_keeps_the_mean() -> None:
    pixels = smear(30, side=200)
    for factor in (0.07, 0.5, 0.83, 1.7, 2.0):
        scaled = resample(pixels, factor)
        assert scaled.shape == (round(200 * factor), round(200 * factor), 3)
        assert scaled.dtype == np.uint8
        assert abs(scaled.mean() - pixels.mean()) < 1.5
    assert resample(pixels, 1.0) is pixels
    assert resample(pixels, 1e-6).shape == (1, 1, 3)


def test_resample_does_not_alias() -> None:
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(resample(stripes, 0.3)[5:-5, 5:-5].astype(int)) < 12


def test_resample_is_close_to_the_exact_filter() -> None:
    pixels = smear(30, side=300)
    exact = np.asarray(Image.fromarray(pixels).resize((66, 66), Image.Resampling.LANCZOS))
    assert np.abs(resample(pixels, 0.22).astype(int) - exact).mean() < 1.5


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
def test_resample_refuses_nonsense(factor: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        resample(np.zeros((4, 4, 3), np.uint8), factor)
