"""Boxes: overlap, suppression, borders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from marrowscope.domain.geometry import (
    Boxes,
    Scores,
    areas,
    box_of,
    cut_by_tile,
    overlaps,
    pair_by_overlap,
    suppress,
    touching_border,
    turned,
    turned_back,
)


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    return np.asarray(rows, np.float32).reshape(-1, 4)


coordinates = arrays(np.float32, (12, 4), elements=st.floats(0, 100, width=32))


def test_overlap_of_known_boxes() -> None:
    iou, ios = overlaps(boxes((0, 0, 10, 10)), boxes((5, 0, 15, 10), (0, 0, 5, 5), (20, 20, 30, 30)))
    np.testing.assert_allclose(iou[0], [50 / 150, 25 / 100, 0], rtol=1e-6)
    np.testing.assert_allclose(ios[0], [0.5, 1.0, 0], rtol=1e-6)


@given(coordinates, coordinates)
def test_overlaps_are_shares(a: Boxes, b: Boxes) -> None:
    iou, ios = overlaps(a, b)
    assert (iou >= 0).all()
    assert (iou <= ios + 1e-4).all()
    np.testing.assert_allclose(iou.T, overlaps(b, a)[0], atol=1e-6)


def test_boxes_are_paired_one_to_one_the_best_overlap_first() -> None:
    ours = boxes((0, 0, 10, 10), (2, 0, 12, 10), (50, 50, 60, 60))
    theirs = boxes((2, 0, 12, 10), (53, 50, 63, 60), (80, 80, 90, 90))
    assert sorted(pair_by_overlap(ours, theirs, 0.5)) == [(1, 0), (2, 1)]
    assert sorted(pair_by_overlap(ours, theirs, 0.6)) == [(1, 0)]
    assert pair_by_overlap(ours, boxes(), 0.5) == pair_by_overlap(boxes(), theirs, 0.5) == []


def test_suppression_keeps_the_best_of_a_pile_and_lone_boxes() -> None:
    pile = boxes((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60))
    assert suppress(pile, np.asarray([0.5, 0.9, 0.3], np.float32), 0.5).tolist() == [1, 2]


def test_a_part_inside_the_whole_falls_only_by_the_smaller_area_test() -> None:
    whole_and_part = boxes((0, 0, 20, 20), (0, 0, 20, 8))
    scores = np.asarray([0.9, 0.8], np.float32)
    assert len(suppress(whole_and_part, scores, 0.5)) == 2
    assert suppress(whole_and_part, scores, 0.5, 0.7).tolist() == [0]


@given(coordinates, arrays(np.float32, 12, elements=st.floats(0, 1, width=32)))
def test_what_is_kept_does_not_overlap(rows: Boxes, scores: Scores) -> None:
    ordered = np.concatenate([np.minimum(rows[:, :2], rows[:, 2:]), np.maximum(rows[:, :2], rows[:, 2:])], 1)
    kept = ordered[suppress(ordered, scores, 0.5, 0.7)]
    iou, ios = overlaps(kept, kept)
    off = ~np.eye(len(kept), dtype=bool)
    assert (iou[off] <= 0.5).all()
    assert (ios[off] <= 0.7).all()


def test_nothing_to_suppress() -> None:
    assert len(suppress(boxes(), np.zeros(0, np.float32), 0.5)) == 0
    assert areas(boxes((5, 5, 2, 9))).tolist() == [0]


def test_borders_of_image_and_tile() -> None:
    rows = boxes((0, 40, 10, 60), (40, 40, 60, 60), (45, 40, 50, 60), (90, 40, 100, 60))
    assert touching_border(rows, (0, 0, 100, 100), 1).tolist() == [True, False, False, True]
    assert touching_border(rows, (0, 40, 100, 100), 1).tolist() == [True, True, True, True]
    assert touching_border(rows, (0, 38, 61, 62), 1).tolist() == [True, True, False, True]
    tile = (0.0, 0.0, 50.0, 100.0)
    assert cut_by_tile(rows[[0, 2]], tile, (100.0, 100.0), 1).tolist() == [False, True]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_pixels_do(orientation: int) -> None:
    """Pillow's own `exif_transpose` is the judge."""
    pixels = np.zeros((30, 50), np.uint8)
    pixels[4:9, 7:20] = 255
    stored = Image.fromarray(pixels)
    stored.getexif()[274] = orientation
    turned_picture = ImageOps.exif_transpose(stored)
    assert turned_picture is not None
    upright = np.asarray(turned_picture) > 0
    box = np.array([[7, 4, 20, 9]], np.float32)
    found = turned(box, 50, 30, orientation)
    assert found[0].tolist() == box_of(upright).tolist()
    height, width = upright.shape
    assert turned_back(found, width, height, orientation)[0].tolist() == box[0].tolist()
