"""Detection of leukocytes in a whole field: resampled, tiled, and the tiles' detections merged."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.domain.cells import Detections
from marrowscope.domain.geometry import Boxes, cut_by_tile, overlaps, suppress
from marrowscope.imaging.tiles import Tile, tile_grid
from marrowscope.models.detector import Detector

LEAST_SCORE = 0.1
"""Least confidence of the box of a cell that is known to be there."""

_CUT_MARGIN_PX = 2.0  # a box this close to an inner edge of its tile is taken as cut
_MOST_SCALED_PIXELS = 2_000_000_000  # if the scaled image were larger, the scale must be wrong
_SAME_CELL = 0.3  # overlap of a found box and a drawn one, which may follow the dark stain alone


def detect_field(
    detector: Detector,
    pixels: npt.NDArray[np.uint8],
    mpp: float,
    score_threshold: float | None = None,
) -> Detections:
    """Find the leukocytes of one field.

    Tiles are resampled one by one, so that hardly more memory is needed than for the image itself. As tiles
    overlap by more than a cell, a cell cut by one tile is complete in the next, and the complete box replaces
    the cut one.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 RGB, original image
    mpp : its micrometres per pixel
    score_threshold : least confidence, by default that of the bundle

    Returns
    -------
    Detections in pixels of the original image, most confident first
    """
    settings = detector.settings
    image = Image.fromarray(pixels)
    factor = mpp / settings.working_mpp
    size = tuple(max(round(side * factor), 1) for side in image.size)
    if size[0] * size[1] > _MOST_SCALED_PIXELS:
        raise ValueError(f"at {mpp:g} µm per pixel this image would be {size[0]} x {size[1]} pixels")
    boxes, scores, cut = [], [], []
    for tile, found in _tiles(detector, image, (size[0], size[1]), score_threshold):
        shifted = found.boxes + np.asarray([tile.x0, tile.y0, tile.x0, tile.y0], np.float32)
        inner = (float(tile.x0), float(tile.y0), float(tile.x1), float(tile.y1))
        boxes.append(shifted)
        scores.append(found.scores)
        cut.append(cut_by_tile(shifted, inner, (size[0], size[1]), _CUT_MARGIN_PX))
    all_boxes, all_scores = np.concatenate(boxes), np.concatenate(scores)
    # The ranks put all complete boxes before all cut ones; the scores stay unchanged.
    ranks = np.asarray(all_scores - np.concatenate(cut), np.float32)
    kept = suppress(all_boxes, ranks, settings.nms_iou, settings.nms_ios)
    kept = kept[np.argsort(-all_scores[kept], kind="stable")]
    back = np.asarray([image.width / size[0], image.height / size[1]] * 2, np.float32)
    return Detections(all_boxes[kept] * back, all_scores[kept])


def as_found(detector: Detector, pixels: npt.NDArray[np.uint8], mpp: float, drawn: Boxes) -> Boxes:
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


def _tiles(
    detector: Detector, image: Image.Image, size: tuple[int, int], score_threshold: float | None
) -> Iterator[tuple[Tile, Detections]]:
    settings = detector.settings
    across, down = image.width / size[0], image.height / size[1]
    for tile in tile_grid(size[0], size[1], settings.tile_px, settings.overlap_px):
        source = (tile.x0 * across, tile.y0 * down, tile.x1 * across, tile.y1 * down)
        source = (source[0], source[1], min(source[2], image.width), min(source[3], image.height))
        # The same filters as in `imaging.scale.resample`, which scales the training fields.
        kernel = Image.Resampling.LANCZOS if across > 1 else Image.Resampling.BICUBIC
        scaled = image.resize((tile.x1 - tile.x0, tile.y1 - tile.y0), kernel, box=source, reducing_gap=2.0)
        yield tile, detector(np.asarray(scaled), score_threshold)
