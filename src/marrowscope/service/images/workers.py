"""Image processing in separate processes: one that an image crashes is replaced.

The server's own process never decodes what was sent to it. This module runs in at most two worker processes,
so that memory stays bounded, and loads no networks.
"""

import hashlib
import io
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.engines.pool import WorkerPool, WorkLimits
from marrowscope.errors import ImageError
from marrowscope.exports.atomic import atomic_path
from marrowscope.imaging import gallery
from marrowscope.imaging.files.decode import DecodeLimits, decode, fields_of
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.imaging.repeats.fields import Sketch, sketch
from marrowscope.imaging.slides.deep_zoom import highest_level, level_boxes
from marrowscope.imaging.slides.opening import is_slide
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.slides import CandidateBox, ExaminedSlide, megakaryocytes_name, take_apart

THUMBNAILS_PX: Final = (512, 256)
"""Stored sizes, the largest first; others are made from the next larger one."""
TILES = "tiles.zip"
SKETCH = "sketch.npy"
AT_ONCE: Final = 2
_QUALITY = 90
_KEPT_BYTES = 256 * 2**20  # decoded pixels kept in a worker's memory for crops

Pixels = npt.NDArray[np.uint8]
_recent: "OrderedDict[str, Pixels]" = OrderedDict()
_pools: dict[WorkLimits, WorkerPool] = {}


@dataclass(frozen=True)
class ExaminedImage:
    """An image with its digest and size, or, in `message`, why a file is none; of a tile, also its slide."""

    message: str = ""
    sha256: str | None = None
    size: int = 0
    width: int = 0
    height: int = 0
    mpp: float | None = None
    slide: ExaminedSlide | None = None
    slide_xy: tuple[int, int] | None = None


def image_workers(limits: WorkLimits) -> WorkerPool:
    """Return this server's image processes, the same pool for the same limits."""
    if limits not in _pools:
        _pools[limits] = WorkerPool(AT_ONCE, limits=limits)
    return _pools[limits]


def end_image_workers() -> None:
    """End the image processes; nothing may be using them."""
    while _pools:
        _pools.popitem()[1].close()


def examine_image(
    blobs: Blobs, limits: DecodeLimits, source: FieldSource, left: int
) -> tuple[ExaminedImage, ...]:
    """Examine a file; store it with its thumbnails if it is a readable image.

    A file of several fields is taken apart, and each is stored on its own.

    Parameters
    ----------
    left : bytes that the request's limit still allows
    """
    if is_slide(source, limits.max_pixels):
        return _examine_slide(blobs, limits, source)
    try:
        data = source.read(limits)
    except ImageError as error:
        return (ExaminedImage(str(error)),)
    digest, size = hashlib.sha256(data).hexdigest(), len(data)
    if size > left:
        return (ExaminedImage("the files of this request, unpacked, have more bytes than the limit"),)
    try:
        parts = tuple(_stored(blobs, limits, part) for part in fields_of(data, limits=limits))
        return parts or (_stored(blobs, limits, data),)
    except ImageError as error:
        return (ExaminedImage(str(error), digest, size),)


def _examine_slide(blobs: Blobs, limits: DecodeLimits, source: FieldSource) -> tuple[ExaminedImage, ...]:
    """Take a slide apart: its tiles are images as others are, and named by their place."""
    try:
        slide, tiles = take_apart(blobs, limits, source)
        found = [
            replace(_stored(blobs, limits, tile.content), slide=slide, slide_xy=(tile.x, tile.y))
            for tile in tiles
        ]
    except ImageError as error:
        return (ExaminedImage(str(error)),)
    return tuple(found) or (ExaminedImage("no tile of this slide is sharp"),)


def _stored(blobs: Blobs, limits: DecodeLimits, data: bytes) -> ExaminedImage:
    image = decode(data, limits=limits)
    digest = blobs.put(data)
    _keep_thumbnails(blobs, digest, image.pixels)
    keep_sketch(blobs, digest, sketch(image.pixels))
    height, width = image.pixels.shape[:2]
    return ExaminedImage("", digest, len(data), width, height, image.mpp)


