"""Fields larger than the network's input: no cell lost, none counted twice."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from scipy import ndimage

from marrowscope.domain.cells import Detections
from marrowscope.models.bundle import DetectorSettings, load_bundle
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import detect_field

SETTINGS: DetectorSettings = replace(load_bundle().detector, tile_px=160, overlap_px=64)


def finds_discs(pixels: np.ndarray, score_threshold: float | None = None) -> Detections:
    """Stand in for the network: box every dark blob of a tile, cut ones too, with a lower score."""
    labels, _ = ndimage.label(pixels[:, :, 1] < 128)
    boxes = [(s[1].start, s[0].start, s[1].stop, s[0].stop) for s in ndimage.find_objects(labels)]
    scores = [0.5 + 0.4 * min((b[2] - b[0]) * (b[3] - b[1]) / 900, 1) for b in boxes]
    return Detections(np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float32))


class _Stub:
    settings = SETTINGS

    def __call__(self, pixels: np.ndarray, score_threshold: float | None = None) -> Detections:
        return finds_discs(pixels)


stub = cast("Detector", _Stub())


def discs(width: int, height: int, centres: list[tuple[int, int]], radius: int) -> np.ndarray:
    ys, xs = np.mgrid[:height, :width]
    pixels = np.full((height, width, 3), 230, np.uint8)
    for x, y in centres:
        pixels[(xs - x) ** 2 + (ys - y) ** 2 <= radius**2] = 60
    return pixels


@pytest.mark.parametrize("offset", range(0, 96, 12))
def test_a_disc_is_found_once_wherever_it_lies(offset: int) -> None:
    centres = [(60 + offset + 90 * i, 60 + offset + 90 * j) for i in range(4) for j in range(3)]
    pixels = discs(520, 420, centres, 14)
    found = detect_field(stub, pixels, mpp=SETTINGS.working_mpp)
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    assert len(found) == len(centres)
    for x, y in centres:
        assert np.abs(middles - (x, y)).sum(axis=1).min() < 3


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_boxes_come_back_in_pixels_of_the_original(factor: float) -> None:
    radius = int(16 / factor)
    pixels = discs(int(400 / factor), int(300 / factor), [(int(200 / factor), int(150 / factor))], radius)
    found = detect_field(stub, pixels, mpp=SETTINGS.working_mpp * factor)
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0, 2:] - found.boxes[0, :2], 2 * radius + 1, atol=2 / factor + 1)


def test_an_absurd_scale_is_refused_before_memory_is_spent() -> None:
    with pytest.raises(ValueError, match="µm per pixel"):
        detect_field(stub, discs(2000, 2000, [], 1), mpp=5.0)


def test_an_empty_field_has_no_cells() -> None:
    assert len(detect_field(stub, discs(300, 200, [], 5), mpp=0.2)) == 0
