"""Decoding of one image to RGB pixels, within limits; every fault is reported in one line."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from marrowscope.errors import ImageError
from marrowscope.imaging.files import pixel_size
from marrowscope.imaging.files.depth import to_eight_bits


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Limits of one image: file size in bytes, number of pixels, and least length of its shorter side."""

    max_bytes: int = 256 * 2**20
    max_pixels: int = 120_000_000
    min_side_px: int = 32


DEFAULT_LIMITS: Final = DecodeLimits()


@dataclass(frozen=True, eq=False, slots=True)
class FieldImage:
    """One decoded field.

    `pixels` is uint8 (H, W, 3) RGB, upright and read-only. `mpp` is µm per pixel if the file gives a
    plausible value. `notes` are lines for the report about conversions.
    """

    pixels: npt.NDArray[np.uint8]
    mpp: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    signatures: tuple[bytes, ...]
    opener: Callable[[BytesIO], ImageFile.ImageFile]


# The plug-ins are called directly: `Image.open` would apply a size limit that is global to the process.
_FORMATS: Final = (
    _Format("JPEG", (b"\xff\xd8\xff",), JpegImagePlugin.JpegImageFile),
    _Format("PNG", (b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    _Format("BMP", (b"BM",), BmpImagePlugin.BmpImageFile),
    _Format("TIFF", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
)

# EXIF orientation (CIPA DC-008) to the transposition that turns the image upright.
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
_OTHER_BYTE: Final = {";16B": ";16L", ";16L": ";16B"}
_quiet_lock = threading.Lock()


def decode(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> FieldImage:
    """Decode a JPEG, PNG, BMP or TIFF image, recognised by its content and never by its file name.

    The size is checked in the header before any pixel is decoded. EXIF orientation is applied, transparent
    parts become white, more than eight bits are scaled (see `depth`), and only the first page is read.

    Raises
    ------
    ImageError
        Empty, too large, too small, truncated, damaged, or not in one of these formats.
    """
    _check_length(data, limits)
    kind = _recognise(data)
    # This switch is global, and some libraries turn it on when imported (WeasyPrint does): a truncated image
    # would then be read as a complete one, with its lower part grey.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        return _decode(data, kind, limits)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"this {kind.name} image does not fit into memory") from error
    except Exception as error:  # Pillow's readers raise almost anything on damaged bytes
        raise ImageError(_fault(kind.name, error)) from error


def _decode(data: bytes, kind: _Format, limits: DecodeLimits) -> FieldImage:
    notes: list[str] = []
    with _quiet():
        image = kind.opener(BytesIO(data))
        _check_size(image.size, limits)
        if getattr(image, "is_animated", False):
            notes.append("the first of several pages was read")
        mpp = _metadata_mpp(image)
        orientation = (
            _orientation(image) if kind.name == "TIFF" else 1
        )  # Pillow has already turned a TIFF while loading it
        if kind.name == "TIFF":
            image.load()
    image.load()
    with _quiet():
        turn = _UPRIGHT.get(_orientation(image))
    notes += ["turned upright as its EXIF orientation says"] if turn is not None or orientation > 1 else []
    deep = _sixteen_bit_colour(image, data, kind)
    pixels = _rgb(image, notes) if deep is None else _scaled(deep, notes)
    if turn is not None:
        pixels = _turned(pixels, turn)
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return FieldImage(pixels, mpp, tuple(notes))


def _check_length(data: bytes, limits: DecodeLimits) -> None:
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    if len(data) > limits.max_bytes:
        raise ImageError(f"the file has {len(data):,} bytes; the limit is {limits.max_bytes:,}")


def _recognise(data: bytes) -> _Format:
    for kind in _FORMATS:
        if data.startswith(kind.signatures):
            return kind
    raise ImageError(f"not a JPEG, PNG, BMP or TIFF image (it {_description(data)})")


def _description(data: bytes) -> str:
    head = data[:16]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "is a WebP image"
    for signature, name in (
        (b"GIF8", "a GIF image"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
    ):
        if head.startswith(signature):
            return f"is {name}"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in data[:512]):
        return "looks like text"
    return f"begins with the bytes {head[:4].hex(' ')}"


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise ImageError(
            f"the image is {width:,} x {height:,} pixels, more than the limit of {limits.max_pixels:,} pixels"
        )
    if min(size) < limits.min_side_px:
        raise ImageError(
            f"the image is {width} x {height} pixels; at least {limits.min_side_px} a side are needed"
        )


def _metadata_mpp(image: ImageFile.ImageFile) -> float | None:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return pixel_size.from_tiff_tags(image.tag_v2)
    # JPEG and BMP densities are nominal values from cameras and converters; PNG's pHYs is set on purpose.
    if isinstance(image, PngImagePlugin.PngImageFile):
        return pixel_size.from_dots_per_inch(image.info.get("dpi"))
    return None


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 (broken EXIF raises almost anything, and must not cost the image)
        return 1
    return value if isinstance(value, int) else 1


def _turned(pixels: npt.NDArray[np.uint8], turn: Image.Transpose) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).transpose(turn))


def _sixteen_bit_colour(
    image: ImageFile.ImageFile, data: bytes, kind: _Format
) -> npt.NDArray[np.uint16] | None:
    """Return uint16 (H, W, 3) of a 16-bit RGB image, None for any other.

    Pillow keeps only the high byte, so a file from a 12-bit camera would turn out black. A second pass with
    the other byte order yields the low byte.
    """
    if image.mode not in {"RGB", "RGBA"}:
        return None
    with _quiet():
        low = kind.opener(BytesIO(data))
        if not _take_other_byte(low):
            return None
        if kind.name == "TIFF":
            low.load()
    low.load()
    high = np.asarray(image).astype(np.uint16)
    both = (high << 8) | np.asarray(low)
    return both if image.mode == "RGB" else _on_white(both, 65535)


def _take_other_byte(image: ImageFile.ImageFile) -> bool:
    """Point a freshly opened image's reader at the low bytes; return False if it is not 16-bit colour."""
    changed = []
    for tile in image.tile or ():
        first = tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0]
        order = str(first)[-4:]
        if order not in _OTHER_BYTE or not str(first).startswith(("RGB;", "RGBA;", "RGBX;")):
            return False
        other = str(first)[:-4] + _OTHER_BYTE[order]
        args = other if isinstance(tile.args, str) else (other, *(tile.args or ())[1:])
        changed.append(tile._replace(args=args))
    image.tile = changed
    return bool(changed)


def _on_white(values: npt.NDArray[np.uint16], white: int) -> npt.NDArray[np.uint16]:
    alpha = values[..., 3:].astype(np.float32) / white
    return np.rint(values[..., :3] * alpha + white * (1.0 - alpha)).astype(np.uint16)


def _scaled(values: npt.NDArray[np.generic], notes: list[str]) -> npt.NDArray[np.uint8]:
    pixels, how = to_eight_bits(values)
    notes.append(how)
    return pixels


def _rgb(image: Image.Image, notes: list[str]) -> npt.NDArray[np.uint8]:
    """Return uint8 (H, W, 3) from any mode Pillow reads; conversions are added to `notes`."""
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _scaled(np.asarray(image), notes)
        image = Image.fromarray(grey)
    elif image.has_transparency_data:
        image = _composited(image, notes)
    if image.mode in {"1", "L"}:
        notes.append("grayscale: no stain colours to judge by")
    elif image.mode == "CMYK":
        notes.append("CMYK converted to RGB")
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _composited(image: Image.Image, notes: list[str]) -> Image.Image:
    """Lay the image on white; an opaque alpha channel is dropped without a note."""
    grey = image.mode in {"L", "LA", "La"}
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).min() < 255:
        notes.append("transparent parts laid on white")
        layered = Image.alpha_composite(Image.new("RGBA", image.size, "white"), layered)
    return layered.convert("L" if grey else "RGB")


def _fault(name: str, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:160]
    if isinstance(error, EOFError) or "truncated" in reason.lower() or "unexpected end" in reason.lower():
        return f"this {name} image is truncated: part of the file is missing"
    return f"this {name} image cannot be read: {reason}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings, in one thread at a time because the warning filters are global.

    Pillow's warnings about odd metadata do not matter here. Only headers are read inside (and TIFF files, as
    their reader warns while loading), so that decoding stays parallel.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
