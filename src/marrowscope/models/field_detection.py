"""Detection of leukocytes in a whole field: resampled, tiled, and the tiles' detections merged."""

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import Detections
from marrowscope.domain.geometry import Boxes, cut_by_tile, overlaps, suppress
from marrowscope.imaging.scale import resample
from marrowscope.imaging.tiles import tile_grid
from marrowscope.models.detector import STRIDES, Detector

Pixels = npt.NDArray[np.uint8]

LEAST_SCORE = 0.1
"""Least confidence of the box of a cell that is known to be there."""

_CUT_MARGIN_PX = 2.0  # a box this close to an inner edge of its tile is taken as cut
_MOST_SCALED_PIXELS = 2_000_000_000  # if the scaled image were larger, the scale must be wrong
_SAME_CELL = 0.3  # overlap of a found box and a drawn one, which may follow the dark stain alone


def detect_field(
    detector: Detector,
    pixels: Pixels,
    mpp: float,
    score_threshold: float | None = None,
) -> Detections:
    """Find the leukocytes of one field.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 RGB, original image
    mpp : its micrometres per pixel
    score_threshold : least confidence, by default that of the bundle

    Returns
    -------
    Detections in pixels of the original image, most confident first
    """
    seen = at_working_scale(detector, pixels, mpp)
    return detect_scaled(detector, seen, (pixels.shape[1], pixels.shape[0]), score_threshold)


def at_working_scale(detector: Detector, pixels: Pixels, mpp: float) -> Pixels:
    """Return a field (H, W, 3) uint8 RGB of `mpp` micrometres per pixel at the detector's working scale."""
    factor = mpp / detector.settings.working_mpp
    height, width = (max(round(side * factor), 1) for side in pixels.shape[:2])
    if height * width > _MOST_SCALED_PIXELS:
        raise ValueError(f"at {mpp:g} µm per pixel this image would be {width} x {height} pixels")
    return resample(pixels, factor)


def detect_scaled(
    detector: Detector, seen: Pixels, original: tuple[int, int], score_threshold: float | None = None
) -> Detections:
    """Find the leukocytes of a field at working scale.

    As tiles overlap by more than a cell, a cell cut by one tile is complete in the next, and the complete box
    replaces the cut one.

    Parameters
    ----------
    seen : what `at_working_scale` returned
    original : width and height of the original image in pixels
    score_threshold : least confidence, by default that of the bundle

    Returns
    -------
    Detections in pixels of the original image, most confident first
    """
    settings = detector.settings
    size = seen.shape[1], seen.shape[0]
    boxes, scores, cut = [], [], []
    for tile in tile_grid(*size, settings.tile_px, settings.overlap_px, STRIDES[-1]):
        found = detector(seen[tile.y0 : tile.y1, tile.x0 : tile.x1], score_threshold)
        shifted = found.boxes + np.asarray([tile.x0, tile.y0, tile.x0, tile.y0], np.float32)
        inner = (float(tile.x0), float(tile.y0), float(tile.x1), float(tile.y1))
        boxes.append(shifted)
        scores.append(found.scores)
        cut.append(cut_by_tile(shifted, inner, size, _CUT_MARGIN_PX))
    all_boxes, all_scores = np.concatenate(boxes), np.concatenate(scores)
    # The ranks put all complete boxes before all cut ones; the scores stay unchanged.
    ranks = np.asarray(all_scores - np.concatenate(cut), np.float32)
    kept = suppress(all_boxes, ranks, settings.nms_iou, settings.nms_ios)
    kept = kept[np.argsort(-all_scores[kept], kind="stable")]
    back = np.asarray([original[0] / size[0], original[1] / size[1]] * 2, np.float32)
    return Detections(all_boxes[kept] * back, all_scores[kept])


def as_found(detector: Detector, pixels: Pixels, mpp: float, drawn: Boxes) -> Boxes:
    """Return the detector's boxes of cells whose boxes (n, 4) were drawn; the drawn ones where it has none.

    Cells are named by boxes of the detector, whose margins differ from those that people draw. Every box is
    taken, however unsure: that there is a cell is known.
    """
    found = detect_field(detector, pixels, mpp, LEAST_SCORE).boxes
    if not len(found) or not len(drawn):
        return drawn
    overlap = overlaps(found, drawn)[0]
    best = np.asarray(found[overlap.argmax(axis=0)], np.float32)
    return np.where((overlap.max(axis=0) >= _SAME_CELL)[:, None], best, drawn)
