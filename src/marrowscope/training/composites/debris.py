"""Objects that look like cells: burst nuclei, ghosts of cells, specks of dye, parasites in red cells.

A detector not trained on them takes them for leukocytes. Patches are (h, w, 4) uint8: transmittance times
`cutouts.CLEAR`, and the mask, as those of cut-out cells.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from marrowscope.training.composites.cutouts import CLEAR

Pixels = NDArray[np.uint8]

_SPECK_UM = (1.5, 6.0)
_RING_UM, _SCHIZONT_UM = (0.8, 1.7), (2.0, 3.6)  # radii
_DYES = np.array([[0.05, 0.03, 0.09], [0.10, 0.06, 0.06], [0.20, 0.05, 0.30]])  # transmittance of thick dye


def smudge(rng: np.random.Generator, rgba: Pixels) -> Pixels:
    """Make a cell a smudge: its nucleus' stain spread thin over a frayed patch, nothing left inside."""
    height, width = rgba.shape[:2]
    solid = rgba[rgba[..., 3] > 127][:, :3]
    if solid.size == 0:
        return rgba
    chromatin = np.percentile(solid, 25, axis=0) / CLEAR
    strands = _cloud(rng, (height, width), 16) + _cloud(rng, (height, width), 8)
    thickness = rng.uniform(0.15, 0.38) * (0.3 + 0.7 * strands)
    soft = ndimage.gaussian_filter(rgba[..., 3].astype(np.float32), 0.06 * width)
    # A threshold through cloud frays the edge where the mask is half there.
    alpha = np.clip(2.5 * (soft / 255 + 1.1 * _cloud(rng, (height, width), 8) - 1.0), 0, 1)
    return _patch(chromatin, thickness, alpha)


def ghost(rng: np.random.Generator, rgba: Pixels) -> Pixels:
    """Make a cell a ghost: its outline filled evenly and palely, no nucleus to be seen."""
    height, width = rgba.shape[:2]
    solid = rgba[rgba[..., 3] > 127][:, :3]
    if solid.size == 0:
        return rgba
    # From the cell's own pale parts to the pink of red cells.
    pink = np.array([0.80, 0.62, 0.68])
    colour = np.percentile(solid, 75, axis=0) / CLEAR
    colour = np.clip(colour, 0.05, 1) ** rng.uniform(0, 0.5) * pink ** rng.uniform(0.3, 1.0)
    grain = _cloud(rng, (height, width), 12)
    thickness = rng.uniform(0.35, 0.8) * (0.85 + 0.3 * grain)
    soft = ndimage.gaussian_filter(rgba[..., 3].astype(np.float32), 0.03 * width) / 255
    return _patch(colour, thickness, np.clip(1.6 * soft - 0.3, 0, 1))


def precipitate(rng: np.random.Generator, mpp: float) -> Pixels:
    """Draw a speck of dried dye, 1.5 to 6 µm, at `mpp` µm per pixel: black or purple, ragged, in pieces."""
    side = max(6, round(2 * rng.uniform(*_SPECK_UM) / mpp))
    row, column = np.mgrid[:side, :side] / (side - 1) * 2 - 1
    distance = np.hypot(row, column)
    lumps = _cloud(rng, (side, side), int(rng.integers(3, 8)))
    alpha = np.clip(4 * (0.8 * lumps + rng.uniform(0.05, 0.25) - distance), 0, 1)
    colour = _DYES[int(rng.integers(len(_DYES)))] * np.exp(rng.normal(0, 0.2, 3))
    return _patch(np.clip(colour, 0.01, 1), np.full((side, side), rng.uniform(0.5, 1.0)), alpha)


def parasite(rng: np.random.Generator, mpp: float) -> Pixels:
    """Draw a malaria parasite at `mpp` µm per pixel: a ring with its dot, or a ripe one of many dots."""
    radius = float(rng.uniform(*(_RING_UM if rng.random() < 0.5 else _SCHIZONT_UM))) / mpp
    is_ring = radius * mpp < _RING_UM[1]
    side = 2 * round(radius + 2) + 1
    row, column = np.mgrid[:side, :side] - side // 2
    distance = np.hypot(row, column)
    body = np.clip(radius - distance, 0, 1)
    if is_ring:
        body = body * np.clip(distance - 0.55 * radius, 0.15, 1)
    dots = np.zeros_like(body)
    for _ in range(1 if is_ring else int(rng.integers(6, 18))):
        angle, away = rng.uniform(0, 2 * np.pi), radius * (0.9 if is_ring else rng.uniform(0, 0.8))
        apart = np.hypot(row - away * np.sin(angle), column - away * np.cos(angle))
        dots = np.maximum(dots, np.clip(rng.uniform(0.4, 0.7) / mpp - apart + 0.5, 0, 1))
    chromatin, blue = np.array([0.45, 0.15, 0.45]), np.array([0.55, 0.55, 0.80])
    colour = np.where(dots[..., None] > 0.5, chromatin, blue) * np.exp(rng.normal(0, 0.1, 3))
    rgb = CLEAR * np.clip(colour, 0.02, 1)
    return np.dstack([np.clip(rgb, 0, 255), 255 * np.maximum(dots, 0.7 * body)]).astype(np.uint8)


def _patch(
    colour: NDArray[np.float64], thickness: NDArray[np.floating], alpha: NDArray[np.floating]
) -> Pixels:
    """Give stain of a `colour` (3,) in a `thickness` (h, w) as a patch; its rim fades towards the frame."""
    height, width = alpha.shape
    rows, columns = (np.minimum(np.arange(side), side - 1 - np.arange(side)) for side in (height, width))
    rim = np.clip(np.minimum(rows[:, None], columns[None, :]) / min(6, max(1, min(height, width) // 4)), 0, 1)
    rgb = CLEAR * colour ** thickness[..., None]
    return np.dstack([np.clip(rgb, 0, 255), 255 * alpha * rim]).astype(np.uint8)


def _cloud(rng: np.random.Generator, shape: tuple[int, int], knots: int) -> NDArray[np.float32]:
    """Draw smooth noise in 0-1 with about `knots` lumps a side."""
    coarse = Image.fromarray(rng.random((knots, knots), dtype=np.float32))
    fine = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC))
    return np.asarray(np.clip(fine, 0, 1), dtype=np.float32)
