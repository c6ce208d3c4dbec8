"""PNG files: checked chunk by chunk, and decoded by libpng.

Every chunk ends in a checksum (ISO 15948, 5.3). Pillow does not compare those of the pixels, takes pixels
that end early for black ones, and keeps the high byte of deep colours only: other pixels without a word.
libpng refuses all this, and is faster.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

import imagecodecs
import numpy as np
import numpy.typing as npt

from marrowscope.errors import ImageError

_SIGNATURE_BYTES: Final = 8
_DEPTH_AT: Final = 24  # offset of the bit depth within a file (ISO 15948, 11.2.2)
_END: Final = b"IEND"
_OF_PIXELS: Final = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", _END}
_MOST_CHUNKS: Final = 200_000  # encoders write a chunk for every 8 kB or more


def decode_png(data: bytes) -> npt.NDArray[Any]:
    """Decode the pixels of a file that `check_png` has passed.

    Returns
    -------
    uint8 or uint16 (H, W) or (H, W, C), grey or colours, alpha last; palettes are resolved, fewer than eight
    bits are scaled to eight.

    Raises
    ------
    imagecodecs.PngError
        The pixels are damaged, or end early.
    """
    # The others hold what is no pixel; libpng prints to the terminal what it thinks of them.
    kept = (data[start:end] for kind, start, end in _chunks(data) if kind in _OF_PIXELS)
    return np.asarray(imagecodecs.png_decode(data[:_SIGNATURE_BYTES] + b"".join(kept)))


def check_png(data: bytes) -> None:
    """Compare the checksum of every chunk.

    Raises
    ------
    ImageError
        One does not match, the file ends before its end mark, or it consists of splinters.
    """
    view, last = memoryview(data), b""
    for seen, (kind, start, end) in enumerate(_chunks(data), start=1):
        last = kind
        if seen > _MOST_CHUNKS:
            raise ImageError(f"this PNG image has more than {_MOST_CHUNKS:,} chunks, the limit")
        if struct.unpack_from(">I", data, end - 4)[0] != zlib.crc32(view[start + 4 : end - 4]):
            raise ImageError("this PNG image is damaged: a checksum does not match")
    if last != _END:
        raise ImageError("this PNG image is truncated: part of the file is missing")


def exif_of(data: bytes) -> bytes:
    """Return the EXIF data of a file; nothing where it has none. Pillow decodes all pixels to look for it."""
    return next((data[start + 8 : end - 4] for kind, start, end in _chunks(data) if kind == b"eXIf"), b"")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of every whole chunk, up to the end mark."""
    start, kind = _SIGNATURE_BYTES, b""
    while start + 12 <= len(data) and kind != _END:
        end = start + 12 + int(struct.unpack_from(">I", data, start)[0])
        if end > len(data):
            return
        kind = data[start + 4 : start + 8]
        yield kind, start, end
        start = end


def is_deep(data: bytes) -> bool:
    """Return whether a PNG file has 16 bits a channel."""
    return data[_DEPTH_AT : _DEPTH_AT + 1] == b"\x10"
