"""The disguise: what it may change, and what it must leave alone."""

import numpy as np
import pytest
from scipy import ndimage

from marrowscope.training.stain import (
    Placement,
    StainRanges,
    draw_placement,
    grain,
    onto_background,
    optical_density,
    place,
    regrained,
    relight,
    restain,
    through_camera,
)

ONES = np.ones(3, dtype=np.float32)


def test_the_empty_background_stays_empty_in_any_stain() -> None:
    density = np.zeros((8, 8, 3), dtype=np.float32)
    for seed in range(20):
        stained = restain(density, ONES * 1.5, StainRanges(), np.random.default_rng(seed))
        np.testing.assert_array_equal(stained, 0)


def test_density_of_the_background_colour_is_zero_and_darker_is_more() -> None:
    pixels = np.array([[[200, 180, 160], [100, 90, 80]]], dtype=np.uint8)
    density = optical_density(pixels, np.array([200, 180, 160], dtype=np.float32))
    np.testing.assert_allclose(density[0, 0], 0, atol=1e-6)
    np.testing.assert_allclose(density[0, 1], np.log(2), atol=0.02)


def test_gain_carries_one_stain_into_another() -> None:
    still = StainRanges(density=0, density_per_channel=0, mixing=0, curve=0)
    density = np.full((4, 4, 3), 0.5, dtype=np.float32)
    gain = np.array([2.0, 1.0, 0.5], dtype=np.float32)
    stained = restain(density, gain, still, np.random.default_rng(0))
    np.testing.assert_allclose(stained[0, 0], [1.0, 0.5, 0.25], rtol=1e-5)


def test_a_cell_covers_its_background_only_inside_the_mask() -> None:
    mask = np.zeros((4, 4), dtype=np.float32)
    mask[1:3, 1:3] = 1
    cell, background = np.full((4, 4, 3), 2.0, np.float32), np.full((4, 4, 3), 0.1, np.float32)
    together = onto_background(cell, mask, background)
    assert (together[1:3, 1:3] == 2.0).all()
    assert together[0, 0, 0] == pytest.approx(0.1)


def test_placing_without_movement_returns_the_middle() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    still = Placement(angle=0.0, zoom=1.0, dx=0.0, dy=0.0, flip=False)
    np.testing.assert_array_equal(place(pixels, still, 1.0, 48), pixels)
    np.testing.assert_array_equal(place(pixels, still, 0.5, 24), pixels[12:36, 12:36])


def test_crop_and_mask_move_together() -> None:
    mask = np.zeros((96, 96), dtype=np.uint8)
    mask[30:50, 40:70] = 255
    picture = np.repeat(mask[..., None], 3, axis=2)
    for seed in range(10):
        placement = draw_placement(np.random.default_rng(seed), (0.8, 1.2), 0.05)
        moved, moved_mask = place(picture, placement, 0.7, 64), place(mask, placement, 0.7, 64)
        apart = np.abs(moved[..., 0].astype(int) - moved_mask)
        assert (apart > 40).mean() < 0.01


def test_light_is_brighter_where_the_cell_is_thinner() -> None:
    density = np.repeat(np.linspace(0, 2, 32, dtype=np.float32)[:, None, None], 32, axis=1).repeat(3, axis=2)
    light = relight(density, StainRanges(), np.random.default_rng(3))
    assert light.min() >= 0
    assert light.max() <= 255
    assert light[0].mean() > light[15].mean() > light[31].mean()


@pytest.mark.parametrize("seed", range(6))
def test_the_camera_keeps_shape_and_is_reproducible(seed: int) -> None:
    light = np.random.default_rng(0).uniform(50, 220, (40, 40, 3)).astype(np.float32)
    first = through_camera(light, StainRanges(), np.random.default_rng(seed))
    again = through_camera(light, StainRanges(), np.random.default_rng(seed))
    assert first.shape == (40, 40, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert abs(float(first.mean()) - float(light.mean())) < 12


def test_grain_is_brought_to_the_level_asked_for() -> None:
    rng = np.random.default_rng(0)
    rows, columns = np.indices((96, 96))
    mask = ((rows - 48) ** 2 + (columns - 48) ** 2 < 34**2).astype(np.float32)
    for crispness in (0.1, 0.4):
        noise = ndimage.gaussian_filter(rng.standard_normal((96, 96)), 0.8)
        density = (1.0 + crispness * noise / noise.std())[..., None].repeat(3, axis=2).astype(np.float32)
        before = grain(density, mask)
        for target in (0.06, 0.15):
            after = grain(regrained(density, mask, target), mask)
            assert abs(np.log(after / target)) < max(0.75 * abs(np.log(before / target)), 0.35)


def test_a_speck_has_no_grain_and_is_left_alone() -> None:
    density = np.ones((32, 32, 3), dtype=np.float32)
    mask = np.zeros((32, 32), dtype=np.float32)
    assert np.isnan(grain(density, mask))
    assert regrained(density, mask, 0.1) is density