def make_thumbnails(blobs: Blobs, limits: DecodeLimits, digest: str) -> None:
    """Make the thumbnails of an image again.

    Raises
    ------
    NotFoundError
        The image is no longer kept.
    """
    _keep_thumbnails(blobs, digest, _pixels(blobs, limits, digest))


def make_tiles(blobs: Blobs, limits: DecodeLimits, digest: str) -> None:
    """Make all Deep Zoom tiles of an image, in one archive.

    Raises
    ------
    NotFoundError
        The image is no longer kept.
    """
    path = blobs.derived(digest, TILES)
    if path.is_file():
        return
    pixels = _pixels(blobs, limits, digest)
    with atomic_path(path) as beside, zipfile.ZipFile(beside, "w") as tiles:
        _write_levels(Image.fromarray(pixels), tiles)


def crop(
    blobs: Blobs, limits: DecodeLimits, digest: str, *, box: tuple[float, float, float, float], size: int
) -> bytes:
    """Cut the square of `size` pixels around a box, as JPEG.

    Raises
    ------
    NotFoundError
        The image is no longer kept.
    """
    return gallery.square_jpeg(_pixels(blobs, limits, digest), box, size)


def sheet(
    blobs: Blobs,
    limits: DecodeLimits,
    digest: str,
    *,
    boxes: Sequence[tuple[float, float, float, float]],
    side: int,
) -> bytes:
    """Cut the squares of `side` pixels around all boxes, on one sheet as JPEG.

    Raises
    ------
    NotFoundError
        The image is no longer kept.
    """
    return gallery.sheet_of(_pixels(blobs, limits, digest), np.asarray(boxes, np.float32), side)


def make_megakaryocytes(
    blobs: Blobs, limits: DecodeLimits, digest: str, boxes: Sequence[CandidateBox]
) -> None:
    """Store the sheet of an image's candidates for megakaryocytes.

    Raises
    ------
    NotFoundError
        The image is no longer kept.
    """
    made = sheet(blobs, limits, digest, boxes=boxes, side=gallery.LARGE_PX)
    blobs.put_derived(digest, megakaryocytes_name(boxes), made)


def thumbnail_name(side: int) -> str:
    """Return the name under which a thumbnail is stored."""
    return f"thumbnail-{side}.jpg"


def keep_sketch(blobs: Blobs, digest: str, own: Sketch) -> None:
    """Keep the sketch of an image beside its bytes."""
    stream = io.BytesIO()
    np.save(stream, own.astype(np.float16))
    blobs.put_derived(digest, SKETCH, stream.getvalue())


def _keep_thumbnails(blobs: Blobs, digest: str, pixels: Pixels) -> None:
    image = Image.fromarray(pixels)
    for side in THUMBNAILS_PX:
        image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        blobs.put_derived(digest, thumbnail_name(side), jpeg_bytes(image, 85))


def _pixels(blobs: Blobs, limits: DecodeLimits, digest: str) -> Pixels:
    """Decode an image; the most recently used ones stay in memory as long as they are kept."""
    if not blobs.path(digest).is_file():
        _recent.pop(digest, None)
    if digest not in _recent:
        pixels = decode(blobs.get(digest), limits=limits).pixels
        _recent[digest] = pixels
        while len(_recent) > 1 and sum(kept.nbytes for kept in _recent.values()) > _KEPT_BYTES:
            _recent.popitem(last=False)
    _recent.move_to_end(digest)
    return _recent[digest]


def _write_levels(image: Image.Image, tiles: zipfile.ZipFile) -> None:
    for level in range(highest_level(*image.size), -1, -1):
        for (column, row), box in level_boxes(image.size):
            tiles.writestr(f"{level}/{column}_{row}.jpg", jpeg_bytes(image.crop(box), _QUALITY))
        smaller = max(ceil(image.width / 2), 1), max(ceil(image.height / 2), 1)
        image = image.resize(smaller, Image.Resampling.BOX)
