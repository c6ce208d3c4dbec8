"""Slides: taken apart into tiles when they are uploaded, and shown by Deep Zoom straight from their file.

This module runs in the image processes (`workers`), as everything does that opens what was sent.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from PIL import Image

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate
from marrowscope.errors import ImageError
from marrowscope.imaging.field_source import FieldSource
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.formats import DICOM, HEAD_BYTES, recognise
from marrowscope.imaging.files.pixel_size import dots_per_inch
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.imaging.quality import UNFIT_TILE, assess
from marrowscope.imaging.scale import WORKING_MPP, resample
from marrowscope.imaging.slides.deep_zoom import Box, highest_level, tile_box
from marrowscope.imaging.slides.opening import SlideFiles, opened, readable, slides_of
from marrowscope.imaging.slides.overview import draw_overview
from marrowscope.imaging.slides.slide import Slide, level_for
from marrowscope.imaging.slides.survey import Survey, pictures_of, survey
from marrowscope.imaging.slides.tiles import TileOrder, ranks
from marrowscope.planning import NO_MONOLAYER
from marrowscope.service.errors import NotFoundError
from marrowscope.service.images.blobs import Blobs

OVERVIEW: Final = "overview.jpg"
"""Which tiles were cut when the slide was taken apart. Nothing draws it later, so no version is in its name:
another version has no truer one to put in its place."""

CandidateBox = tuple[int, int, int, int]
"""Left, top, right, bottom in full-resolution px of the slide or image."""

_ENOUGH: Final = 700  # cells on the tiles of a slide: of these, 500 are counted
_CELL_PURPLE_UM2: Final = 120.0  # of the colour of nuclei in a cell, basophilic cytoplasm included
_MOST_TILES: Final = 150


@dataclass(frozen=True)
class ExaminedSlide:
    """A slide that tiles were cut from; attributes as those of `store.patients.Slide`.

    `candidates` are those for megakaryocytes, in the order of their squares on their sheet.
    """

    sha256: str
    width: int
    height: int
    mpp: float
    countable_mm2: float
    tile_mm2: float
    tiles: int
    examined_mm2: float
    candidates: tuple[MegakaryocyteCandidate, ...]


@dataclass(frozen=True)
class CutTile:
    """A tile: its bytes as a PNG file, and its left upper corner in the slide."""

    content: bytes
    x: int
    y: int


def take_apart(
    blobs: Blobs, limits: DecodeLimits, source: FieldSource
) -> tuple[ExaminedSlide, Iterator[CutTile]]:
    """Store a slide, and cut sharp tiles at random over its monolayer until they hold enough cells.

    How many cells a tile holds is told by its colour, since the networks have not seen it yet.

    Raises
    ------
    ImageError
        It cannot be read, consists of several files, or has no area to count.
    """
    of_several_files = source.name.lower().endswith(".mrxs") or recognise(source.head(HEAD_BYTES)) is DICOM
    if of_several_files:
        raise ImageError("slides of several files cannot be uploaded: read them with `marrowscope analyse`")
    (files,) = slides_of(source, limits.max_pixels)
    with readable():
        digest = files.digest()
    with opened(files) as slide:
        found = survey(slide)
    if not len(found.tiles):
        raise ImageError(NO_MONOLAYER)
    blobs.put_file(files.paths[0], digest)
    blobs.put_derived(digest, OVERVIEW, _overview(found, []))
    if found.pictures:
        boxes = [each.box for each in found.megakaryocytes.candidates]
        blobs.put_derived(digest, megakaryocytes_name(boxes), found.pictures)
    examined = ExaminedSlide(
        digest,
        found.width,
        found.height,
        found.mpp,
        round(found.countable_mm2, 4),
        found.tile_mm2,
        len(found.tiles),
        round(found.megakaryocytes.examined_mm2, 4),
        found.megakaryocytes.candidates,
    )
    return examined, _cut(blobs, digest, files, found)


def megakaryocytes_name(boxes: Sequence[CandidateBox]) -> str:
    """Return the name of the sheet that shows the candidates with these boxes, in this order.

    Another version may find others on the same slide, another scale in the same image: each list of
    candidates has pictures of its own.
    """
    text = ";".join(",".join(map(str, box)) for box in boxes)
    return f"megakaryocytes-{hashlib.sha256(text.encode()).hexdigest()[:32]}.jpg"


def make_megakaryocytes(blobs: Blobs, digest: str, boxes: Sequence[CandidateBox]) -> None:
    """Store the sheet of candidates on a slide, from its file.

    Raises
    ------
    NotFoundError
        The slide is no longer kept.
    """
    with _kept(blobs, digest) as slide:
        blobs.put_derived(digest, megakaryocytes_name(boxes), pictures_of(slide, boxes))


def deep_zoom_tile(blobs: Blobs, digest: str, level: int, column: int, row: int) -> bytes:
    """Return a Deep Zoom tile of a slide as JPEG, made of the nearest larger level of its file.

    Raises
    ------
    NotFoundError
        There is no such tile, or the slide is no longer kept.
    """
    with _kept(blobs, digest) as slide:
        full = slide.levels[0]
        highest = highest_level(full.width, full.height)
        factor = 2.0 ** (highest - level)
        box = tile_box((ceil(full.width / factor), ceil(full.height / factor)), column, row)
        if level > highest or box is None:
            raise NotFoundError("the slide has no such tile")
        return jpeg_bytes(_region(slide, factor, box), 85)


@contextmanager
def _kept(blobs: Blobs, digest: str) -> Iterator[Slide]:
    """Open a slide as it is kept."""
    if not blobs.path(digest).is_file():
        raise NotFoundError("the slide is no longer kept")
    with opened(SlideFiles.at((blobs.path(digest),))) as slide:
        yield slide


def _region(slide: Slide, factor: float, box: Box) -> Image.Image:
    """Return what is seen in a box, in px of the slide shrunk by a factor."""
    number = level_for(slide, factor / 1.15)
    level = slide.levels[number]
    x0, y0, x1, y1 = (side * factor / level.downsample for side in box)
    left, top = min(int(x0), level.width - 1), min(int(y0), level.height - 1)
    right = min(max(ceil(x1), left + 1), level.width)
    bottom = min(max(ceil(y1), top + 1), level.height)
    pixels = slide.read(number, left, top, right - left, bottom - top)
    size = box[2] - box[0], box[3] - box[1]
    return Image.fromarray(pixels).resize(size, Image.Resampling.BOX)


def _cut(blobs: Blobs, digest: str, files: SlideFiles, found: Survey) -> Iterator[CutTile]:
    cells, taken = 0.0, list[tuple[int, int]]()
    width, height = found.tile_px
    for place in np.argsort(ranks(digest, found, TileOrder.RANDOM)):
        if cells >= _ENOUGH or len(taken) >= _MOST_TILES:
            break
        x, y = (int(side) for side in found.tiles[place])
        with opened(files) as slide:
            pixels = slide.read(0, x, y, width, height)
        if UNFIT_TILE.intersection(assess(resample(pixels, found.mpp / WORKING_MPP)).flags):
            continue
        cells += float(found.richness[place]) * found.tile_mm2 * 1e6 / _CELL_PURPLE_UM2
        taken.append((x, y))
        stream = io.BytesIO()
        scale = {"dpi": dots_per_inch(found.mpp)} if found.is_stated else {}
        Image.fromarray(pixels).save(stream, "PNG", compress_level=1, **scale)
        yield CutTile(stream.getvalue(), x, y)
    blobs.put_derived(digest, OVERVIEW, _overview(found, taken))


def _overview(found: Survey, taken: list[tuple[int, int]]) -> bytes:
    return jpeg_bytes(draw_overview(found, taken, np.zeros((0, 2)), ""), 88)
