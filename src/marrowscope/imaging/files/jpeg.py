"""JPEG files: decoded by libjpeg-turbo with its complaints heard.

Pillow decodes a file whose data ends early without a word as long as the end mark is there, and paints what
is missing grey. simplejpeg runs the same library, gives the same pixels, and passes on what it reports.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from marrowscope.errors import ImageError

MOST_SCANS: Final = 100
"""Cameras write one scan, progressive files about ten; every further one costs a pass over all pixels."""

_START_OF_SCAN: Final = b"\xff\xda"
_COLOUR_SPACES: Final = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def check_scans(data: bytes) -> None:
    """Refuse a file whose decoding would take a pass over all pixels again and again.

    Raises
    ------
    ImageError
        It has more than `MOST_SCANS` scans.
    """
    scans = data.count(_START_OF_SCAN)
    if scans > MOST_SCANS:
        raise ImageError(f"this JPEG image has {scans} scans, more than the limit of {MOST_SCANS}")


def decode_jpeg(data: bytes, mode: str) -> tuple[npt.NDArray[np.uint8], str | None]:
    """Decode a JPEG file.

    Parameters
    ----------
    data : the whole file
    mode : ``RGB``, ``L`` or ``CMYK``, as the header says

    Returns
    -------
    uint8 (H, W, channels), and what is wrong with the data, None where nothing is

    Raises
    ------
    ImageError
        Part of the data is missing, or it cannot be decoded at all.
    """
    colour_space = _COLOUR_SPACES[mode]
    try:
        return simplejpeg.decode_jpeg(data, colour_space, strict=True), None
    except ValueError as error:
        complaint = _complaint(error)
    try:
        return simplejpeg.decode_jpeg(data, colour_space, strict=False), complaint
    except ValueError as error:
        raise ImageError(f"this JPEG image cannot be read: {error}") from error


def complaint_about(data: bytes) -> str | None:
    """Return what is wrong with JPEG data that somebody else decodes, None where nothing is.

    Raises
    ------
    ImageError
        Part of the data is missing.
    """
    try:
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        return _complaint(error)
    return None


def _complaint(error: ValueError) -> str:
    if "premature end" in str(error).lower():
        raise ImageError("this JPEG image is truncated or damaged: part of its data is missing") from error
    return f"the JPEG data is damaged: {error}"
