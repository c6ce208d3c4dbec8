"""PNG files: checked chunk by chunk before they are decoded.

Every chunk ends in a checksum (ISO 15948, 5.3). Pillow does not compare those of the pixels: for a damaged
file it gives other pixels without a word.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from marrowscope.errors import ImageError

_SIGNATURE_BYTES: Final = 8
_DEPTH_AT: Final = 24  # offset of the bit depth within a file (ISO 15948, 11.2.2)
_END: Final = b"IEND"
_MOST_CHUNKS: Final = 200_000  # encoders write a chunk for every 8 kB or more


def check_png(data: bytes) -> None:
    """Compare the checksum of every chunk.

    Raises
    ------
    ImageError
        One does not match, the file ends before its end mark, or it consists of splinters.
    """
    view, at, seen = memoryview(data), _SIGNATURE_BYTES, 0
    while at + 12 <= len(data):
        seen += 1
        if seen > _MOST_CHUNKS:
            raise ImageError(f"this PNG image has more than {_MOST_CHUNKS:,} chunks, the limit")
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        if struct.unpack_from(">I", data, end)[0] != zlib.crc32(view[at + 4 : end]):
            raise ImageError("this PNG image is damaged: a checksum does not match")
        if data[at + 4 : at + 8] == _END:
            return
        at = end + 4
    raise ImageError("this PNG image is truncated: part of the file is missing")


def is_deep(data: bytes) -> bool:
    """Return whether a PNG file has 16 bits a channel."""
    return data[_DEPTH_AT : _DEPTH_AT + 1] == b"\x10"
