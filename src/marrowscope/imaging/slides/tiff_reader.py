"""Pyramids in TIFF files that OpenSlide does not know, such as OME-TIFF, read by tifffile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from tifffile import PHOTOMETRIC

from marrowscope.errors import ImageError
from marrowscope.imaging.files import pixel_size
from marrowscope.imaging.slides.slide import Level, Pixels, checked_levels

LEAST_PYRAMID_PIXELS: Final = 12_000_000
"""Smaller tiled pictures with smaller copies are fields as programs save them, and are read whole."""

_MOST_PAGES: Final = 200
_SAME_SHAPE: Final = 0.03  # part by which the sides of a smaller copy may differ by rounding
_MOST_SEGMENT_PIXELS: Final = 64_000_000


class TiffReader:
    """A pyramid of 8-bit RGB pages in tiles or strips.

    Parameters
    ----------
    path : its file

    Raises
    ------
    ImageError
        Its colours are not 8-bit RGB.
    """

    def __init__(self, path: Path) -> None:
        self._file = tifffile.TiffFile(path)
        self._lock = threading.Lock()
        try:
            self._pages = _pyramid(self._file)
            full = self._pages[0]
            sizes = [(page.imagewidth, page.imagelength) for page in self._pages]
            self.levels = checked_levels(tuple(Level(w, h, sizes[0][0] / max(w, 1)) for w, h in sizes))
            for page in self._pages:
                _check(page)
            self.mpp = _mpp(self._file, full)
        except BaseException:
            self._file.close()
            raise

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Return a region; segments that the file leaves out are white."""
        page = self._pages[level]
        region = np.full((height, width, 3), 255, np.uint8)
        across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
        side = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
        for row in range(y // side[1], -(-(y + height) // side[1])):
            for column in range(x // side[0], -(-(x + width) // side[0])):
                segment = self._segment(page, row * across + column)
                if segment is None:
                    continue
                top, left = row * side[1], column * side[0]
                y0, y1 = max(y, top), min(y + height, top + segment.shape[0])
                x0, x1 = max(x, left), min(x + width, left + segment.shape[1])
                if y0 < y1 and x0 < x1:
                    part = segment[y0 - top : y1 - top, x0 - left : x1 - left, :3]
                    region[y0 - y : y1 - y, x0 - x : x1 - x] = part
        return region

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _segment(self, page: tifffile.TiffPage, number: int) -> Any | None:
        offset, length = page.dataoffsets[number], page.databytecounts[number]
        if not length:
            return None
        with self._lock:
            self._file.filehandle.seek(offset)
            data = self._file.filehandle.read(length)
        if len(data) < length:
            raise ImageError("this slide is truncated: part of the file is missing")
        decoded = page.decode(data, number, jpegtables=page.jpegtables, jpegheader=page.jpegheader)[0]
        return None if decoded is None else decoded[0]


def is_pyramid(path: Path, largest_field: int) -> bool:
    """Return whether a TIFF file is a slide: tiled and large, with smaller copies or beyond any field.

    Parameters
    ----------
    path : the file
    largest_field : pixels that a field can have

    Raises
    ------
    Exception
        Whatever tifffile raises on damaged files.
    """
    with tifffile.TiffFile(path) as tiff:
        pages = _pyramid(tiff)
        pixels = pages[0].imagewidth * pages[0].imagelength
        return pages[0].is_tiled and (
            pixels > largest_field or (pixels >= LEAST_PYRAMID_PIXELS and len(pages) > 1)
        )


def is_ome(path: Path) -> bool:
    """Return whether a file holds OME-XML, which says more of it than its pages."""
    with tifffile.TiffFile(path) as tiff:
        return bool(tiff.is_ome)


def _pyramid(tiff: tifffile.TiffFile) -> list[tifffile.TiffPage]:
    """Return the largest page and its smaller copies, which have its shape."""
    pages = list(_pages(tiff))
    if not pages:
        raise ImageError("this TIFF image cannot be read: the file holds none")
    full = max(pages, key=lambda page: page.imagewidth * page.imagelength)
    copies = {(page.imagewidth, page.imagelength): page for page in reversed(pages) if _is_copy(page, full)}
    return [full, *(copies[size] for size in sorted(copies, reverse=True))]


def _pages(tiff: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    for number in range(_MOST_PAGES):
        try:
            page = tiff.pages[number]
        except IndexError:
            return
        whole = page.aspage()
        yield whole
        for below in whole.pages or ():
            yield below.aspage()


def _is_copy(page: tifffile.TiffPage, full: tifffile.TiffPage) -> bool:
    if not page.imagewidth or not page.imagelength or page.is_tiled != full.is_tiled:
        return False
    across, down = full.imagewidth / page.imagewidth, full.imagelength / page.imagelength
    rounding = _SAME_SHAPE + 2 / min(page.imagewidth, page.imagelength)
    return across >= 1.5 and abs(across / down - 1) < rounding


def _check(page: tifffile.TiffPage) -> None:
    colours = page.photometric in {PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR}
    if not colours or page.bitspersample != 8 or page.samplesperpixel < 3 or page.planarconfig != 1:
        raise ImageError("this slide does not store its colours as RGB of 8 bits: save it as such")
    rows = page.tilelength if page.is_tiled else page.rowsperstrip
    columns = page.tilewidth if page.is_tiled else page.imagewidth
    if rows * columns > _MOST_SEGMENT_PIXELS:
        raise ImageError("this slide is not stored in tiles: save it as a tiled pyramid")


def _mpp(tiff: tifffile.TiffFile, full: tifffile.TiffPage) -> float | None:
    tags = {tag.code: tag.value for tag in full.tags}
    # The OME-XML of all images stands in the first page.
    return pixel_size.from_tiff_tags({tag.code: tag.value for tag in tiff.pages[0].aspage().tags} | tags)
