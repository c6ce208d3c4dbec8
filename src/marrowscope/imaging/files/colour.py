"""Colours of a stated colour space brought to sRGB, which the networks were taught in."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_SRGB: Final = ImageCms.createProfile("sRGB")


def to_srgb(pixels: npt.NDArray[np.uint8], profile: bytes, notes: list[str]) -> npt.NDArray[np.uint8]:
    """Convert uint8 (H, W, 3) from the colour space of an ICC profile; what was done is added to `notes`.

    Colours said to be sRGB stay as they are, to the bit. A profile that cannot be used is noted.
    """
    if not profile:
        return pixels
    try:
        stated = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = ImageCms.getProfileDescription(stated).strip()
        if stated.profile.xcolor_space.strip() != "RGB":
            return pixels  # grey and CMYK were converted without it
        if "srgb" in name.lower():
            return pixels
        image = ImageCms.profileToProfile(Image.fromarray(pixels), stated, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("the colour profile in the file cannot be used; colours are taken as sRGB")
        return pixels
    notes.append(f"colours converted from {name or 'the colour profile in the file'} to sRGB")
    return np.asarray(image)
