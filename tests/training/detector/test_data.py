"""Training canvases: boxes stay on their cells however a field is cut, turned and magnified."""

import numpy as np
import pytest
from PIL import Image

from marrowscope.training.detector import data
from marrowscope.training.detector.augment import vary
from marrowscope.training.detector.data import (
    CachedField,
    Canvas,
    CanvasSampler,
    FieldPool,
    as_batch,
    cached,
    cut_to_frame,
    draw_zoom,
    turn,
)
from marrowscope.training.detector.sources import synthetic_pool

pytestmark = pytest.mark.train


def field_with_squares(width: int = 200, height: int = 150) -> CachedField:
    """A white field with black squares at known places, at 0.1 micrometres per pixel."""
    pixels = np.full((height, width, 3), 255, dtype=np.uint8)
    boxes = np.array([[20, 30, 60, 70], [120, 80, 160, 120]], dtype=np.float32)
    for x0, y0, x1, y1 in boxes.astype(int):
        pixels[y0:y1, x0:x1] = 0
    return cached(pixels, boxes, np.zeros(2, dtype=bool), mpp=0.1)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_of_a_mosaic_hold_the_cells_and_nothing_else_does(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "vary", lambda pixels, rng: pixels)
    sampler = CanvasSampler([FieldPool((field_with_squares(),), 1.0, (0.45, 2.0))])
    canvas = sampler.draw(np.random.default_rng(seed), 320)
    dark = canvas.pixels[..., 0] < 60
    covered = np.zeros_like(dark)
    for box in canvas.boxes:
        x0, y0, x1, y1 = box
        inside = dark[int(np.ceil(y0)) : int(y1), int(np.ceil(x0)) : int(x1)]
        assert inside.size < 30 or inside.mean() > 0.75
        covered[max(0, int(y0) - 2) : int(y1) + 3, max(0, int(x0) - 2) : int(x1) + 3] = True
    assert not (dark & ~covered).any(axis=1).sum() > 4  # slivers below 3 % visible carry no box


def test_the_same_seed_gives_the_same_canvas() -> None:
    sampler = CanvasSampler([FieldPool((field_with_squares(),), 1.0, (0.45, 2.0))])
    first, second = (sampler.draw(np.random.default_rng(3), 128) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.boxes, second.boxes)


def test_composites_come_in_the_wanted_share() -> None:
    class Black:
        calls = 0

        def compose(
            self, rng: np.random.Generator, size_px: int, mpp: float
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            self.calls += 1
            return np.zeros((size_px, size_px, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, bool)

    composer = Black()
    sampler = CanvasSampler(
        [FieldPool((field_with_squares(),), 1.0, (1.0, 1.0))], composer, composite_share=0.5
    )
    for seed in range(60):
        sampler.draw(np.random.default_rng(seed), 64)
    assert 18 <= composer.calls <= 42


def test_hardly_visible_cells_are_flagged_and_invisible_ones_dropped() -> None:
    boxes = np.array([[-5, 0, 5, 10], [-9, 0, 1, 10], [-30, 0, -20, 10], [2, 2, 6, 6]], dtype=np.float32)
    kept, ignore = cut_to_frame(
        boxes, np.array([False, False, False, True]), np.array([0, 0, 20, 20], np.float32)
    )
    assert kept.tolist() == [[0, 0, 5, 10], [0, 0, 1, 10], [2, 2, 6, 6]]
    assert ignore.tolist() == [False, True, True]


@pytest.mark.parametrize("quarter_turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_boxes_stay_on_their_cell(quarter_turns: int, mirror: bool) -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[5:15, 20:26] = 255
    canvas = Canvas(pixels, np.array([[20, 5, 26, 15]], np.float32), np.zeros(1, bool))
    turned = turn(canvas, quarter_turns, mirror)
    x0, y0, x1, y1 = turned.boxes[0].astype(int)
    assert (turned.pixels[y0:y1, x0:x1] == 255).all()
    assert turned.pixels.sum() == pixels.sum()
    assert (x1 - x0) * (y1 - y0) == 60


def test_a_fine_field_is_cached_coarser_and_a_coarse_one_as_it_is() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    boxes, flags = np.array([[20, 10, 40, 30]], np.float32), np.zeros(1, bool)
    fine = cached(pixels, boxes, flags, mpp=0.05)
    assert fine.image.size == (100, 50)
    assert fine.boxes.tolist() == [[10, 5, 20, 15]]
    assert fine.mpp == pytest.approx(0.10)
    assert cached(pixels, boxes, flags, mpp=0.5).image.size == (200, 100)


def test_magnifications_stay_in_range_and_mostly_near_one() -> None:
    rng = np.random.default_rng(0)
    zooms = np.array([draw_zoom(rng) for _ in range(500)])
    assert zooms.min() >= 0.45
    assert zooms.max() <= 2.0
    assert ((zooms > 0.6) & (zooms < 1.6)).mean() > 0.75


def test_variation_keeps_shape_and_changes_colour() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    changed = [vary(pixels, np.random.default_rng(seed)) for seed in range(20)]
    assert all(one.shape == pixels.shape and one.dtype == np.uint8 for one in changed)
    assert sum(not np.array_equal(one, pixels) for one in changed) > 10


def test_a_batch_is_bgr_and_keeps_the_targets() -> None:
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[..., 0] = 200
    canvas = Canvas(pixels, np.array([[1, 2, 3, 4]], np.float32), np.array([True]))
    images, targets = as_batch([canvas, canvas])
    assert images.shape == (2, 3, 32, 32)
    assert images[0, :, 0, 0].tolist() == [0.0, 0.0, 200.0]
    assert targets[1].boxes.tolist() == [[1, 2, 3, 4]]
    assert targets[1].ignore.tolist() == [True]


def test_a_cached_field_is_an_image_in_memory() -> None:
    assert isinstance(field_with_squares().image, Image.Image)


def test_synthetic_fields_are_drawn_with_their_cells() -> None:
    pool = synthetic_pool(0.3, seed=5, count=2)
    again = synthetic_pool(0.3, seed=5, count=2)
    assert pool.weight == 0.3
    assert [len(field.boxes) for field in pool.fields] == [len(field.boxes) for field in again.fields]
    assert np.array_equal(np.asarray(pool.fields[1].image), np.asarray(again.fields[1].image))
