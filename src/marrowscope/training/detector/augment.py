"""Random changes of colour, sharpness and grain that another microscope, stain or camera would make."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from marrowscope.imaging.jpeg import through_jpeg

Pixels = npt.NDArray[np.uint8]

_GRAIN_SIDE = 1024


def restain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change stain and lamp: density of each channel, hue, saturation, tint, contrast.

    Stains add up in optical density (Beer-Lambert), so a denser stain is a power of the transmitted light.
    """
    # Pale stains are the harder ones: nuclei near the density of red cells.
    power = np.exp(rng.normal(-0.15, 0.4)) * np.exp(rng.normal(0.0, 0.18, size=3))
    tint = np.exp(-rng.random() * (rng.uniform(0.0, 0.25) + rng.uniform(0.0, 0.25, size=3)))
    lamp = rng.uniform(0.85, 1.1)
    transmitted = np.arange(256) / 255.0
    curves = 255.0 * lamp * tint[:, None] * transmitted[None] ** power[:, None]
    if rng.random() < 0.3:
        curves = (curves - 128.0) * rng.uniform(0.7, 1.25) + 128.0
    stained = image.point(np.clip(np.rint(curves), 0, 255).astype(int).ravel().tolist())
    mixing = _hue_turn(rng.normal(0.0, 0.35)) @ _saturation(rng.uniform(0.5, 1.5))
    matrix: Any = tuple(np.hstack((mixing, np.zeros((3, 1)))).ravel().tolist())
    return stained.convert("RGB", matrix)


def _hue_turn(angle: float) -> npt.NDArray[np.float64]:
    """Rotate RGB space by `angle` (rad) about the grey axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    third = (1.0 - cos) / 3.0
    near, far = third - sin / np.sqrt(3.0), third + sin / np.sqrt(3.0)
    centre = cos + third
    return np.array([[centre, near, far], [far, centre, near], [near, far, centre]])


def _saturation(factor: float) -> npt.NDArray[np.float64]:
    return factor * np.eye(3) + (1.0 - factor) / 3.0


def degrade(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change the camera: some canvases blurred or sharpened, some grainy, some JPEG-coded, some grey."""
    chance = rng.random()
    if chance < 0.35:
        image = image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.3, 2.5))))
    elif chance < 0.42:
        image = image.filter(ImageFilter.UnsharpMask(1.5, int(rng.uniform(50, 200)), 2))
    if rng.random() < 0.03:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.25:
        image = _grainy(image, rng)
    if rng.random() < 0.2:
        image = Image.fromarray(through_jpeg(image, int(rng.integers(30, 90))))
    return image


@functools.cache
def _grain() -> npt.NDArray[np.float32]:
    """Draw unit noise once: a random window of it is as good as new noise and far quicker."""
    return np.random.default_rng(0).standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3), dtype=np.float32)


def _grainy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    shift = tuple(rng.integers(0, _GRAIN_SIDE, size=2))
    rows = (np.arange(image.height) + shift[0]) % _GRAIN_SIDE
    columns = (np.arange(image.width) + shift[1]) % _GRAIN_SIDE
    grain = _grain()[rows[:, None], columns[None]] * np.float32(rng.uniform(2.0, 12.0))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def vary(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Apply the whole chain to (H, W, 3) RGB; one canvas in ten stays as photographed."""
    if rng.random() < 0.1:
        return pixels
    return np.asarray(degrade(restain(Image.fromarray(pixels), rng), rng))
