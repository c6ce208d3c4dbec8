"""What a file is: by its first bytes, and whether it is meant to be an image, by its name, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

HEAD_BYTES: Final = 512
"""How much of a file is needed to tell what it is."""

MOST_SHRUNK: Final = 500
"""Bytes that a byte of packed data may stand for. A blank field as JPEG comes to 200, deflate to 1032."""
_SHRINKING_MATTERS_FROM: Final = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    name : for people
    is_image : it holds pictures
    is_read : and is read here
    """

    name: str
    is_image: bool = False
    is_read: bool = False


JPEG: Final = Format("JPEG", is_image=True, is_read=True)
PNG: Final = Format("PNG", is_image=True, is_read=True)
BMP: Final = Format("BMP", is_image=True, is_read=True)
TIFF: Final = Format("TIFF", is_image=True, is_read=True)
WEBP: Final = Format("WebP", is_image=True, is_read=True)
JPEG_2000: Final = Format("JPEG 2000", is_image=True, is_read=True)
READ: Final = (JPEG, PNG, BMP, TIFF, WEBP, JPEG_2000)
READ_NAMES: Final = "JPEG, PNG, BMP, TIFF, WebP or JPEG 2000"
DICOM: Final = Format("DICOM", is_image=True)

SLIDE_SUFFIXES: Final = frozenset({".svs", ".ndpi", ".mrxs", ".scn", ".bif"})
"""Names of scanners' slides; DICOM and TIFF slides are known by their content."""

IMAGE_SUFFIXES: Final = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".jp2", ".j2k",
        ".jpf", ".jpx", ".j2c", ".jpc",
    }
)  # fmt: skip
_NO_IMAGE_SUFFIXES: Final = frozenset(
    {
        ".csv", ".txt", ".md", ".json", ".xml", ".html", ".htm", ".ini", ".db", ".log", ".xls", ".xlsx",
        ".doc", ".docx", ".pdf", ".toml", ".yaml", ".yml", ".py", ".exe",
    }
)  # fmt: skip

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF), (b"MM\0*", TIFF), (b"II+\0", TIFF), (b"MM\0+", TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000), (b"\xff\x4f\xff\x51", JPEG_2000),
    (b"BM", BMP),
    (b"GIF8", Format("GIF", is_image=True)),
    (b"8BPS", Format("Photoshop", is_image=True)),
    (b"\0\0\0\x0cJXL ", Format("JPEG XL", is_image=True)), (b"\xff\x0a", Format("JPEG XL", is_image=True)),
    (b"II\xbc\x01", Format("JPEG XR", is_image=True)),
    (b"\xda\xce\xbe\x0a", Format("Nikon ND2", is_image=True)),
    (b"ZISRAWFILE", Format("Zeiss CZI", is_image=True)),
    (b"\x70\0\0\0", Format("Leica LIF", is_image=True)),
    (b"%PDF", Format("PDF")),
    (b"PK\x03\x04", Format("ZIP archive")),
)  # fmt: skip
_BRANDS: Final = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC",
    b"avif": "AVIF", b"avis": "AVIF",
}  # fmt: skip


def is_no_photograph(unpacked: int, packed: int) -> bool:
    """Return whether so many bytes cannot be a photograph, since they were packed into so few."""
    return unpacked > _SHRINKING_MATTERS_FROM and unpacked > MOST_SHRUNK * max(packed, 1)


def recognise(head: bytes) -> Format | None:
    """Return the kind of a file by its first bytes (`HEAD_BYTES` suffice), None where it is not known."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        name = _BRANDS.get(head[8:12])
        return Format(name, is_image=True) if name else Format("video or other ISO media")
    if head[128:132] == b"DICM":
        return DICOM
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def description(head: bytes) -> str:
    """Return what a file that is not read is, to end the sentence "it …"."""
    kind = recognise(head)
    if kind is not None:
        return f"is a {kind.name} image" if kind.is_image else f"is a {kind.name} file"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "looks like text"
    return f"begins with the bytes {head[:4].hex(' ')}"


def is_image_file(path: Path) -> bool:
    """Return whether a file is an image, by its name or else by its content.

    An image of a kind that is not read is one, too: it gets a row that says so.
    """
    return is_image_member(path.name, partial(_head, path))


def is_slide_name(name: str) -> bool:
    """Return whether a file is meant to be a scanner's slide, by its name."""
    return Path(name).suffix.lower() in SLIDE_SUFFIXES


def _has_image_suffix(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES | SLIDE_SUFFIXES and not name.startswith(".")


def is_image_member(name: str, head: Callable[[], bytes]) -> bool:
    """Return the same of a file by its name; `head` gives its first bytes where the name says nothing."""
    if _has_image_suffix(name):
        return True
    if not may_be_image(name):
        return False
    kind = recognise(head())
    return kind is not None and kind.is_image


def may_be_image(name: str) -> bool:
    """Return whether a file that is no image as far as is known might be meant as one: it is no document."""
    return not name.startswith(".") and Path(name).suffix.lower() not in _NO_IMAGE_SUFFIXES


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError:  # told when the file is read, if it is an image by its name
        return b""


def is_image_name(name: str) -> bool:
    """Return whether a file is meant to be an image of the formats read, by its name."""
    return _has_image_suffix(name.rsplit("/", 1)[-1])
