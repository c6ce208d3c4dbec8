"""The diameter of the red cells in a field, by which its scale can be measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from marrowscope.imaging.background import lightest_colour

RED_CELL_UM: Final = 7.0
"""Diameter of a red cell on a smear in µm (7 to 7.5; Bain, Blood Cells, gives 6.7 to 7.7)."""

SAME_SCALE: Final = 1.25
"""Factor within which a stated scale and red cells say the same."""

VERY_SURE: Final = 0.6
"""Confidence from which red cells alone decide against a stated scale."""

_STEPS: Final = 5  # radii in an octave
_RADII: Final = 5.0 * 2.0 ** (np.arange(_STEPS) / _STEPS)  # px at each level of the pyramid
_SHORTEST_SIDE: Final = 50  # px; a level this small holds a few of the largest circles, and images are pooled
_LARGEST_LEVEL: Final = 700  # px; of larger levels only the centre is used
_LEAST_CONTRAST: Final = 0.04  # weakest edge, relative to the field's contrast
_VOTES_PER_RADIUS: Final = 6  # bins of the vote map per radius; sets how far cells may be from round
_SUPPORT: Final = 0.5  # part of the circumference that must agree on the centre
_PURPLE: Final = (
    0.36  # green minus blue optical density: higher in nuclei (0.4 to 1.7), lower in red cells (0 to 0.3)
)
_FEWEST: Final = 5  # red cells needed for an estimate
_NEAR: Final = 1.3  # circles within this factor of the most common size count as that size
_ANGLES: Final = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_PROFILE: Final = np.linspace(0.6, 1.5, 28)  # where the edge is searched, in units of the circle's radius

_Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured length: `value` in px, `confidence` from 0 to 1, and the number of cells behind it."""

    value: float
    confidence: float
    n_cells: int


@dataclass(frozen=True, eq=False)
class _Level:
    """Circles found at one level of the pyramid, as columns.

    `scale` is full-resolution px per px of the level, `share` the part of the field that a circle covers, and
    `purple` its green minus its blue optical density.
    """

    green: _Floats
    scale: float
    x: _Floats
    y: _Floats
    radius: _Floats
    support: _Floats
    share: _Floats
    purple: _Floats

    @cached_property
    def weight(self) -> _Floats:
        """A weight per circle, from its area and its support; 0 for nuclei."""
        weight = np.where(self.purple < _PURPLE, (self.support - _SUPPORT) * self.share, 0.0)
        return weight.astype(np.float32)

    @cached_property
    def refined(self) -> _Floats:
        """The radius, in full-resolution px, at which each circle brightens fastest on average.

        That of circles without weight is 0.
        """
        here = self.weight > 0
        radius = self.radius[here]
        reach = radius[:, None, None] * _PROFILE[:, None]
        sample_x = self.x[here, None, None] + reach * np.cos(_ANGLES)
        sample_y = self.y[here, None, None] + reach * np.sin(_ANGLES)
        values = ndimage.map_coordinates(self.green, [sample_y, sample_x], order=1, mode="nearest")
        rise = ndimage.uniform_filter1d(np.diff(np.median(values, axis=2), axis=1), 3, axis=1)
        middle = (_PROFILE[1:] + _PROFILE[:-1]) / 2
        refined = np.zeros(len(self.radius), np.float32)
        refined[here] = radius * middle[np.argmax(rise, axis=1)] * self.scale
        return refined


@dataclass(frozen=True, slots=True)
class Circles:
    """What looks round in one image; `typical_diameter` finds the red cells among it."""

    levels: tuple[_Level, ...]


def find_circles(pixels: npt.NDArray[np.uint8]) -> Circles:
    """Find round shapes in an image, uint8 (H, W, 3) RGB, of 5 px to nearly its shorter side in diameter.

    On every level of a pyramid, each edge votes for the centre on its dark side around which it curves (after
    Loy and Zelinsky, Fast radial symmetry, 2003). Pale centres, clumps and uneven light do no harm, and the
    result scales with the image.
    """
    return Circles(tuple(_levels(pixels)))


