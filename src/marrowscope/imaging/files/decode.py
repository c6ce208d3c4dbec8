"""Bytes of one image to RGB pixels, within limits, every fault told in one line."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import (
    BmpImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from marrowscope.domain.patient import OF_SEVERAL, TURNED_UPRIGHT
from marrowscope.errors import ImageError
from marrowscope.imaging.files import formats, pixel_size, tiff
from marrowscope.imaging.files.colour import to_srgb
from marrowscope.imaging.files.depth import FROM_CMYK, GRAYSCALE, ON_WHITE, to_eight_bits
from marrowscope.imaging.files.formats import Format
from marrowscope.imaging.files.jpeg import check_scans, decode_jpeg
from marrowscope.imaging.files.png import check_png, decode_png, exif_of, is_deep
from marrowscope.imaging.repeats.fields import group_planes

_MEMORY_BYTES: Final = 2 * 2**30  # libraries, their threads, and the file itself
_MEMORY_PER_PIXEL: Final = 24  # measured (docs/reference/costs.md): 16 for a PNG of 16 bits


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one image may cost.

    Attributes
    ----------
    max_bytes : of its file
    max_pixels : once decoded
    max_file_pixels : the same of all images of one file together
    min_side_px : of the shorter side, at least
    """

    max_bytes: int = 256 * 2**20
    max_pixels: int = 120_000_000
    max_file_pixels: int = 2_000_000_000
    min_side_px: int = 32

    @property
    def memory_bytes(self) -> int:
        """Bytes that a process may address while it decodes one image and makes pictures of it."""
        return _MEMORY_BYTES + _MEMORY_PER_PIXEL * self.max_pixels


DEFAULT_LIMITS: Final = DecodeLimits()


@dataclass(frozen=True, eq=False, slots=True)
class FieldImage:
    """One field as decoded.

    Attributes
    ----------
    pixels : uint8 (H, W, 3) RGB, upright and read-only
    mpp : micrometres per pixel, where the file states it plausibly
    notes : lines for the report about what had to be converted
    slide_xy : column and row of its left upper pixel in the slide that it is a tile of; None if it is no tile
    orientation : EXIF orientation by which the stored pixels were turned upright, 1 if they were not
    """

    pixels: npt.NDArray[np.uint8]
    mpp: float | None
    notes: tuple[str, ...] = ()
    slide_xy: tuple[int, int] | None = None
    orientation: int = 1


# The plug-ins are called directly: `Image.open` would compare the size with a limit global to the process.
_OPENERS: Final[dict[Format, Callable[[BytesIO], ImageFile.ImageFile]]] = {
    formats.JPEG: JpegImagePlugin.JpegImageFile,
    formats.PNG: PngImagePlugin.PngImageFile,
    formats.BMP: BmpImagePlugin.BmpImageFile,
    formats.WEBP: WebPImagePlugin.WebPImageFile,
    formats.JPEG_2000: Jpeg2KImagePlugin.Jpeg2KImageFile,
}

# EXIF orientation (CIPA DC-008) to the transposition that puts the picture upright.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION_TAG: Final = 274
_RGB_BYTES: Final = 3  # decoded bytes a pixel that the limit on pixels is meant for
_RUN_LENGTH_PIXELS: Final = 4_000_000
_SAID_OF_TRUNCATED: Final = ("truncated", "unexpected end", "not enough image data")
_quiet_lock = threading.Lock()


