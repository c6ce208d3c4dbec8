"""Pictures made of images: thumbnails, Deep Zoom tiles, crops; pixels only, no metadata."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PIL import Image

from marrowscope.engines.pool import WorkerDiedError, WorkLimits
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.pipeline import GALLERY_CONTEXT, from_gallery
from marrowscope.service.errors import NotFoundError, UnavailableError
from marrowscope.service.images import workers
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.workers import (
    OVERLAP_PX,
    THUMBNAILS_PX,
    TILE_PX,
    TILES,
    image_workers,
)

T = TypeVar("T")


class Pictures:
    """Makes pictures at the first request and stores them next to their image.

    Parameters
    ----------
    blobs : where images are
    limits : for decoding an image
    work_limits : of the process that makes a picture
    """

    def __init__(self, blobs: Blobs, limits: DecodeLimits, work_limits: WorkLimits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._work_limits = work_limits

    def thumbnail(self, digest: str, size: int) -> bytes:
        """Return a JPEG whose longer side has at most `size` pixels; `THUMBNAILS_PX` has the largest.

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        kept = min((side for side in THUMBNAILS_PX if side >= size), default=THUMBNAILS_PX[0])
        path = self._blobs.derived(digest, workers.thumbnail_name(kept))
        if not path.is_file():
            self._done(partial(workers.make_thumbnails, self._blobs, self._limits, digest))
        if size >= kept:
            return path.read_bytes()
        with Image.open(path) as image:
            image.draft("RGB", (size, size))
            image.thumbnail((size, size), Image.Resampling.LANCZOS)
            return jpeg_bytes(image, 85)

    def tile(self, digest: str, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPEG; all are made when the first is asked for.

        Level n of Deep Zoom has the image at ``2 ** (n - highest)`` of its size; the highest is the image.

        Raises
        ------
        NotFoundError
            There is no such tile, or the image is no longer kept.
        """
        path = self._blobs.derived(digest, TILES)
        if not path.is_file():
            self._done(partial(workers.make_tiles, self._blobs, self._limits, digest))
        try:
            with zipfile.ZipFile(path) as tiles:
                return tiles.read(f"{level}/{column}_{row}.jpg")
        except KeyError as error:
            raise NotFoundError("the image has no such tile") from error

    def crop(self, digest: str, box: tuple[float, float, float, float], size: int) -> bytes:
        """Return a square of `size` pixels around a box, as on a gallery sheet, as JPEG.

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        cut = partial(workers.crop, box=box, size=size, context=GALLERY_CONTEXT)
        return self._done(partial(cut, self._blobs, self._limits, digest))

    def from_sheet(self, sheet: str, row: int) -> bytes:
        """Return one cell's square of a gallery sheet, as JPEG.

        Raises
        ------
        NotFoundError
            The sheet is no longer kept.
        """
        with Image.open(io.BytesIO(self._blobs.get(sheet))) as image:
            return jpeg_bytes(from_gallery(image, row), 92)

    def _done(self, work: Callable[[], T]) -> T:
        try:
            return image_workers(self._work_limits).submit(work).result()
        except WorkerDiedError as error:
            raise UnavailableError("the picture could not be made; try again in a moment") from error


def dzi(width: int, height: int) -> str:
    """Return the Deep Zoom description of an image."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
        f'TileSize="{TILE_PX}" Overlap="{OVERLAP_PX}" Format="jpg">'
        f'<Size Width="{width}" Height="{height}"/></Image>'
    )
