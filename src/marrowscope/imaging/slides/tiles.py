"""Tiles of a slide as fields, and the order in which they are counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from marrowscope.domain.patient import tile_name
from marrowscope.imaging.field_source import DecodedSource
from marrowscope.imaging.files.decode import DecodeLimits, FieldImage
from marrowscope.imaging.slides.opening import SlideFiles, opened
from marrowscope.imaging.slides.survey import Survey


class TileOrder(StrEnum):
    """In which order the tiles of a slide are counted, and how many."""

    RANDOM = "random"
    """At random over the countable area, until enough cells are counted."""
    BEST = "best"
    """Those with the most nucleated cells first, until enough cells are counted."""
    ALL = "all"
    """All of the countable area."""


@dataclass(frozen=True, slots=True)
class TileSource:
    """A tile of a slide, cut out on demand.

    Attributes
    ----------
    name : ``<slide>@<x>,<y>``
    files : the slide's
    sha256 : digest of the slide and of where the tile lies in it
    x, y, width, height : full-resolution px of the slide
    """

    name: str
    files: SlideFiles
    sha256: str
    x: int
    y: int
    width: int
    height: int

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Cut the tile; a slide that changed since it was surveyed is refused."""
        del limits, sha256  # a tile is small, and `opened` compares the files
        with opened(self.files) as slide:
            pixels = np.ascontiguousarray(slide.read(0, self.x, self.y, self.width, self.height))
            pixels.flags.writeable = False
            return FieldImage(pixels, slide.mpp, slide_xy=(self.x, self.y))

    def loaded(self, limits: DecodeLimits) -> DecodedSource:
        """Return the tile with its pixels in memory."""
        return DecodedSource(self.name, self.image(limits, self.sha256))


def tiles_of(name: str, files: SlideFiles, sha256: str, found: Survey) -> tuple[TileSource, ...]:
    """Return the tiles of a surveyed slide in reading order."""
    width, height = found.tile_px
    return tuple(
        TileSource(
            tile_name(name, x, y),
            files,
            hashlib.sha256(f"{sha256}@{x},{y},{width},{height}".encode()).hexdigest(),
            x,
            y,
            width,
            height,
        )
        for x, y in found.tiles.tolist()
    )


def ranks(sha256: str, found: Survey, order: TileOrder) -> npt.NDArray[np.float64]:
    """Return a rank for each tile of a slide; lower ones come first, among the tiles of several slides, too.

    Random ranks depend on nothing but the slide's digest, so that a run repeats.
    """
    if order is TileOrder.BEST:
        return -np.asarray(found.richness, np.float64)
    return np.random.default_rng(int(sha256, 16)).random(len(found.tiles))