def decode(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> FieldImage:
    """Decode the bytes of an image; the content decides what it is, never the file's name.

    The size is judged from the header before a pixel is decoded. EXIF orientation is applied, colours of a
    stated colour space become sRGB, transparency is laid on white, more than eight bits are scaled (see
    `depth`). Of a TIFF file with several images the full-size one is read, of a focus stack the sharpest
    plane; a file of several fields is taken apart by `fields_of` first.

    Raises
    ------
    ImageError
        Empty, too large, too small, truncated, damaged or not an image of these formats.
    """
    kind = _recognised(data, limits)
    # A switch of the whole process, which other libraries turn on when they are imported (WeasyPrint does):
    # half an image would then be read as a whole one, its lower part grey.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        return _decode_tiff(data, limits) if kind is formats.TIFF else _decode(data, kind, limits)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"this {kind.name} image does not fit into memory") from error
    except Exception as error:  # on damaged bytes Pillow's readers raise nearly anything
        raise ImageError(_fault(kind.name, error)) from error


def fields_of(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """Take a TIFF file of several fields apart: a TIFF file for each (`tiff.rewritten`), made one by one.

    A focus stack stays together. Files of one field, and those of other formats, give nothing.

    Raises
    ------
    ImageError
        The file cannot be read.
    """
    if _recognised(data, limits) is not formats.TIFF:
        return
    with _quiet(), tiff.opened(data) as opened:
        planes, _ = _checked_planes(opened, limits)
        if len(planes) == 1:
            return
        groups = group_planes(tiff.read_plane(opened, plane).pixels for plane in planes)
    if len(groups) == 1:
        return
    for group in groups:
        with _quiet(), tiff.opened(data) as opened:
            part = tiff.rewritten(opened, [planes[i] for i in group.planes])
        yield part


def _recognised(data: bytes, limits: DecodeLimits) -> Format:
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise ImageError(f"the file has {len(data):,} bytes; the limit is {limits.max_bytes:,}")
    head = data[: formats.HEAD_BYTES]
    kind = formats.recognise(head)
    if kind is None or not kind.is_read:
        raise ImageError(f"not a {formats.READ_NAMES} image (it {formats.description(head)})")
    return kind


def _decode(data: bytes, kind: Format, limits: DecodeLimits) -> FieldImage:
    notes: list[str] = []
    if kind is formats.JPEG:
        check_scans(data)
    elif kind is formats.PNG:
        check_png(data)
    with _quiet():
        image = _OPENERS[kind](BytesIO(data))
        _check_size(image.size, limits, _bytes_a_pixel(data, kind))
        if getattr(image, "is_animated", False):
            notes.append("the first of several pictures in the file was read")
        mpp = pixel_size.from_dots_per_inch(image.info.get("dpi")) if kind is formats.PNG else None
        orientation = _orientation(image, data, kind)
        profile = image.info.get("icc_profile") or b""
    if kind is formats.BMP:
        _check_run_lengths(image)
    _check_shrinking(image.width * image.height * _RGB_BYTES, len(data))
    pixels = to_srgb(_pixels(image, data, kind, notes), profile, notes)
    return _finished(pixels, mpp, orientation, notes)


def _decode_tiff(data: bytes, limits: DecodeLimits) -> FieldImage:
    with _quiet(), tiff.opened(data) as opened:
        planes, copies = _checked_planes(opened, limits)
        notes = [_passed_over(copies)] if copies else []
        chosen = planes[0]
        if len(planes) > 1:
            groups = group_planes(tiff.read_plane(opened, plane).pixels for plane in planes)
            chosen = planes[groups[0].sharpest]
            if len(groups[0].planes) > 1:
                notes.append(f"{OF_SEVERAL}, the sharpest of {len(groups[0].planes)} planes was read")
            if len(groups) > 1:
                notes.append(f"{OF_SEVERAL}, the first of {len(groups)} fields was read")
        read = tiff.read_plane(opened, chosen)
    notes += read.notes
    return _finished(to_srgb(read.pixels, read.profile, notes), read.mpp, read.orientation, notes)


def _passed_over(copies: int) -> str:
    what = "1 smaller copy was" if copies == 1 else f"{copies} smaller copies were"
    return f"{OF_SEVERAL}, {what} passed over"


def _checked_planes(opened: tifffile.TiffFile, limits: DecodeLimits) -> tuple[tuple[tiff.Plane, ...], int]:
    planes, copies = tiff.planes_of(opened)
    for plane in planes:
        bytes_a_pixel = tiff.decoded_bytes(opened, plane) / max(plane.width * plane.height, 1)
        _check_size((plane.width, plane.height), limits, bytes_a_pixel)
    pixels = sum(plane.width * plane.height for plane in planes)
    if pixels > limits.max_file_pixels:
        raise ImageError(
            f"the {len(planes)} images of this file have {pixels:,} pixels, "
            f"more than the limit of {limits.max_file_pixels:,}"
        )
    _check_shrinking(sum(tiff.decoded_bytes(opened, plane) for plane in planes), opened.filehandle.size)
    return planes, copies


def _finished(
    pixels: npt.NDArray[np.uint8], mpp: float | None, orientation: int, notes: list[str]
) -> FieldImage:
    """Turn the picture upright and close it."""
    turn = _UPRIGHT.get(orientation)
    if turn is not None:
        notes.append(TURNED_UPRIGHT)
        pixels = np.asarray(Image.fromarray(pixels).transpose(turn))
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return FieldImage(pixels, mpp, tuple(notes), orientation=1 if turn is None else orientation)


def _bytes_a_pixel(data: bytes, kind: Format) -> float:
    return 2.0 * _RGB_BYTES if _is_deep_png(data, kind) else _RGB_BYTES


def _is_deep_png(data: bytes, kind: Format) -> bool:
    return kind is formats.PNG and is_deep(data)


def _check_size(size: tuple[int, int], limits: DecodeLimits, bytes_a_pixel: float) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageError(
            f"the image is {width:,} x {height:,} pixels, more than the limit of {limits.max_pixels:,} pixels"
        )
    if width * height * bytes_a_pixel > limits.max_pixels * _RGB_BYTES:
        raise ImageError(
            f"the image is {width:,} x {height:,} pixels of {bytes_a_pixel:g} bytes, more than the limit; "
            "save it with 8 bits a channel"
        )
    if min(size) < limits.min_side_px:
        raise ImageError(
            f"the image is {width} x {height} pixels; at least {limits.min_side_px} a side are needed"
        )


def _check_shrinking(decoded: int, packed: int) -> None:
    """Refuse a few kilobytes that announce hundreds of megapixels."""
    if formats.is_no_photograph(decoded, packed):
        raise ImageError(
            f"{packed:,} bytes that stand for {decoded:,} bytes of pixels, "
            f"more than {formats.MOST_SHRUNK} times as many: not a photograph"
        )


def _check_run_lengths(image: ImageFile.ImageFile) -> None:
    """Refuse large run-length coded bitmaps: their decoder takes minutes over what a few bytes describe."""
    is_coded = any(tile.codec_name == "bmp_rle" for tile in image.tile)
    if is_coded and image.width * image.height > _RUN_LENGTH_PIXELS:
        raise ImageError(
            f"this BMP image is run-length coded with more than {_RUN_LENGTH_PIXELS:,} pixels: save it as PNG"
        )


def _orientation(image: Image.Image, data: bytes, kind: Format) -> int:
    try:
        if kind is formats.PNG:
            image.info.setdefault("exif", exif_of(data))
        # Not the image's own method: a PNG image's decodes all pixels first.
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (broken EXIF raises nearly anything; a picture with broken EXIF is still a picture)
        return 1
    return value if isinstance(value, int) else 1


def _pixels(image: ImageFile.ImageFile, data: bytes, kind: Format, notes: list[str]) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W, 3) of an opened image; what had to be done is added to `notes`."""
    if kind is formats.JPEG and image.mode in {"RGB", "L", "CMYK"}:
        decoded, fault = decode_jpeg(data, image.mode)
        notes += [fault] if fault else []
        if image.mode != "CMYK":  # whose inks Pillow knows how Adobe inverts
            return _rgb(Image.fromarray(decoded.squeeze()), notes)
    if kind is formats.PNG:
        samples = decode_png(data)
        return _deep(samples, notes) if samples.dtype == np.uint16 else _rgb(Image.fromarray(samples), notes)
    image.load()
    return _rgb(image, notes)


def _deep(values: npt.NDArray[Any], notes: list[str]) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W, 3) of samples of 16 bits, with or without alpha."""
    samples = values[..., None] if values.ndim == 2 else values
    colours = 1 if samples.shape[-1] <= 2 else 3
    pixels, how = to_eight_bits(samples[..., :colours])
    notes.append(how)
    if colours == 1:
        notes.append(GRAYSCALE)
        pixels = np.repeat(pixels, 3, axis=-1)
    if samples.shape[-1] == colours:
        return pixels
    alpha = (samples[..., colours:] // 257).astype(np.uint8)
    return _rgb(Image.fromarray(np.concatenate([pixels, alpha], axis=-1), "RGBA"), notes)


def _rgb(image: Image.Image, notes: list[str]) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W, 3) of any mode Pillow reads; what had to be done is added to `notes`."""
    if image.mode == "F" or image.mode.startswith("I"):
        grey, how = to_eight_bits(np.asarray(image))
        notes.append(how)
        image = Image.fromarray(grey)
    elif image.has_transparency_data:
        image = _composited(image, notes)
    if image.mode in {"1", "L"}:
        notes.append(GRAYSCALE)
    elif image.mode == "CMYK":
        notes.append(FROM_CMYK)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _composited(image: Image.Image, notes: list[str]) -> Image.Image:
    """Lay the image on white; an opaque alpha channel is dropped without a word."""
    grey = image.mode in {"L", "LA", "La"}
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() < 255:
        notes.append(ON_WHITE)
        layered = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layered)
    return layered.convert("L" if grey else "RGB")


def _fault(name: str, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    if isinstance(error, EOFError) or any(words in reason.lower() for words in _SAID_OF_TRUNCATED):
        return f"this {name} image is truncated: part of the file is missing"
    return f"this {name} image cannot be read: {reason}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Let no warning out; one thread at a time, since the list of filters belongs to the whole process."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
