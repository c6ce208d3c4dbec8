"""Shapes on a small canvas in micrometres, given as signed distances (positive inside)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Float2D = npt.NDArray[np.float32]

_NOISE_SIDE = 640
_ANGLES = 2048
_GRAIN_STEP = 0.14  # grain sizes come in steps of 15 %, so that a few sheets are enough for all pixel sizes


@dataclass(frozen=True, eq=False)
class Canvas:
    """A square of pixels around the origin: `x`, `y` in µm, both float32 (S, S)."""

    x: Float2D
    y: Float2D
    mpp: float

    @classmethod
    def of_half_side(cls, half_side_um: float, mpp: float) -> Canvas:
        """Return a canvas that extends at least `half_side_um` from its centre."""
        reach = int(np.ceil(half_side_um / mpp)) + 1
        axis = np.arange(-reach, reach + 1, dtype=np.float32) * np.float32(mpp)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        return cls(x=x, y=y, mpp=mpp)

    def noise(self, rng: np.random.Generator, scale_um: float) -> Float2D:
        """Return smooth noise of zero mean and unit deviation with grains about `scale_um` wide."""
        sigma_px = max(scale_um / self.mpp / 2.0, 0.35)
        tile = _noise_tile(round(float(np.log(sigma_px)) / _GRAIN_STEP))
        side = self.x.shape[0]
        if side > _NOISE_SIDE:
            tile = np.tile(tile, (side // _NOISE_SIDE + 1,) * 2)
        top, left = rng.integers(0, tile.shape[0] - side + 1, 2)
        return np.asarray(np.rot90(tile[top : top + side, left : left + side], int(rng.integers(4))))

    def near(self, row: int, column: int, reach_um: float) -> tuple[tuple[slice, slice], Canvas]:
        """Return the window of pixels around one pixel, and the canvas of that window."""
        reach = int(np.ceil(reach_um / self.mpp)) + 1
        window = (
            slice(max(row - reach, 0), row + reach + 1),
            slice(max(column - reach, 0), column + reach + 1),
        )
        return window, Canvas(self.x[window], self.y[window], self.mpp)

    def coverage(self, distance: Float2D, softness_um: float = 0.0) -> Float2D:
        """Return the part of each pixel that lies inside, 0-1; a soft border is `softness_um` wide."""
        width = max(self.mpp, softness_um)
        return np.asarray(np.clip(distance / np.float32(width) + np.float32(0.5), 0.0, 1.0))

    def dots(self, rng: np.random.Generator, where: Float2D, per_um2: float, size_um: float) -> Float2D:
        """Return granules scattered over `where` (0-1), each a smooth dot with a peak of about 1."""
        chance = where * np.float32(per_um2 * self.mpp**2)
        hits = (rng.random(self.x.shape, dtype=np.float32) < chance).astype(np.float32)
        hits *= rng.uniform(0.6, 1.4, self.x.shape).astype(np.float32)
        sigma = max(size_um / self.mpp / 2.35, 0.45)
        return np.asarray(gaussian_filter(hits, sigma) * (2 * np.pi * sigma**2), dtype=np.float32)


@cache
def _noise_tile(step: int) -> Float2D:
    # One sheet of noise per grain size, cropped for each use, as filtering new noise took half of the time.
    white = np.random.default_rng(1000 + step).standard_normal((_NOISE_SIDE, _NOISE_SIDE), dtype=np.float32)
    smooth = gaussian_filter(white, float(np.exp(step * _GRAIN_STEP)), mode="wrap")
    smooth -= smooth.mean()
    smooth /= smooth.std()
    smooth.flags.writeable = False
    return np.asarray(smooth, dtype=np.float32)


def blob(
    rng: np.random.Generator,
    canvas: Canvas,
    radius_um: float,
    *,
    roughness: float = 0.04,
    elongation: float = 1.0,
    centre_um: tuple[float, float] = (0.0, 0.0),
    sharpest: int = 6,
) -> Float2D:
    """Return a roundish shape: a circle whose radius varies by `roughness`, stretched by `elongation`."""
    angle = rng.uniform(0.0, 2 * np.pi)
    dx, dy = canvas.x - np.float32(centre_um[0]), canvas.y - np.float32(centre_um[1])
    cosine, sine, stretch = (np.float32(v) for v in (np.cos(angle), np.sin(angle), np.sqrt(elongation)))
    along = (dx * cosine + dy * sine) / stretch
    across = (dy * cosine - dx * sine) * stretch
    waves = np.zeros(_ANGLES + 1, dtype=np.float32)
    turn = np.linspace(-np.pi, np.pi, _ANGLES + 1, dtype=np.float32)
    for order in range(2, sharpest + 1):
        amplitude = roughness * rng.standard_normal() * 2.0 / order
        waves += np.float32(amplitude) * np.cos(order * turn + np.float32(rng.uniform(0, 2 * np.pi)))
    theta = np.arctan2(across, along)
    radius = waves[((theta + np.float32(np.pi)) * np.float32(_ANGLES / (2 * np.pi))).astype(np.int32)]
    return np.asarray((radius + 1) * np.float32(radius_um) - np.hypot(along, across), dtype=np.float32)


def chain(
    canvas: Canvas,
    points_um: npt.NDArray[np.float64],
    radii_um: Sequence[float],
    waist_um: float | None = None,
) -> Float2D:
    """Return a row of balls joined by tubes.

    Without `waist_um`, a tube changes smoothly from one ball's radius to the next; with it, every tube is a
    thread of that half-width.
    """
    best = np.full(canvas.x.shape, -np.inf, dtype=np.float32)
    for index in range(len(points_um)):
        here = points_um[index]
        x, y = np.float32(here[0]), np.float32(here[1])
        ball = np.float32(radii_um[index]) - np.hypot(canvas.x - x, canvas.y - y)
        best = _soft_union(best, ball.astype(np.float32))
        if index + 1 < len(points_um):
            ends = (waist_um, waist_um) if waist_um is not None else (radii_um[index], radii_um[index + 1])
            best = _soft_union(best, _tube(canvas, here, points_um[index + 1], *ends))
    return best


def cut(shape: Float2D, bite: Float2D, rounding_um: float = 1.2) -> Float2D:
    """Return `shape` without `bite`, with rounded corners."""
    return -_soft_union(-shape, bite, rounding_um)


def _tube(
    canvas: Canvas,
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    at_start: float,
    at_end: float,
) -> Float2D:
    x, y = canvas.x - np.float32(start[0]), canvas.y - np.float32(start[1])
    step = (end - start).astype(np.float32)
    position = np.clip((x * step[0] + y * step[1]) / np.float32(step @ step + 1e-9), 0.0, 1.0)
    off = np.hypot(x - position * step[0], y - position * step[1])
    return np.asarray(np.float32(at_start) + np.float32(at_end - at_start) * position - off, dtype=np.float32)


def _soft_union(first: Float2D, second: Float2D, rounding_um: float = 0.35) -> Float2D:
    # Polynomial smooth maximum (I. Quilez): exact away from the joint, rounded within `rounding_um` of it.
    blend = np.maximum(rounding_um - np.abs(np.maximum(first, -1e3) - second), 0.0) / rounding_um
    return np.asarray(np.maximum(first, second) + blend * blend * rounding_um * 0.25, dtype=np.float32)
