"""Leukocytes by Otsu's threshold and watershed, as textbooks find them (scikit-image)."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

_NUCLEUS = 0.15  # of the side of the largest purple spot: two peaks nearer than that are of one nucleus
_SPECK = 0.1  # of its area


def otsu_and_watershed(
    pixels: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Find what is purple, by Otsu's threshold; spots that touch are cut between peaks of their distance map.

    The score of a spot is its area, relative to the largest.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.float32), -1, 0)
    purple = ndimage.gaussian_filter(np.clip(np.minimum(red, blue) - green, 0, None), 2)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    if purple.max() == purple.min():
        return none
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(purple > threshold_otsu(purple), iterations=2))
    labels, number = ndimage.label(mask)
    if not number:
        return none
    largest = float(np.bincount(labels.ravel())[1:].max())
    distance = ndimage.distance_transform_edt(mask)
    apart = max(3, round(_NUCLEUS * largest**0.5))
    peaks = peak_local_max(distance, min_distance=apart, labels=labels)
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    parts = watershed(-distance, markers, mask=mask)
    areas = np.bincount(parts.ravel(), minlength=len(peaks) + 1)
    boxes, scores = [], []
    for number, place in enumerate(ndimage.find_objects(parts), start=1):
        if place is not None and areas[number] >= _SPECK * largest:
            rows, columns = place
            boxes.append((columns.start, rows.start, columns.stop, rows.stop))
            scores.append(areas[number] / largest)
    return np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float32)
