"""The scale of images that do not state it, measured on the cells themselves.

Depending on the microscope, leukocytes are 20 to 250 pixels wide. The detector is run at a series of guessed
scales; at the right one, what it finds is surest and of the size it was trained on. How much it finds says
little: enlarged too far, the lobes of one nucleus are several cells.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import uniform_filter

from marrowscope.imaging.red_cells import RED_CELL_UM, Estimate, red_cell_diameter_px
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import detect_field

PLAUSIBLE_MPP = (0.04, 0.6)
"""What may be measured; a scale beyond these (a 160x or a 10x objective) must be stated."""

LADDER_MPP = (0.05, 0.1, 0.2, 0.4, 0.8)  # red cells of 5 to 80 pixels
_REGION_PIXELS = 1_000_000  # working-scale pixels searched per guess
_SURE = 0.5  # confidence from which a box is evidence of a scale
_SURE_OF_RED_CELLS = 0.3  # lower confidence comes from a few bubbles or platelets taken for red cells
_SPREAD = 0.35  # standard deviation of log size among leukocytes and guesses


@dataclass(frozen=True)
class ScaleEvidence:
    """An estimate of a scale.

    Attributes
    ----------
    mpp : micrometres per pixel
    weight : confidence of what is behind it, summed where that is cells
    fit : how well cells behind it fit on average, from 0 to 1
    """

    mpp: float
    weight: float
    fit: float = 1.0


def scale_from_cells(detector: Detector, pixels: npt.NDArray[np.uint8]) -> ScaleEvidence | None:
    """Estimate micrometres per pixel from the leukocytes of a field; None if it has none."""
    guesses = [cells_at_scale(detector, pixels, mpp) for mpp in LADDER_MPP]
    best = max((g for g in guesses if g is not None), key=lambda g: g.fit, default=None)
    if best is None:
        return None
    return cells_at_scale(detector, pixels, best.mpp) or best


def mpp_from_red_cells(images: Iterable[npt.NDArray[np.uint8]]) -> float | None:
    """Estimate micrometres per pixel from the red cells of fields (H, W, 3) from one camera, else None."""
    found = scale_from_red_cells(red_cell_diameter_px(*images))
    return None if found is None else found.mpp


def scale_from_red_cells(diameter_px: Estimate | None) -> ScaleEvidence | None:
    """Return the scale by a red cell's diameter, None where that is unsure or no microscope's."""
    if diameter_px is None or diameter_px.confidence < _SURE_OF_RED_CELLS:
        return None
    mpp = RED_CELL_UM / diameter_px.value
    low, high = PLAUSIBLE_MPP
    return ScaleEvidence(mpp, diameter_px.confidence) if low <= mpp <= high else None


def combine(evidence: Sequence[ScaleEvidence]) -> float | None:
    """Return the weighted median of the estimates of several fields, None if there is none."""
    if not evidence:
        return None
    ordered = sorted(evidence, key=lambda e: e.mpp)
    weights = np.cumsum([e.weight for e in ordered])
    return ordered[int(np.searchsorted(weights, weights[-1] / 2))].mpp


def cells_at_scale(detector: Detector, pixels: npt.NDArray[np.uint8], mpp: float) -> ScaleEvidence | None:
    """Find leukocytes at a guessed scale and better it by their size.

    None where no leukocyte is found.
    """
    region = _busiest_region(pixels, side=int((_REGION_PIXELS**0.5) * detector.settings.working_mpp / mpp))
    found = detect_field(detector, region, mpp, _SURE)
    if not len(found):
        return None
    sides = np.sqrt(np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1))
    in_network = sides * mpp / detector.settings.working_mpp
    off = np.log(in_network / detector.settings.typical_cell_px)
    fit = found.scores * np.exp(-(off**2) / (2 * _SPREAD**2))
    if fit.sum() < _SURE / 2:
        return None
    middle = float(np.exp(np.average(off, weights=fit)))
    return ScaleEvidence(mpp=mpp / middle, weight=float(fit.sum()), fit=float(fit.mean()))


def _busiest_region(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Return the square of `side` pixels with the most dark purple, the colour of nuclei."""
    height, width = pixels.shape[:2]
    if side >= max(height, width):
        return pixels
    shrink = max(height, width) / 256
    small = Image.fromarray(pixels).resize(
        (max(round(width / shrink), 1), max(round(height / shrink), 1)),
        Image.Resampling.BILINEAR,
        reducing_gap=2,
    )
    red, green, blue = np.moveaxis(np.asarray(small, np.float32), -1, 0)
    purple = np.clip(np.minimum(red, blue) - green, 0, None)
    window = max(round(side / shrink), 1)
    y, x = np.unravel_index(uniform_filter(purple, window, mode="constant").argmax(), purple.shape)
    left = int(np.clip(x * shrink - side / 2, 0, max(width - side, 0)))
    top = int(np.clip(y * shrink - side / 2, 0, max(height - side, 0)))
    return pixels[top : top + side, left : left + side]
