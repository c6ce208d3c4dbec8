"""JPEG: pixels as bytes, and what the coding makes of pixels."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.imaging.files.pixel_size import dots_per_inch

Pixels = npt.NDArray[np.uint8]


def jpeg_bytes(image: Image.Image | Pixels, quality: int, mpp: float | None = None) -> bytes:
    """Give an image, or (H, W, 3) uint8 RGB pixels, as the bytes of a JPEG file without other metadata.

    Parameters
    ----------
    image : what to code
    quality : 1 to 95, Pillow's scale
    mpp : micrometres per pixel for the file to state as its resolution
    """
    stream = BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    resolution = {} if mpp is None else {"dpi": dots_per_inch(mpp)}
    picture.save(stream, "JPEG", quality=quality, **resolution)
    return stream.getvalue()


def through_jpeg(image: Image.Image | Pixels, quality: int) -> Pixels:
    """Give (H, W, 3) uint8 RGB pixels as they are after coding and decoding; arguments as `jpeg_bytes`."""
    with Image.open(BytesIO(jpeg_bytes(image, quality))) as coded:
        return np.array(coded.convert("RGB"))
