"""Staining and photography of a slide: dyes, light, focus, sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from marrowscope.imaging.jpeg import through_jpeg

DYES = ("haemoglobin", "chromatin", "basophilia", "eosin", "azurophil", "eosinophil_granule")
"""Absorbing substances, in the order of the last axis of every `amounts` array."""

HAEMOGLOBIN, CHROMATIN, BASOPHILIA, EOSIN, AZUROPHIL, EOSINOPHIL_GRANULE = range(6)

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Stain:
    """The look of one slide: the light that passes through empty glass, and what each dye absorbs.

    Attributes
    ----------
    background : RGB 0-255 of the empty glass
    absorbances : natural-log absorbance in R, G, B at amount 1 for each of `DYES` (Beer-Lambert)
    pallor : depth of the red cells' central pallor, 0-1
    blur_um : Gaussian sigma of the optics
    sharpening : strength of the camera's unsharp mask
    noise : sensor noise, grey levels
    vignetting : loss of light in the corners, 0-1
    jpeg_quality : quality of the camera's file
    """

    background: Rgb
    absorbances: tuple[Rgb, Rgb, Rgb, Rgb, Rgb, Rgb]
    pallor: float = 0.6
    blur_um: float = 0.12
    sharpening: float = 0.2
    noise: float = 2.0
    vignetting: float = 0.06
    jpeg_quality: int = 92


# Measured on public smears of seven laboratories and cameras: glass, red cells, nuclei, basophilic cytoplasm.
_LOOKS: tuple[tuple[Rgb, Rgb, Rgb, Rgb], ...] = (
    ((255, 229, 203), (0.25, 0.34, 0.30), (1.20, 1.95, 0.44), (0.50, 0.48, 0.16)),
    ((242, 240, 240), (0.13, 0.36, 0.28), (1.10, 2.80, 0.34), (0.42, 0.46, 0.08)),
    ((176, 176, 168), (0.22, 0.48, 0.44), (1.10, 2.10, 0.55), (0.48, 0.60, 0.12)),
    ((222, 230, 150), (0.55, 0.88, 0.55), (1.20, 2.40, 0.25), (0.55, 0.75, 0.10)),
    ((202, 193, 206), (0.05, 0.26, 0.14), (0.56, 1.05, 0.08), (0.25, 0.28, 0.02)),
    ((184, 194, 174), (0.28, 0.60, 0.36), (1.00, 1.90, 0.40), (0.42, 0.50, 0.12)),
    ((248, 250, 250), (0.48, 0.38, 0.20), (0.72, 1.30, 0.17), (0.38, 0.38, 0.06)),
    ((215, 222, 214), (0.45, 0.62, 0.42), (0.90, 1.45, 0.42), (0.36, 0.34, 0.12)),
)


def draw_stain(rng: np.random.Generator) -> Stain:
    """Return the look of a random slide: a mixture of two known ones, with every value jittered."""
    first, second = rng.choice(len(_LOOKS), 2, replace=False)
    share = rng.beta(0.5, 0.5)
    glass, red, nucleus, blue = (
        np.asarray(a) * share + np.asarray(b) * (1 - share)
        for a, b in zip(_LOOKS[first], _LOOKS[second], strict=True)
    )
    glass = np.clip(glass * rng.normal(1.0, 0.03) * rng.normal(1.0, 0.015, 3), 120, 255)
    pink = red * (0.35, 0.75, 0.35) + (0.03, 0.04, 0.02)
    strength = float(np.clip(rng.normal(1.0, 0.12), 0.7, 1.3))
    return Stain(
        background=_rgb(glass),
        absorbances=(
            _jitter(rng, red, 1.0),
            _jitter(rng, nucleus, strength),
            _jitter(rng, blue, strength),
            _jitter(rng, pink, 1.0),
            _jitter(rng, nucleus * (0.55, 1.0, 0.85), strength),
            _jitter(rng, np.maximum(red, 0.15) * (0.5, 1.2, 0.9) + (0.02, 0.28, 0.06), 1.0),
        ),
        pallor=float(np.clip(rng.normal(0.55, 0.2), 0.05, 0.95)),
        blur_um=float(rng.uniform(0.06, 0.2) if rng.random() < 0.94 else rng.uniform(0.2, 0.35)),
        sharpening=float(rng.uniform(0.0, 1.5) ** 1.5),
        noise=float(rng.uniform(0.8, 3.0)),
        vignetting=float(rng.uniform(0.0, 0.15)),
        jpeg_quality=int(rng.integers(85, 96)),
    )


def expose(
    rng: np.random.Generator, amounts: npt.NDArray[np.float32], stain: Stain, mpp: float
) -> npt.NDArray[np.uint8]:
    """Return the photograph, uint8 (H, W, 3), of dye amounts float32 (H, W, 6)."""
    absorbance = amounts @ np.asarray(stain.absorbances, dtype=np.float32)
    light = np.exp(-absorbance) * _illumination(rng, absorbance.shape[:2], stain)
    sigma = stain.blur_um / mpp * rng.uniform(0.85, 1.25)
    radius = float(np.clip(0.17 / mpp, 0.6, 2.5))
    for channel, spread in enumerate((1.1, 1.0, 1.2)):  # objectives focus green best
        plane = np.ascontiguousarray(light[..., channel])
        plane = gaussian_filter(plane, sigma * spread, truncate=3.0)
        if stain.sharpening > 0.02:
            plane += np.float32(stain.sharpening) * (plane - gaussian_filter(plane, radius, truncate=2.0))
        light[..., channel] = plane
    # Interpolating the colour filter array correlates the noise of neighbours.
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    grain[1:, 1:] = (grain[1:, 1:] + grain[:-1, 1:] + grain[1:, :-1] + grain[:-1, :-1]) * np.float32(0.5)
    # Shot noise grows with the light; a straight line replaces the square root, at a quarter of its time.
    light += grain * (light * np.float32(stain.noise * 0.65 / 255.0) + np.float32(stain.noise * 0.35))
    return through_jpeg(np.clip(np.rint(light), 0, 255).astype(np.uint8), stain.jpeg_quality)


def _illumination(rng: np.random.Generator, shape: tuple[int, ...], stain: Stain) -> npt.NDArray[np.float32]:
    height, width = shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(rng.normal(0, 0.15))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] - np.float32(rng.normal(0, 0.15))
    tilt = rng.normal(0.0, 0.3, 2).astype(np.float32) * np.float32(stain.vignetting)
    lamp = 1.0 - np.float32(stain.vignetting) * (x * x + y * y) / 2 + tilt[0] * x + tilt[1] * y
    return np.asarray(lamp[..., None] * np.asarray(stain.background, dtype=np.float32), dtype=np.float32)


def _jitter(rng: np.random.Generator, absorbance: npt.NDArray[np.float64], strength: float) -> Rgb:
    return _rgb(absorbance * strength * np.exp(rng.normal(0, 0.10) + rng.normal(0, 0.06, 3)))


def _rgb(values: npt.NDArray[np.float64]) -> Rgb:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
