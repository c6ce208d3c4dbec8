"""Slides of scanners' own formats, read by OpenSlide (extra `wsi`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openslide
from PIL import Image

from marrowscope.imaging.files.pixel_size import plausible
from marrowscope.imaging.slides.slide import Level, Pixels, checked_levels


class OpenSlideReader:
    """A slide that OpenSlide reads.

    Parameters
    ----------
    path : its file; further files are found by OpenSlide

    Raises
    ------
    openslide.OpenSlideError
        The file is damaged, or of no format that OpenSlide knows.
    """

    def __init__(self, path: Path) -> None:
        self._slide = openslide.OpenSlide(path)
        sizes = zip(self._slide.level_dimensions, self._slide.level_downsamples, strict=True)
        self.levels = checked_levels(tuple(Level(*size, downsample) for size, downsample in sizes))
        self.mpp = _mpp(self._slide)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Return a region; what the scanner left out is white."""
        downsample = self.levels[level].downsample
        corner = round(x * downsample), round(y * downsample)
        region = self._slide.read_region(corner, level, (width, height))
        laid = Image.alpha_composite(Image.new("RGBA", region.size, "white"), region)
        return np.asarray(laid.convert("RGB"))

    def close(self) -> None:
        """Close the slide."""
        self._slide.close()


def is_known(path: Path) -> bool:
    """Return whether OpenSlide takes a file for a slide."""
    return openslide.OpenSlide.detect_format(path) is not None


def _mpp(slide: openslide.OpenSlide) -> float | None:
    stated = [
        slide.properties.get(name) for name in (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_MPP_Y)
    ]
    try:
        across, down = (plausible(float(value)) for value in stated if value is not None)
    except ValueError:  # not both are stated, or not as numbers
        return None
    return None if across is None or down is None else (across + down) / 2
