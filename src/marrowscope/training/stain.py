"""Random stain, light, background and sharpness: a network must not infer a cell's type from these.

Everything before the camera is done in optical density, ``-ln(light / background)``, where stains add up
(Beer-Lambert) and the background is zero: a cell can then be moved onto another laboratory's background,
stained more or less, and lit by another lamp, each as one arithmetic step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from marrowscope.imaging.jpeg import through_jpeg

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class StainRanges:
    """How far each property may wander; widths are standard deviations of logarithms unless stated."""

    transfer: float = 0.5
    """Chance of taking over another source's mean stain."""
    regrain: float = 0.85
    """Chance of bringing the cell's fine texture to a level drawn at random."""
    grain: tuple[float, float] = (0.045, 0.20)
    """Levels of fine texture, log-uniform."""
    density: float = 0.25
    density_per_channel: float = 0.12
    mixing: float = 0.06
    """Deviation of the terms off the diagonal of the channel-mixing matrix."""
    curve: float = 0.15
    lamp: tuple[float, float] = (120.0, 252.0)
    """Brightness of the empty background, uniform, 0-255."""
    tint: float = 0.10
    haze: float = 35.0
    """Largest stray light added, 0-255."""
    faded: float = 0.25
    """Chance of losing colour, in part or wholly."""
    coarse: float = 0.5
    """Chance of losing resolution."""
    blur_px: float = 2.6
    noise: float = 9.0
    jpeg: tuple[int, int] = (25, 95)


@dataclass(frozen=True)
class Placement:
    """How a crop is turned and framed: output = source seen through this affine map."""

    angle: float
    zoom: float
    dx: float
    dy: float
    flip: bool


def draw_placement(rng: np.random.Generator, zoom_range: tuple[float, float], shift: float) -> Placement:
    """Draw a rotation over the full circle, a zoom (log-uniform) and a shift in shares of the crop's side."""
    low, high = np.log(zoom_range[0]), np.log(zoom_range[1])
    dx, dy = rng.normal(0.0, shift, 2)
    return Placement(
        float(rng.uniform(0, 2 * np.pi)), float(np.exp(rng.uniform(low, high))), float(dx), float(dy),
        bool(rng.random() < 0.5),
    )  # fmt: skip


def place(pixels: Bytes, placement: Placement, span: float, size_px: int) -> Bytes:
    """Sample the central ``span`` (share of the side) of a square crop, turned and framed, at ``size_px``.

    `pixels` is (S, S, 3) or (S, S) uint8; outside of it colours repeat the border, masks are zero.
    """
    is_mask = pixels.ndim == 2
    side = pixels.shape[0]
    pad = 0 if is_mask else side // 2
    source = pixels if is_mask else np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    step = span * side / placement.zoom / size_px
    c, s = np.cos(placement.angle) * step, np.sin(placement.angle) * step
    fx = -1.0 if placement.flip else 1.0
    middle = source.shape[0] / 2
    x0 = middle + placement.dx * side - (fx * c - s) * size_px / 2
    y0 = middle + placement.dy * side - (fx * s + c) * size_px / 2
    turned = Image.fromarray(source).transform(
        (size_px, size_px), Image.Transform.AFFINE, (fx * c, -s, x0, fx * s, c, y0), Image.Resampling.BILINEAR
    )
    return np.asarray(turned)


def optical_density(pixels: Bytes, white: Floats) -> Floats:
    """(H,W,3) natural optical density of uint8 pixels against the background colour ``white`` (3,), 0-255."""
    return np.clip(-np.log((pixels.astype(np.float32) + 2.0) / (white + 2.0)), -0.1, 4.0)


def onto_background(cell: Floats, mask: Floats, background: Floats) -> Floats:
    """Lay a cell's density over a background's; ``mask`` (H,W) is 0-1 with soft edges."""
    alpha = mask[..., None]
    result: Floats = cell * alpha + background * (1.0 - alpha)
    return result


def grain(density: Floats, mask: Floats) -> float:
    """Fine texture inside a cell, relative to its depth: deviation of what a blur removes; nan if too small.

    Measured on 0.2 µm pixels: blasts of the Munich set 0.06-0.20, lymphocytes of the Barcelona set 0.13-0.19.
    """
    green = density[..., 1]
    inside = ndimage.gaussian_filter(mask, 2.0, truncate=2.0) > 0.97
    if inside.sum() < 60:
        return float("nan")
    fine = green - ndimage.gaussian_filter(green, 1.5, truncate=2.5)
    return float(fine[inside].std() / max(float(green[inside].mean()), 0.05))