def red_cell_diameter_px(*images: npt.NDArray[np.uint8]) -> Estimate | None:
    """Return the typical diameter of the red cells in images of one camera, None if too few are seen.

    `images` are uint8 (H, W, 3) RGB; see `find_circles` and `typical_diameter`.
    """
    return typical_diameter([find_circles(pixels) for pixels in images])


def typical_diameter(images: Sequence[Circles]) -> Estimate | None:
    """Return the typical diameter of the red cells among the circles of images of one camera, in px.

    Purple circles are nuclei and are left out. The size that covers the largest area is chosen, and the edges
    of the circles of this size are then measured one by one. Images are taken together, so that many small
    ones with few red cells each are as good as one large one.

    `confidence` is the part of the circles' area that has this size, reduced if there are few cells. None if
    there are fewer than five.
    """
    levels = [level for image in images for level in image.levels]
    if not levels:
        return None
    sizes = np.concatenate([np.log(level.radius * level.scale) for level in levels])
    weights = np.concatenate([level.weight for level in levels])
    if not weights.any():
        return None
    common = _commonest(sizes, weights)
    chosen = (np.abs(sizes - common) < np.log(_NEAR)) & (weights > 0)
    count = int(chosen.sum())
    if count < _FEWEST:
        return None
    weight = weights[chosen]
    radii = np.concatenate([level.refined for level in levels])[chosen]
    agreement = float(weight.sum() / weights.sum())
    return Estimate(2.0 * _weighted_median(radii, weight), agreement * min(1.0, count / (4 * _FEWEST)), count)


