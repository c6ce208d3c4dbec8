"""What lies behind and around the cells: the slide's colour, where it ends, and bands that are no picture."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_FEWEST_OUTSIDE_PX = 50  # pixels outside a mask from which a colour can be told
_SAME_COLOUR = 8  # levels by which JPEG changes a band of one colour
_OTHER_COLOUR = 16
_PICTURE = 0.4  # part of a line with other colours from which it belongs to the picture
_SOFT_PX = 8  # a block of JPEG, in which band and picture mix
_LEAST_BAND_PX = 3


def slide_colour(pixels: Pixels | Floats) -> Floats:
    """(3,) colour, 0-255, of the empty slide in an (H, W, 3) picture: the most frequent bright colour."""
    light = pixels[..., 0].astype(np.float32) + pixels[..., 1] + pixels[..., 2]
    counts, edges = np.histogram(light, bins=64, range=(0, 765))
    # Red cells can outnumber the background; it is then still the brightest frequent colour.
    frequent = np.flatnonzero(ndimage.uniform_filter1d(counts.astype(float), 3) > 0.008 * light.size)
    top = int(frequent[-1]) if frequent.size else int(counts.argmax())
    peak = max(range(max(0, top - 5), top + 1), key=lambda index: counts[index])
    near = np.abs(light - (edges[peak] + edges[peak + 1]) / 2) < 12
    chosen = pixels[near] if near.any() else pixels.reshape(-1, 3)
    return np.asarray([np.median(chosen[:, band]) for band in range(3)], dtype=np.float32)


def lightest_colour(pixels: Pixels | Floats) -> Floats:
    """(3,) colour, 0-255, of the tenth of (n, 3) pixels that is lightest in green: cells are dark there."""
    green = pixels[:, 1]
    return np.asarray(np.median(pixels[green >= np.percentile(green, 90)], axis=0), dtype=np.float32)


def brightest_colour_outside(pixels: Pixels, mask: Mask) -> Floats:
    """(3,) colour, 0-255, of the brightest fifth outside a mask (H, W): the slide beside one cell.

    Unlike `slide_colour` it is defined on small crops, where no colour is frequent.
    """
    outside = pixels[~mask] if (~mask).sum() > _FEWEST_OUTSIDE_PX else pixels.reshape(-1, 3)
    light = outside.sum(axis=1)
    bright = outside[light >= np.quantile(light, 0.8)]
    return np.asarray(np.median(bright, axis=0), dtype=np.float32)


def mean_colour_outside(pixels: Pixels, mask: Mask) -> npt.NDArray[np.float64]:
    """(3,) mean colour, 0-255, outside a mask (H, W), red cells included; of all pixels if it fills all."""
    outside = pixels[~mask] if not mask.all() else pixels.reshape(-1, 3)
    return np.asarray(outside.mean(axis=0), dtype=np.float64)


def otsu_bin(values: Floats) -> tuple[float, float]:
    """Return the bin, of 64, that parts (n,) values into two classes of least variance within (Otsu 1979).

    Its upper edge parts them exactly, as the bin belongs to the lower class.
    """
    counts, edges = np.histogram(values, bins=64)
    weights = counts / max(1, counts.sum())
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(weights)
    mean_below = np.cumsum(weights * centres)
    spread = (mean_below[-1] * below - mean_below) ** 2 / np.maximum(below * (1 - below), 1e-9)
    found = int(spread[:-1].argmax())
    return float(edges[found]), float(edges[found + 1])


def picture_within(pixels: Pixels) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of the picture in a field (H, W, 3), without bands of one colour.

    Letterboxes, screenshots and padding to a square have such bands, and cells end where they begin. Empty
    slide that is all white is no band: it passes into the picture little by little, a band all at once.
    """
    height, width = pixels.shape[:2]
    rows = pixels, pixels[::-1]
    columns = tuple(side.transpose(1, 0, 2) for side in (pixels, pixels[:, ::-1]))
    top, bottom = map(_band, rows)
    left, right = map(_band, columns)
    return left, top, width - right, height - bottom


def _band(lines: Pixels) -> int:
    """Return how many of the first lines (n, length, 3) are a band of one colour."""
    if not len(lines):
        return 0
    colour = np.median(lines[0], axis=0)

    def other(line: Pixels, levels: int) -> float:
        return float((np.abs(line - colour).max(axis=1) > levels).mean())

    plain = 0
    while plain < len(lines) // 2 and other(lines[plain], _SAME_COLOUR) == 0:
        plain += 1
    if plain < _LEAST_BAND_PX:
        return 0
    near = range(plain, min(plain + _SOFT_PX, len(lines)))
    return next((n for n in near if other(lines[n], _OTHER_COLOUR) >= _PICTURE), 0)
