"""The one cell that an image of a single cell is about: the one in its middle, never a neighbour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from marrowscope.domain.cells import Detections
from marrowscope.domain.geometry import box_of
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import LEAST_SCORE, detect_field

_TYPICAL_UM = 13.0
"""Usual longer side of a leukocyte's box on a smear."""

_MARGIN = 0.2
"""Repeated border round an image, as a share of its side: cells that touch the border are found whole."""

_BLACK = 12  # 0-255, darker than any stain
_LEAST_BLACK = 0.2  # share of an image round a cell that was cut out
_EMPTY_SLIDE = (232, 228, 234)

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Box = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SingleCell:
    """The cell of one image.

    Attributes
    ----------
    pixels : (H, W, 3) uint8 RGB, the image; where a cell was cut out on black, it lies on an empty slide
    box : (4,) float32 xyxy in pixels; may reach a little over the image's border
    score : the detector's confidence; 1 where the outline is known, 0 where no cell was found and the box is
        the image's middle half
    outline : (H, W) bool, the cell; None where it was not cut out
    """

    pixels: Pixels
    box: Box
    score: float
    outline: Mask | None = None

    @property
    def is_found(self) -> bool:
        """Whether there is a cell in the middle."""
        return self.score > 0


def find_single_cell(detector: Detector, pixels: Pixels, mpp: float | None) -> SingleCell:
    """Find the cell in the middle of an image of a single cell.

    Parameters
    ----------
    detector : of a bundle
    pixels : (H, W, 3) uint8 RGB
    mpp : micrometres per pixel; None where it is not known: the cell is then taken to fill half of the image
    """
    outline = _cut_out(pixels)
    if outline is not None:
        laid = np.where(outline[..., None], pixels, np.array(_EMPTY_SLIDE, np.uint8))
        return SingleCell(laid, box_of(outline), 1.0, outline)
    found = _in_the_middle(detector, pixels, mpp or _TYPICAL_UM / (max(pixels.shape[:2]) / 2))
    if not len(found):
        return SingleCell(pixels, _middle_half(pixels), 0.0)
    return SingleCell(pixels, np.asarray(found.boxes[0], np.float32), float(found.scores[0]))


def _in_the_middle(detector: Detector, pixels: Pixels, mpp: float) -> Detections:
    """Return the box that holds the middle, the one centred nearest to it of several; or none."""
    pad = round(_MARGIN * max(pixels.shape[:2]))
    padded = np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    found = detect_field(detector, padded, mpp, LEAST_SCORE)
    boxes = found.boxes - np.float32(pad)
    middle = np.array([pixels.shape[1], pixels.shape[0]], np.float32) / 2
    holds_middle = ((boxes[:, :2] < middle) & (boxes[:, 2:] > middle)).all(axis=1)
    if not holds_middle.any():
        return Detections.empty()
    away = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).sum(axis=1)
    best = int(np.where(holds_middle, away, np.inf).argmin())
    return Detections(boxes[best : best + 1], found.scores[best : best + 1])


def _middle_half(pixels: Pixels) -> Box:
    height, width = pixels.shape[:2]
    return np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height], dtype=np.float32)


def _cut_out(pixels: Pixels) -> Mask | None:
    """Outline a cell that was cut out on black; None for a photograph."""
    black = pixels.max(axis=2) < _BLACK
    corners = black[[0, 0, -1, -1], [0, -1, 0, -1]]
    if not corners.all() or black.mean() < _LEAST_BLACK:
        return None
    labels, number = ndimage.label(~black)
    if not number:
        return None
    parts = np.bincount(labels.ravel())
    parts[0] = 0
    cell: Mask = ndimage.binary_fill_holes(labels == parts.argmax())
    # Its rim is half black.
    inner: Mask = ndimage.binary_erosion(cell, iterations=2)
    return inner if inner.any() else None
