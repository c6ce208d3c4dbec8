"""Pictures made of images: thumbnails, Deep Zoom tiles, crops; pixels only, no metadata."""

import io
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from PIL import Image

from marrowscope.engines.pool import WorkerDiedError, WorkLimits
from marrowscope.imaging import gallery
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.service.errors import NotFoundError, UnavailableError
from marrowscope.service.images import slides, workers
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.workers import THUMBNAILS_PX, TILES, image_workers

Box = tuple[float, float, float, float]
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

    def slide_tile(self, digest: str, level: int, column: int, row: int) -> bytes:
        """Return a tile of a whole slide as JPEG, straight from its file.

        Raises
        ------
        NotFoundError
            There is no such tile, or the slide is no longer kept.
        """
        return self._done(partial(slides.deep_zoom_tile, self._blobs, digest, level, column, row))

    def slide_overview(self, digest: str) -> bytes:
        """Return the overview of a slide, with its monolayer and the tiles cut from it, as JPEG.

        Raises
        ------
        NotFoundError
            The slide is no longer kept.
        """
        try:
            return self._blobs.derived(digest, slides.OVERVIEW).read_bytes()
        except OSError as error:
            raise NotFoundError("the slide is no longer kept") from error

    def megakaryocyte(
        self, digest: str, boxes: Sequence[slides.CandidateBox], place: int, *, is_on_slide: bool
    ) -> bytes:
        """Return the square of a candidate for a megakaryocyte on a slide or in an image, as JPEG.

        Parameters
        ----------
        digest : of the slide or image
        boxes : of all candidates on it, in order
        place : which of them
        is_on_slide : whether it is a slide

        Raises
        ------
        NotFoundError
            The slide or image is no longer kept.
        """
        path = self._blobs.derived(digest, slides.megakaryocytes_name(boxes))
        if not path.is_file() and is_on_slide:
            self._done(partial(slides.make_megakaryocytes, self._blobs, digest, boxes))
        elif not path.is_file():
            self._done(partial(workers.make_megakaryocytes, self._blobs, self._limits, digest, boxes))
        with Image.open(path) as sheet:
            return jpeg_bytes(gallery.from_sheet(sheet, place, gallery.LARGE_PX), 90)

    def crop(self, digest: str, box: Box, size: int) -> bytes:
        """Return a square of `size` pixels around a box, as on a gallery sheet, as JPEG.

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        return self._done(partial(workers.crop, self._blobs, self._limits, digest, box=box, size=size))

    def sheet(self, sheet: str, digest: str, boxes: Sequence[Box], side: int) -> bytes:
        """Return the sheet of a field's cells with larger squares, as JPEG.

        Parameters
        ----------
        sheet : digest of the sheet that the analysis keeps, beside which this one is stored
        digest : of the image
        boxes : of all cells on the sheet, in order
        side : of a square in pixels

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        name = f"squares-{side}.jpg"
        path = self._blobs.derived(sheet, name)
        if not path.is_file():
            made = self._done(
                partial(workers.sheet, self._blobs, self._limits, digest, boxes=boxes, side=side)
            )
            self._blobs.put_derived(sheet, name, made)
        return path.read_bytes()

    def from_sheet(self, sheet: str, row: int) -> bytes:
        """Return one cell's square of a gallery sheet, as JPEG.

        Raises
        ------
        NotFoundError
            The sheet is no longer kept.
        """
        with Image.open(io.BytesIO(self._blobs.get(sheet))) as image:
            return jpeg_bytes(gallery.from_sheet(image, row), 92)

    def _done(self, work: Callable[[], T]) -> T:
        try:
            return image_workers(self._work_limits).submit(work).result()
        except WorkerDiedError as error:
            raise UnavailableError("the picture could not be made; try again in a moment") from error
