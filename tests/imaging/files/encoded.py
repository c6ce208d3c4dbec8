"""One field in the encodings of cameras and programs, made here, and compared with what is read of it."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from marrowscope.imaging.files.decode import decode

Pixels = npt.NDArray[np.uint8]


def smear(seed: int = 0, height: int = 96, width: int = 112) -> Pixels:
    """A bright field with dark smooth spots, full range in every channel."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    blurred = gaussian_filter(noise, (5, 5, 0))
    low, high = blurred.min(axis=(0, 1)), blurred.max(axis=(0, 1))
    return np.asarray(np.rint(255 * (blurred - low) / (high - low)), np.uint8)


def deep(pixels: Pixels, bits: int) -> npt.NDArray[np.uint16]:
    return np.asarray(np.rint(pixels.astype(np.float64) * (2**bits - 1) / 255), np.uint16)


def tiff(values: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **{"metadata": None, **options})
    return stream.getvalue()


def assert_same(data: bytes, expected: Pixels, tolerance: int = 2) -> tuple[str, ...]:
    field = decode(data)
    assert field.pixels.shape == expected.shape
    assert np.abs(field.pixels.astype(int) - expected).max() <= tolerance
    return field.notes


def jpeg(pixels: Pixels, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **{"quality": 95, **options})
    return stream.getvalue()


def out_of_focus(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(np.rint(gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0))), np.uint8)


def stack_of(*planes: npt.NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for plane in planes:
            writer.write(plane, photometric="rgb", metadata=None, **options)
    return stream.getvalue()


def textured(seed: int, height: int = 200, width: int = 240) -> Pixels:
    """A field with fine detail, so that sharpness can be told."""
    grain = np.random.default_rng(seed).normal(0, 12, (height, width, 1))
    return np.clip(smear(seed, height, width) + grain, 0, 255).astype(np.uint8)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, bits: int, colour: int, raw: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
