"""Pictures served of images: thumbnails, Deep Zoom tiles, crops. Only pixels leave, no metadata."""

import io
import threading
import zipfile
from collections import OrderedDict
from math import ceil

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.exports.atomic import atomic_path
from marrowscope.imaging.crops import crop_cells
from marrowscope.imaging.decode import DecodeLimits, decode
from marrowscope.pipeline import GALLERY_CONTEXT, from_gallery
from marrowscope.service.blobs import Blobs
from marrowscope.service.errors import NotFoundError

TILE_PX, OVERLAP_PX = 256, 1
THUMBNAIL_PX = 512
_THUMBNAIL, _TILES = "thumbnail.jpg", "tiles.zip"
_QUALITY = 90
_KEPT_BYTES = 256 * 2**20  # decoded pixels kept in memory for crops

Pixels = npt.NDArray[np.uint8]


class Pictures:
    """Makes pictures when first asked for, and keeps them beside the bytes they are of.

    Parameters
    ----------
    blobs : where images lie
    limits : what decoding one may cost
    """

    def __init__(self, blobs: Blobs, limits: DecodeLimits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._recent: OrderedDict[str, Pixels] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()  # one image is decoded at a time: memory stays bounded

    def keep_thumbnail(self, digest: str, pixels: Pixels) -> None:
        """Make the thumbnail of an image whose pixels are at hand."""
        image = Image.fromarray(pixels)
        image.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
        self._blobs.put_derived(digest, _THUMBNAIL, _jpeg(image, 85))

    def thumbnail(self, digest: str, size: int) -> bytes:
        """Return a JPEG whose longer side has at most `size` pixels, `THUMBNAIL_PX` at most.

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        path = self._blobs.derived(digest, _THUMBNAIL)
        if not path.is_file():
            self.keep_thumbnail(digest, self.pixels(digest))
        if size >= THUMBNAIL_PX:
            return path.read_bytes()
        with Image.open(path) as image:
            image.draft("RGB", (size, size))
            image.thumbnail((size, size), Image.Resampling.LANCZOS)
            return _jpeg(image, 85)

    def has_tiles(self, digest: str) -> bool:
        """Tell whether the tiles are made already."""
        return self._blobs.derived(digest, _TILES).is_file()

    def tile(self, digest: str, level: int, column: int, row: int) -> bytes:
        """Return a tile as JPEG; all are made when the first is asked for.

        Level n of Deep Zoom has the image at ``2 ** (n - highest)`` of its size; the highest is the image.

        Raises
        ------
        NotFoundError
            There is no such tile, or the image is no longer kept.
        """
        path = self._blobs.derived(digest, _TILES)
        if not path.is_file():
            self._make_tiles(digest)
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
        boxes = np.asarray([box], np.float32)
        return _jpeg(Image.fromarray(crop_cells(self.pixels(digest), boxes, size, GALLERY_CONTEXT)[0]), 88)

    def from_sheet(self, sheet: str, row: int) -> bytes:
        """Return one cell's square of a gallery sheet, as JPEG.

        Raises
        ------
        NotFoundError
            The sheet is no longer kept.
        """
        with Image.open(io.BytesIO(self._blobs.get(sheet))) as image:
            return _jpeg(from_gallery(image, row), 92)

    def pixels(self, digest: str) -> Pixels:
        """Return an image's pixels, (H, W, 3) uint8 RGB; those used last are kept in memory.

        Raises
        ------
        NotFoundError
            The image is no longer kept.
        """
        with self._lock:
            if digest in self._recent:
                self._recent.move_to_end(digest)
                return self._recent[digest]
        with self._making:
            with self._lock:
                if digest in self._recent:
                    return self._recent[digest]
            pixels = decode(self._blobs.get(digest), limits=self._limits).pixels
            self._remember(digest, pixels)
        return pixels

    def _remember(self, digest: str, pixels: Pixels) -> None:
        with self._lock:
            self._recent[digest] = pixels
            while sum(kept.nbytes for kept in self._recent.values()) > _KEPT_BYTES:
                self._recent.popitem(last=False)

    def _make_tiles(self, digest: str) -> None:
        pixels = self.pixels(digest)
        path = self._blobs.derived(digest, _TILES)
        with self._making:
            if path.is_file():
                return
            with atomic_path(path) as beside, zipfile.ZipFile(beside, "w") as tiles:
                _write_levels(Image.fromarray(pixels), tiles)


def highest_level(width: int, height: int) -> int:
    """Return the Deep Zoom level that shows an image at its own size."""
    return max(width, height, 1).bit_length() - (1 if max(width, height).bit_count() == 1 else 0)


def dzi(width: int, height: int) -> str:
    """Return the Deep Zoom description of an image."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" '
        f'TileSize="{TILE_PX}" Overlap="{OVERLAP_PX}" Format="jpg">'
        f'<Size Width="{width}" Height="{height}"/></Image>'
    )


def _write_levels(image: Image.Image, tiles: zipfile.ZipFile) -> None:
    for level in range(highest_level(*image.size), -1, -1):
        for row in range(ceil(image.height / TILE_PX)):
            for column in range(ceil(image.width / TILE_PX)):
                tiles.writestr(f"{level}/{column}_{row}.jpg", _jpeg(_cut(image, column, row), _QUALITY))
        smaller = max(ceil(image.width / 2), 1), max(ceil(image.height / 2), 1)
        image = image.resize(smaller, Image.Resampling.BOX)


def _cut(image: Image.Image, column: int, row: int) -> Image.Image:
    x, y = column * TILE_PX, row * TILE_PX
    left, top = max(x - OVERLAP_PX, 0), max(y - OVERLAP_PX, 0)
    right = min(x + TILE_PX + OVERLAP_PX, image.width)
    bottom = min(y + TILE_PX + OVERLAP_PX, image.height)
    return image.crop((left, top, right, bottom))


def _jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
