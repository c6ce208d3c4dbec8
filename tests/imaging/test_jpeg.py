"""Pixels become a JPEG file in one place, without metadata."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

import marrowscope
from marrowscope.imaging.jpeg import jpeg_bytes, through_jpeg


def test_pixels_and_images_give_the_same_file_without_metadata() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.info["exif"] = b"Exif\0\0whose smear it is"
    data = jpeg_bytes(pixels, 90)
    assert data == jpeg_bytes(image, 90)
    assert b"Exif" not in data
    np.testing.assert_array_equal(through_jpeg(pixels, 90), np.asarray(Image.open(BytesIO(data))))


def test_nobody_else_writes_jpeg() -> None:
    package = Path(marrowscope.__file__).parent
    texts = {path.relative_to(package).as_posix(): path.read_text("utf-8") for path in package.rglob("*.py")}
    assert [name for name, text in texts.items() if '"JPEG", quality' in text] == ["imaging/jpeg.py"]
