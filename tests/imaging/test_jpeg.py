"""JPEG in one place."""

from io import BytesIO

import numpy as np
from PIL import Image

from marrowscope.imaging.jpeg import jpeg_bytes, through_jpeg

PIXELS = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)


def test_pixels_and_pictures_give_the_same_file() -> None:
    stream = BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG", quality=88)
    assert jpeg_bytes(PIXELS, 88) == jpeg_bytes(Image.fromarray(PIXELS), 88) == stream.getvalue()
    assert len(jpeg_bytes(PIXELS, 40)) < len(jpeg_bytes(PIXELS, 88))


def test_coding_and_decoding_lose_a_little() -> None:
    seen = through_jpeg(PIXELS, 90)
    assert (seen.shape, seen.dtype) == (PIXELS.shape, PIXELS.dtype)
    with Image.open(BytesIO(jpeg_bytes(PIXELS, 90))) as image:
        np.testing.assert_array_equal(seen, np.asarray(image))
    assert (
        np.abs(seen.astype(int) - PIXELS).mean()
        > np.abs(through_jpeg(PIXELS, 95).astype(int) - PIXELS).mean()
    )
