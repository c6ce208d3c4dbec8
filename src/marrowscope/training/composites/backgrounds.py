"""Empty fields to lay cells on: real leukocyte-free fields, or plain slides with real red cells."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from marrowscope.errors import DatasetError
from marrowscope.imaging.background import slide_colour
from marrowscope.training.composites.cutouts import CLEAR, CutOut, with_levels

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

_RED_CELL_RADIUS_UM = (2.6, 4.6)
_LIGHT_STEP = 8


@dataclass(frozen=True, slots=True)
class Background:
    """A field without a leukocyte, and the light that its empty slide lets through (an eighth its size)."""

    picture: Image.Image
    light: Image.Image
    mpp: float

    def view(self, rng: np.random.Generator, size_px: int, mpp: float) -> tuple[Pixels, Pixels]:
        """Give (size, size, 3) pixels and light at `mpp`: randomly cut, turned, mirrored where too small."""
        scale = self.mpp / mpp
        width, height = (max(16, round(side * scale)) for side in self.picture.size)
        pixels = np.asarray(self.picture.resize((width, height), Image.Resampling.BILINEAR))
        light = np.asarray(self.light.resize((width, height), Image.Resampling.BILINEAR))
        offset = [int(rng.integers(0, max(1, side - size_px + 1))) for side in (height, width)]
        turn, flip = int(rng.integers(4)), bool(rng.integers(2))
        return (
            _orient(_window(pixels, offset, size_px), turn, flip),
            _orient(_window(light, offset, size_px), turn, flip),
        )


def load_background(path: Path, mpp: float) -> Background:
    """Read one field; raise DatasetError where it is no image."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path}: cannot be read as an image ({error})") from error
    return background_from(np.asarray(picture), mpp)


def background_from(pixels: Pixels, mpp: float) -> Background:
    """Take an (H, W, 3) field and estimate its lamp: empty slide, smoothed across what lies on it."""
    step = _LIGHT_STEP
    small = pixels[step // 2 :: step, step // 2 :: step].astype(np.float32)
    colour = slide_colour(pixels)
    # Empty where the colour is the background's own; vignetting moves it by less than a fifth.
    empty = (np.abs(small / np.maximum(colour, 1.0) - 1.0).max(axis=2) < 0.12).astype(np.float32)[..., None]
    weight = ndimage.gaussian_filter(empty, (6, 6, 0)) + 0.02
    light = (ndimage.gaussian_filter(small * empty, (6, 6, 0)) + 0.02 * colour) / weight
    lamp = Image.fromarray(np.clip(light, 1, 255).astype(np.uint8))
    return Background(Image.fromarray(pixels), lamp, mpp)


def red_cells_of(background: Background, limit: int = 30) -> list[CutOut]:
    """Cut single red cells out of a field, at most `limit`, by their density and round shape."""
    pixels = np.asarray(background.picture)
    lamp = np.asarray(background.light.resize(background.picture.size, Image.Resampling.BILINEAR))
    ratio = pixels / np.maximum(lamp.astype(np.float32), 1.0)
    mask = ndimage.binary_fill_holes(ndimage.binary_opening(ratio.min(axis=2) < 0.88, iterations=2))
    labels, _ = ndimage.label(mask)
    low, high = (np.pi * (radius / background.mpp) ** 2 for radius in _RED_CELL_RADIUS_UM)
    found: list[CutOut] = []
    for index, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        window = (
            slice(max(0, rows.start - 3), rows.stop + 3),
            slice(max(0, columns.start - 3), columns.stop + 3),
        )
        single = labels[window] == index
        # A disc fills 0.785 of its box, an ellipse too; touching pairs fill less.
        fill = single.sum() / ((rows.stop - rows.start) * (columns.stop - columns.start))
        inside = rows.start > 2 and columns.start > 2
        inside &= rows.stop < mask.shape[0] - 2 and columns.stop < mask.shape[1] - 2
        if not (inside and low < single.sum() < high and fill > 0.70):
            continue
        soft = ndimage.gaussian_filter(single.astype(np.float32), 1.2)
        alpha = np.clip((soft - 0.25) / 0.5, 0, 1) * 255
        rgba = np.dstack([np.clip(ratio[window] * CLEAR, 1, 255), alpha]).round().astype(np.uint8)
        found.append(with_levels(rgba, background.mpp, "red_cell", "background"))
        if len(found) == limit:
            break
    return found


def plain_light(rng: np.random.Generator, size_px: int) -> Pixels:
    """Draw the light of an empty slide, (size, size, 3): a whitish lamp with a gentle slope across it."""
    colour = rng.uniform(165, 250) * (1 + rng.normal(0, 0.05, 3))
    slope = rng.normal(0, 0.04, 2)
    across = np.linspace(-1, 1, 16)
    shade = 1 + slope[0] * across[:, None] + slope[1] * across[None, :]
    coarse = np.clip(shade[..., None] * colour, 60, 253).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((size_px, size_px), Image.Resampling.BILINEAR))


def plain_slide(rng: np.random.Generator, light: Pixels) -> Pixels:
    """Give the light a camera's grain."""
    # One block of noise laid out again and again is as good as fresh noise, and quicker.
    grain = rng.normal(0, rng.uniform(0.5, 2.5), (64, 64, 1)).astype(np.int16)
    repeats = -(-light.shape[0] // 64), -(-light.shape[1] // 64)
    tiled = np.tile(grain, (*repeats, 1))[: light.shape[0], : light.shape[1]]
    return np.asarray(np.clip(light + tiled, 0, 255), dtype=np.uint8)


def _window(array: Pixels, offset: list[int], size_px: int) -> Pixels:
    """Cut size x size from an offset on; mirror the rest where the array ends."""
    part = array[offset[0] : offset[0] + size_px, offset[1] : offset[1] + size_px]
    short = [size_px - side for side in part.shape[:2]]
    if max(short) > 0:
        part = np.pad(part, ((0, short[0]), (0, short[1]), (0, 0)), mode="symmetric")
    return part


def _orient(array: Pixels, turn: int, flip: bool) -> Pixels:
    turned = np.rot90(array, turn)
    return np.ascontiguousarray(turned[:, ::-1] if flip else turned)
