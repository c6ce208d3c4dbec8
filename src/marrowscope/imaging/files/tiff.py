"""TIFF files of every depth, compression, byte order and layout, read by tifffile.

A file may hold more than one image: thumbnails and smaller copies, the planes of a focus stack, several
fields, colours one by one. `planes_of` lists what may be a field, `read_plane` decodes one of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC

from marrowscope.errors import ImageError
from marrowscope.imaging.files import pixel_size
from marrowscope.imaging.files.depth import FROM_CMYK, GRAYSCALE, ON_WHITE, to_eight_bits
from marrowscope.imaging.files.jpeg import check_scans, complaint_about

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # odd tags are no matter for the reader's terminal

MOST_PLANES: Final = 500
"""A focus stack has tens of planes, a file of fields a few hundred."""

_SMALLER_COPY: Final = 0.5  # sides of a thumbnail or pyramid level over those of the image, at most
_UM_PER_CM: Final = 10_000.0
_ICC_PROFILE: Final = 34675
_DESCRIPTION: Final = 270
_ORIENTATION: Final = 274
_DAMAGED: Final = "marrowscope: "
"""How the description of a field begins that was taken out of a damaged file."""
_COLOURS: Final = (
    PHOTOMETRIC.RGB, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.PALETTE,
    PHOTOMETRIC.YCBCR, PHOTOMETRIC.SEPARATED,
)  # fmt: skip
_CONVERTED_WHILE_DECODING: Final = (
    COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.APERIO_JP2000_YCBC, COMPRESSION.JPEG2000,
    COMPRESSION.WEBP, COMPRESSION.JPEGXL,
)  # fmt: skip


@dataclass(frozen=True)
class Plane:
    """One image of a TIFF file.

    Attributes
    ----------
    series, page : where it lies: the number of its series, and of its page within that
    width, height : pixels
    """

    series: int
    page: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class PlanePixels:
    """A decoded plane.

    Attributes
    ----------
    pixels : uint8 (H, W, 3) RGB, as stored: not turned upright
    mpp : micrometres per pixel, where the file states it plausibly
    orientation : EXIF orientation, 1 to 8
    profile : ICC profile, empty where there is none
    notes : what had to be converted
    """

    pixels: npt.NDArray[np.uint8]
    mpp: float | None
    orientation: int
    profile: bytes
    notes: tuple[str, ...]


@contextmanager
def opened(data: bytes) -> Iterator[tifffile.TiffFile]:
    """Open a file; every fault tifffile and its codecs find becomes an `ImageError`."""
    try:
        with _with_series(data) as tiff:
            yield tiff
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # on damaged bytes the readers raise nearly anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise ImageError(f"this TIFF image cannot be read: {reason}") from error


def _with_series(data: bytes) -> tifffile.TiffFile:
    """Open a file whose images can be listed; OME-XML that cannot be understood is done without."""
    tiff = tifffile.TiffFile(BytesIO(data))
    try:
        _ = tiff.series
    except Exception:  # tifffile takes what OME-XML says for granted
        if not tiff.is_ome:
            raise
        return tifffile.TiffFile(BytesIO(data), is_ome=False)
    return tiff


def planes_of(tiff: tifffile.TiffFile) -> tuple[tuple[Plane, ...], int]:
    """Return the full-size images of a file in their order, and how many smaller copies were left out.

    Raises
    ------
    ImageError
        There is none, or there are more than `MOST_PLANES`.
    """
    found: list[Plane] = []
    copies = 0
    for number, series in enumerate(tiff.series):
        keyframe = series.keyframe
        count = 1 if _has_channel_pages(series) else series.size // max(keyframe.size, 1)
        if len(found) + count > MOST_PLANES:
            raise ImageError(f"this TIFF file holds more than {MOST_PLANES} images, the limit")
        if keyframe.is_reduced or keyframe.is_mask:
            copies += count
        else:
            size = keyframe.imagewidth, keyframe.imagelength
            found += [Plane(number, page, *size) for page in range(count)]
    if not found:
        raise ImageError("this TIFF image cannot be read: the file holds none")
    width = max(plane.width for plane in found)
    height = max(plane.height for plane in found)
    full = tuple(p for p in found if p.width > _SMALLER_COPY * width or p.height > _SMALLER_COPY * height)
    return full, copies + len(found) - len(full)


def read_plane(tiff: tifffile.TiffFile, plane: Plane) -> PlanePixels:
    """Decode one image of a file.

    Raises
    ------
    ImageError
        Its colours or its compression are of a kind that is not read.
    """
    series = tiff.series[plane.series]
    page = series.keyframe
    if page.photometric not in _COLOURS:
        name = PHOTOMETRIC(page.photometric).name
        raise ImageError(f"this TIFF image stores colours as {name}, which is not read; save it as RGB")
    notes: list[str] = []
    if _has_channel_pages(series):
        notes.append("three gray pages read as red, green and blue")
    values, colours = _stored(tiff, plane)
    pixels = _rgb(_samples_last(values, page), page, colours, notes)
    tags = {tag.code: tag.value for tag in page.tags}
    notes += _damage(tiff, series, plane.page) or _damage_before(tags)
    return PlanePixels(
        pixels,
        pixel_size.from_tiff_tags(tags),
        _orientation(tags.get(_ORIENTATION)),
        _bytes(tags.get(_ICC_PROFILE)),
        tuple(notes),
    )


def _damage_before(tags: Mapping[int, Any]) -> list[str]:
    """Return what `rewritten` noted: once a field is taken out of its file, nothing else tells of damage."""
    description = str(tags.get(_DESCRIPTION, ""))
    return [description.removeprefix(_DAMAGED)] if description.startswith(_DAMAGED) else []


def _stored(tiff: tifffile.TiffFile, plane: Plane) -> tuple[npt.NDArray[Any], int]:
    """Return the samples of a plane as stored, and what they mean; gray pages of three colours are joined."""
    series = tiff.series[plane.series]
    if _has_channel_pages(series):
        return np.stack([_samples(tiff, series, number) for number in range(3)], axis=-1), PHOTOMETRIC.RGB
    return _samples(tiff, series, plane.page), series.keyframe.photometric


def _damage(tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries, number: int) -> list[str]:
    """Return what is wrong with the JPEG data of a page; imagecodecs decodes it without a word."""
    for segment in _segments(tiff, series, number, COMPRESSION.JPEG):
        fault = complaint_about(_whole_jpeg(segment, series.keyframe.jpegtables))
        if fault is not None:
            return [fault]
    return []


def _segments(
    tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries, number: int, *compressions: int
) -> Iterator[bytes]:
    """Yield the strips or tiles of a page as stored, if it is compressed in one of these ways."""
    page = series.pages[number] if number < len(series.pages) else None
    if page is None or series.keyframe.compression not in compressions:
        return
    for offset, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        tiff.filehandle.seek(offset)
        yield tiff.filehandle.read(length)


def _whole_jpeg(segment: bytes, tables: bytes | None) -> bytes:
    """Return a segment with the tables that TIFF keeps apart (Technical Note 2 to TIFF 6.0)."""
    return segment if tables is None else tables[:-2] + segment[2:]


def decoded_bytes(tiff: tifffile.TiffFile, plane: Plane) -> int:
    """Return how many bytes a plane has once decoded."""
    page = tiff.series[plane.series].keyframe
    channels = 3 if _has_channel_pages(tiff.series[plane.series]) else page.samplesperpixel
    return plane.width * plane.height * channels * max(page.bitspersample // 8, 1)


def _has_channel_pages(series: tifffile.TiffPageSeries) -> bool:
    """Return whether a series holds red, green and blue as three gray pages of one image."""
    return series.get_axes(squeeze=True) == "CYX" and len(series.pages) == 3


def _samples(tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries, number: int) -> npt.NDArray[Any]:
    """Return the samples of one page as stored; ImageJ leaves out the directories of all but the first."""
    page = series.pages[number] if number < len(series.pages) else None
    for segment in _segments(tiff, series, number, COMPRESSION.JPEG, COMPRESSION.OJPEG):
        check_scans(segment)
    if page is not None:
        return np.asarray(page.asarray(maxworkers=1))
    first = series.keyframe
    if first.dtype is None:
        raise ImageError("this TIFF image cannot be read: its samples are of no known type")
    dtype = first.dtype.newbyteorder(tiff.byteorder)
    offset = first.dataoffsets[0] + number * first.nbytes
    return np.asarray(tiff.filehandle.read_array(dtype, first.size, offset)).reshape(first.shape)


def _samples_last(values: npt.NDArray[Any], page: tifffile.TiffPage) -> npt.NDArray[Any]:
    """Return (H, W) or (H, W, samples), whichever way the samples are stored."""
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1:
        return np.ascontiguousarray(np.moveaxis(values, 0, -1))
    return values


def _rgb(
    values: npt.NDArray[Any], page: tifffile.TiffPage, colours: int, notes: list[str]
) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W, 3) of stored samples."""
    if colours == PHOTOMETRIC.PALETTE:
        palette = np.asarray(page.colormap)
        pixels, how = to_eight_bits(np.moveaxis(palette[:, values.astype(np.intp)], 0, -1) // 257)
        return pixels
    if colours == PHOTOMETRIC.YCBCR and page.compression not in _CONVERTED_WHILE_DECODING:
        raise ImageError(
            "this TIFF image stores colours as YCbCr without JPEG, which is not read; save it as RGB"
        )
    number = 4 if colours == PHOTOMETRIC.SEPARATED else 1 if values.ndim == 2 or _is_grey(colours) else 3
    samples = values[..., None] if values.ndim == 2 else values
    if samples.shape[-1] < number:
        raise ImageError(f"this TIFF image has {samples.shape[-1]} channels where its colours need {number}")
    pixels, how = to_eight_bits(samples[..., :number], white_is_zero=colours == PHOTOMETRIC.MINISWHITE)
    if how != "8 bits":
        notes.append(how)
    if number == 4:
        notes.append(FROM_CMYK)
        return np.asarray(Image.fromarray(pixels, "CMYK").convert("RGB"))
    if number == 1:
        notes.append(GRAYSCALE)
        pixels = np.repeat(pixels, 3, axis=-1)
    return _on_white(pixels, samples[..., number:], page, notes)


def _is_grey(colours: int) -> bool:
    return colours in {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE}


def _on_white(
    pixels: npt.NDArray[np.uint8], more: npt.NDArray[Any], page: tifffile.TiffPage, notes: list[str]
) -> npt.NDArray[np.uint8]:
    """Lay transparent parts on white; channels that are no transparency are left out, and that is noted."""
    kinds = page.extrasamples[: more.shape[-1]]
    transparency = next((i for i, kind in enumerate(kinds) if kind != EXTRASAMPLE.UNSPECIFIED), None)
    if transparency is None:
        notes += [f"{more.shape[-1]} channels beside the colours left out"] if more.shape[-1] else []
        return pixels
    alpha = _share(more[..., transparency])[..., None]
    if alpha.min() == 1:
        return pixels
    notes.append(ON_WHITE)
    is_multiplied = kinds[transparency] == EXTRASAMPLE.ASSOCALPHA
    laid = pixels.astype(np.float32) * (1 if is_multiplied else alpha) + 255 * (1 - alpha)
    return np.asarray(np.clip(np.rint(laid), 0, 255), np.uint8)


def _share(alpha: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return opacity as 0 to 1; its depth is its own, not that of the colours."""
    top = 1.0 if np.issubdtype(alpha.dtype, np.floating) else float(np.iinfo(alpha.dtype).max)
    return np.asarray(np.clip(alpha.astype(np.float32) / top, 0, 1), np.float32)


def _orientation(value: object) -> int:
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | tuple) else b""


def rewritten(tiff: tifffile.TiffFile, planes: Sequence[Plane]) -> bytes:
    """Return some planes of a file as a file of their own.

    Samples, colours, scale and orientation are as they were; damage is written into the description.
    """
    stream = BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for plane in planes:
            series = tiff.series[plane.series]
            keyframe = series.keyframe
            tags = {tag.code: tag.value for tag in keyframe.tags}
            mpp = pixel_size.from_tiff_tags(tags)
            damage = _damage(tiff, series, plane.page) or _damage_before(tags)
            values, photometric = _stored(tiff, plane)
            if photometric == PHOTOMETRIC.YCBCR:
                photometric = PHOTOMETRIC.RGB  # converted while decoding
            writer.write(
                values,
                photometric=photometric,
                planarconfig=keyframe.planarconfig if keyframe.samplesperpixel > 1 else None,
                extrasamples=keyframe.extrasamples or None,
                colormap=keyframe.colormap,
                # The description may say how many images the file holds; of it the scale alone is kept.
                resolution=None if mpp is None else (_UM_PER_CM / mpp, _UM_PER_CM / mpp),
                resolutionunit="CENTIMETER",
                iccprofile=_bytes(keyframe.tags.valueof(_ICC_PROFILE)) or None,
                description=_DAMAGED + damage[0] if damage else None,
                extratags=[(_ORIENTATION, "H", 1, _orientation(tags.get(_ORIENTATION)), True)],
                metadata=None,
                software=False,
            )
    return stream.getvalue()