def _levels(pixels: npt.NDArray[np.uint8]) -> Iterator[_Level]:
    """Yield the circles of each octave, smallest first; for the smallest the image is enlarged twofold."""
    image = Image.fromarray(pixels)
    background, contrast = _light(image)
    centre = _centre(image, _LARGEST_LEVEL // 2)
    if min(centre.size) * 2 >= _SHORTEST_SIDE:
        doubled = centre.resize((centre.width * 2, centre.height * 2), Image.Resampling.BICUBIC)
        yield _level(doubled, background, contrast, 0.5)
    scale = 1.0
    while min(image.size) >= _SHORTEST_SIDE:
        yield _level(_centre(image, _LARGEST_LEVEL), background, contrast, scale)
        image = image.reduce(2)
        scale *= 2


def _centre(image: Image.Image, side: int) -> Image.Image:
    width, height = min(image.width, side), min(image.height, side)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _light(image: Image.Image) -> tuple[_Floats, float]:
    """Return the RGB of the empty background, and the green range between cells and background."""
    small = np.asarray(image.reduce(max(1, min(image.size) // 128)), dtype=np.float32).reshape(-1, 3)
    dark, light = np.percentile(small[:, 1], [2, 97])
    return lightest_colour(small), max(float(light - dark), 8.0)


def _level(image: Image.Image, background: _Floats, contrast: float, scale: float) -> _Level:
    rgb = np.asarray(image, dtype=np.float32)
    green = ndimage.gaussian_filter(rgb[..., 1], 1.0)
    edge_x, edge_y, toward_x, toward_y = _edges(green, _LEAST_CONTRAST * contrast)
    votes = [
        _centres(edge_x + radius * toward_x, edge_y + radius * toward_y, float(radius), green.shape)
        for radius in _RADII
    ]
    x, y, radius, support = np.concatenate(votes, axis=1)
    density = _ring_density(rgb, background, x, y, radius)
    share = np.pi * radius**2 / green.size
    return _Level(green, scale, x, y, radius, support, share, density[:, 1] - density[:, 2])


def _edges(green: _Floats, least: float) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Return the thinned edge pixels, and the unit vector from each towards its dark side."""
    slope_y, slope_x = cast("list[_Floats]", np.gradient(green))
    strength: _Floats = np.sqrt(np.square(slope_x) + np.square(slope_y))
    inner = strength[1:-1, 1:-1]
    across = np.abs(slope_x[1:-1, 1:-1]) > np.abs(slope_y[1:-1, 1:-1])
    is_ridge_x = (inner >= strength[1:-1, :-2]) & (inner > strength[1:-1, 2:])
    is_ridge_y = (inner >= strength[:-2, 1:-1]) & (inner > strength[2:, 1:-1])
    y, x = np.nonzero(np.where(across, is_ridge_x, is_ridge_y) & (inner > least))
    y, x = y + 1, x + 1
    there = strength[y, x]
    return x.astype(np.float32), y.astype(np.float32), -slope_x[y, x] / there, -slope_y[y, x] / there


def _centres(x: _Floats, y: _Floats, radius: float, shape: tuple[int, ...]) -> _Floats:
    """Return circles as (x, y, radius, support), shape (4, n), where the votes at `x`, `y` agree.

    Support is the part of the circumference that votes for the centre.
    """
    bin_px = radius / _VOTES_PER_RADIUS
    n_y, n_x = int(shape[0] / bin_px) + 1, int(shape[1] / bin_px) + 1
    inside = (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    index = (y[inside] / bin_px).astype(np.intp) * n_x + (x[inside] / bin_px).astype(np.intp)
    votes = np.bincount(index, minlength=n_x * n_y).reshape(n_y, n_x).astype(np.float32)
    support = ndimage.uniform_filter(votes, 3, mode="constant") * (9.0 / (2 * np.pi * radius))
    j, i = _peaks(support, _VOTES_PER_RADIUS - 2)
    return np.stack([(i + 0.5) * bin_px, (j + 0.5) * bin_px, np.full(len(i), radius),
                     np.minimum(support[j, i], 1.0)]).astype(np.float32)  # fmt: skip


def _peaks(support: _Floats, reach: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return row and column of all values above `_SUPPORT` that none exceeds within `reach` either way.

    Few values are so large: each is compared with its neighbours, the nearest first; filtering takes longer.
    """
    width = support.shape[1] + 2 * reach
    around = np.pad(support, reach).ravel()
    j, i = np.nonzero(support > _SUPPORT)
    left = (j + reach) * width + i + reach
    steps = np.arange(-reach, reach + 1)
    shifts = (steps[:, None] * width + steps).ravel()
    nearness = np.maximum(np.abs(steps)[:, None], np.abs(steps)).ravel()
    for shift in shifts[np.argsort(nearness, kind="stable")]:
        left = left[around[left] >= around[left + shift]]
    return left // width - reach, left % width - reach


def _ring_density(level: _Floats, background: _Floats, x: _Floats, y: _Floats, radius: _Floats) -> _Floats:
    """Return the optical density (n, 3) of the ring at three quarters of each circle's radius."""
    column = np.clip(np.rint(x[:, None] + 0.75 * radius[:, None] * np.cos(_ANGLES)), 0, level.shape[1] - 1)
    row = np.clip(np.rint(y[:, None] + 0.75 * radius[:, None] * np.sin(_ANGLES)), 0, level.shape[0] - 1)
    ring: _Floats = np.median(level[row.astype(np.intp), column.astype(np.intp)], axis=1)
    density: _Floats = np.log((background + 1) / (ring + 1)).astype(np.float32)
    return density


def _commonest(log_radius: npt.NDArray[np.floating], weight: npt.NDArray[np.floating]) -> float:
    """Return the mode of the weighted sizes: the centre of the heaviest window of one step either side."""
    order = np.argsort(log_radius)
    sizes, total = log_radius[order], np.concatenate([[0.0], np.cumsum(weight[order])])
    half = np.log(_NEAR) / 2
    held = total[np.searchsorted(sizes, sizes + half, "right")] - total[np.searchsorted(sizes, sizes - half)]
    return float(sizes[np.argmax(held)])


def _weighted_median(values: _Floats, weight: npt.NDArray[np.floating]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