def regrained(density: Floats, mask: Floats, target: float) -> Floats:
    """Blur or sharpen a density until the cell's grain is about ``target``.

    How sharp chromatin looks depends on the scanner first: unchanged, it separates the public blasts from the
    public lymphocytes completely, and those of another laboratory from both.
    """
    now = grain(density, mask)
    if not np.isfinite(now) or now <= 0:
        return density
    if target < now:
        return _blurred(density, float(np.clip(0.8 * np.sqrt(now / target - 1), 0.25, 2.2)))
    fine = density - _blurred(density, 1.5)
    return density + np.float32(min(target / now - 1, 2.5)) * fine


def restain(density: Floats, gain: Floats, ranges: StainRanges, rng: np.random.Generator) -> Floats:
    """Change stain strength, balance and contrast; the background (density 0) stays 0.

    `gain` (3,) is the ratio of the target source's mean stain to this source's, 1 to keep it.
    """
    strength = np.exp(rng.normal(0, ranges.density) + rng.normal(0, ranges.density_per_channel, 3))
    matrix = np.diag(gain * strength) @ (np.eye(3) + rng.normal(0, ranges.mixing, (3, 3)))
    mixed = np.maximum(density, 0.0) @ matrix.astype(np.float32)
    mixed = np.clip(mixed, 0.0, 4.0)
    power = np.float32(np.exp(rng.normal(0, ranges.curve)))
    # The curve turns around density 0.7, about the middle of a stained cell.
    curved: Floats = np.float32(0.7) * (mixed / np.float32(0.7)) ** power
    return curved + np.minimum(density, 0.0)


def relight(density: Floats, ranges: StainRanges, rng: np.random.Generator) -> Floats:
    """Light a density by a random lamp: (H,W,3) float32 0-255 with tint, slope, stray light and gamma."""
    size = density.shape[0]
    white = np.minimum(rng.uniform(*ranges.lamp) * np.exp(rng.normal(0, ranges.tint, 3)), 255.0)
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.normal(0, 0.04, 2)
    shade = 1.0 + slope[0] * ramp[:, None] + slope[1] * ramp[None, :]
    light = white.astype(np.float32) * np.exp(-density) * shade[..., None].astype(np.float32)
    haze = np.float32(rng.uniform(0, ranges.haze))
    light = haze + light * (1 - haze / 255)
    gamma = np.float32(np.exp(rng.normal(0, 0.12)))
    result: Floats = np.float32(255) * (np.clip(light, 0, 255) / np.float32(255)) ** gamma
    return result


def through_camera(light: Floats, ranges: StainRanges, rng: np.random.Generator) -> Bytes:
    """Lose colour, blur or sharpen, lose resolution, add noise and JPEG: (H,W,3) uint8."""
    image = light
    draw = rng.random(6)
    if draw[5] < ranges.faded:
        share = np.float32(rng.uniform(0.3, 1.0))
        image = image + share * (image.mean(axis=2, keepdims=True) - image)
    if draw[0] < 0.5:
        image = _blurred(image, rng.uniform(0.3, ranges.blur_px))
    elif draw[0] < 0.75:
        image = image + np.float32(rng.uniform(0.3, 1.5)) * (image - _blurred(image, rng.uniform(0.6, 1.5)))
    if draw[1] < ranges.coarse:
        image = _resampled(image, rng.uniform(0.3, 0.9))
    if draw[2] < 0.5:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
            rng.uniform(0.5, ranges.noise)
        )
        image = image + (_blurred(noise, 0.7) * 2 if draw[3] < 0.4 else noise)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    return through_jpeg(pixels, int(rng.integers(*ranges.jpeg))) if draw[4] < 0.4 else pixels


def slightly_varied(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """Vary light and focus as within one laboratory: (H,W,3) uint8 to the same."""
    image = np.float32(255) * (pixels.astype(np.float32) / np.float32(255)) ** np.float32(
        np.exp(rng.normal(0, 0.08))
    )
    image = image * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    if rng.random() < 0.3:
        image = _blurred(image, rng.uniform(0.2, 0.8))
    noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, 3))
    return np.asarray(np.clip(image + noise, 0, 255), dtype=np.uint8)


def _blurred(image: Floats, sigma: float) -> Floats:
    result: Floats = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    return result


def _resampled(image: Floats, share: float) -> Floats:
    """Shrink by ``share`` and enlarge again, as a cell photographed at low magnification."""
    size = image.shape[0]
    small = max(16, round(size * share))
    picture = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    back = picture.resize((small, small), Image.Resampling.BOX).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(back, dtype=np.float32)
