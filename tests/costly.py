"""Small files that a program which believes what they announce reads for minutes, or with gigabytes."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from marrowscope.imaging.files.decode import DecodeLimits, decode
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.workers import examine_image
from marrowscope.synth import draw_field
from tests.imaging.files.encoded import png_chunk


def field(width: int = 1280, height: int = 960, cells: int = 12, seed: int = 1) -> Image.Image:
    """Return an ordinary field."""
    return Image.fromarray(draw_field(seed, width=width, height=height, cells=cells).pixels)


def packed(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive of members, by their names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as a file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, header: bytes, rows: Callable[[int], bytes]) -> bytes:
    """Return a PNG file written row by row, so that no large image has to be made."""
    packer = zlib.compressobj(6)
    data = b"".join([*(packer.compress(b"\0" + rows(row)) for row in range(height)), packer.flush()])
    start = struct.pack(">II", width, height) + header
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", start) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    )


def huge_png(side: int = 15_000) -> bytes:
    """Return 225 megapixels of one bit each, all black."""
    return png(side, side, bytes([1, 0, 0, 0, 0]), lambda _: bytes(-(-side // 8)))


def deep_png(width: int = 11_800, height: int = 10_000) -> bytes:
    """Return 118 megapixels of 16 bits a channel."""
    noise = np.random.default_rng(1).integers(30_000, 60_000, (64, width * 3), dtype=np.uint16)
    lines = [line.byteswap().tobytes() for line in np.repeat(noise[:, ::32], 32, axis=1)[:, : width * 3]]
    return png(width, height, bytes([16, 2, 0, 0, 0]), lambda row: lines[row % 64])


def progressive(width: int = 4000, height: int = 3000) -> bytes:
    """Return a progressive JPEG file."""
    return saved(field().resize((width, height)), "JPEG", progressive=True)


def scans(jpeg: bytes, number: int) -> bytes:
    """Return a progressive JPEG file whose scans are repeated until there are `number`."""
    start = jpeg.index(b"\xff\xda")
    body = jpeg[start:-2]
    return jpeg[:start] + body * -(-number // body.count(b"\xff\xda")) + b"\xff\xd9"


def deltas(side: int = 10_000) -> bytes:
    """Return a run-length coded bitmap of 100 megapixels that consists of moves of the pen."""
    body = b"\0\2\1\0" * 2_000_000 + b"\0\1"
    head = b"BM" + struct.pack("<III", 1078 + len(body), 0, 1078)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    return head + info + bytes(range(256)) * 4 + body


def planes(number: int = 40, side: int = 10_000) -> bytes:
    """Return a TIFF file of 4 gigapixels: planes of one grey, compressed."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for grey in range(number):
            plane = np.broadcast_to(np.uint8(grey), (side, side))
            writer.write(
                plane, photometric="minisblack", compression="zlib", metadata=None, rowsperstrip=1000
            )
    return stream.getvalue()


def scans_in_tiff(width: int = 4000, height: int = 3000) -> bytes:
    """Return a TIFF file whose JPEG strip has 500 scans."""
    strip = scans(progressive(width, height), 500)
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 7), (262, 3, 6), (273, 4, 8), (277, 3, 3),
        (278, 4, height), (279, 4, len(strip)),
    ]  # fmt: skip
    at = 8 + len(strip) + len(strip) % 2
    entries = [struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, kind, value in tags]
    entries[2] = struct.pack("<HHI", 258, 3, 3) + struct.pack("<I", at + 2 + 12 * len(tags) + 4)
    directory = struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4) + struct.pack("<HHH", 8, 8, 8)
    return struct.pack("<2sHI", b"II", 42, at) + strip + bytes(len(strip) % 2) + directory


def large_dictionary() -> bytes:
    """Return an archive whose member asks for an LZMA dictionary of 4 GiB."""
    data = bytearray(packed(("a.png", saved(field(), "PNG")), method=zipfile.ZIP_LZMA))
    at = 30 + len("a.png") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(data)


def many_members(number: int = 1_500_000) -> bytes:
    """Return an archive that lists 1.5 million members, all of them the same bytes."""
    one = packed(("a.png", b"x"))
    start = one.index(b"PK\x01\x02")
    entry, end = one[start : one.index(b"PK\x05\x06")], bytearray(one[one.index(b"PK\x05\x06") :])
    wide = struct.pack(
        "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, number, number, number * len(entry), start
    )
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, start + number * len(entry), 1)
    end[8:20] = b"\xff" * 12
    return one[:start] + entry * number + wide + locator + bytes(end)


def slow_at_one(blobs: Blobs, limits: DecodeLimits, source: FieldSource, left: int) -> Any:
    """Examine a file as the service's workers do, but never end with one named `slow.png`."""
    if source.name == "slow.png":
        time.sleep(600)
    return examine_image(blobs, limits, source, left)


def bytes_per_pixel(data: bytes, limits: DecodeLimits) -> float:
    """Decode an image and return how much memory that took; Linux only."""
    before = _peak_bytes()
    height, width = decode(data, limits=limits).pixels.shape[:2]
    used: float = (_peak_bytes() - before) / (height * width)
    return used


def _peak_bytes() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return 1024 * int(line.split()[1])
