"""The size of one pixel in micrometres, as stated in the image file."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final

from marrowscope.errors import ImageError

PLAUSIBLE_UM_PER_PX: Final = (0.02, 2.0)
"""Range of light microscopy of smears; the 72 or 300 dpi of an office scan lie far outside."""

_MICROMETRES: Final = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0,
    "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6,
}  # fmt: skip
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _DESCRIPTION = 282, 283, 296, 270
_UM_PER_INCH: Final = 25_400.0
_UM_PER_UNIT: Final = {2: _UM_PER_INCH, 3: 10_000.0}  # TIFF 6.0, ResolutionUnit: inch, centimetre
_APERIO = re.compile(r"\bMPP\s*=\s*([0-9.]+)")
_OME_ATTRIBUTE = r"""\bPhysicalSize{axis}{what}\s*=\s*["']([^"']+)["']"""
_IMAGEJ_UNIT = re.compile(r"^unit=(\S+)", re.MULTILINE)


_Pair = tuple[float, float]
_SQUARE: Final = 0.05  # part by which the sides of a square pixel may be stated to differ


def plausible(um_per_px: float | None) -> float | None:
    """Return `um_per_px` if it is plausible for a microscope, else None."""
    low, high = PLAUSIBLE_UM_PER_PX
    return um_per_px if um_per_px is not None and low <= um_per_px <= high else None


def dots_per_inch(um_per_px: float) -> _Pair:
    """Return the resolution, horizontal and vertical, by which an image file states this size of a pixel."""
    return (_UM_PER_INCH / um_per_px,) * 2


def from_tiff_tags(tags: Mapping[int, Any]) -> float | None:
    """Return µm per pixel from TIFF tags: OME-XML, Aperio's MPP, ImageJ's unit, or the resolution tags.

    A description takes precedence over the resolution tags, in which cameras often write a nominal 72 dpi.
    Returns None if there is no plausible value.

    Raises
    ------
    ImageError
        The pixels are plausibly stated not to be square (to within 5 %): cells would be seen stretched.
    """
    description = _text(tags.get(_DESCRIPTION))
    across, down = _number(tags.get(_X_RESOLUTION)), _number(tags.get(_Y_RESOLUTION))
    unit = tags.get(_RESOLUTION_UNIT, 2)  # the standard's default is inch
    for pair in (
        _from_ome(description),
        _twice(_from_description(description, across)),
        _per_pixel(across, down, _UM_PER_UNIT.get(unit)),
    ):
        size = _square(pair)
        if size is not None:
            return size
    return None


def from_dots_per_inch(dpi: object) -> float | None:
    """Return µm per pixel from Pillow's `info["dpi"]`, None if not plausible for a microscope.

    Raises
    ------
    ImageError
        The pixels are plausibly stated not to be square.
    """
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    return _square(_per_pixel(_number(dpi[0]), _number(dpi[1]), _UM_PER_UNIT[2]))


def _from_description(description: str, resolution: float | None) -> float | None:
    if found := _APERIO.search(description):
        return _scaled(found[1], "µm")
    found = _IMAGEJ_UNIT.search(description)
    if found and resolution and description.startswith("ImageJ"):
        unit_name = found[1].replace("\\u00B5", "µ")
        return _scaled(str(1.0 / resolution), unit_name)
    return None


def _scaled(number: str, unit: str) -> float | None:
    factor = _MICROMETRES.get(unit.strip().lower())
    value = _number(number)
    return None if factor is None or value is None else value * factor


def _from_ome(description: str) -> _Pair | None:
    """Return the size that OME-XML states, in whichever quotes; a missing second axis is like the first."""
    found = {}
    for axis in "XY":
        size = re.search(_OME_ATTRIBUTE.format(axis=axis, what=""), description)
        unit = re.search(_OME_ATTRIBUTE.format(axis=axis, what="Unit"), description)
        found[axis] = _scaled(size[1], unit[1] if unit else "µm") if size else None
    x, y = found["X"], found["Y"]
    return None if x is None else (x, x if y is None else y)


def _twice(size: float | None) -> _Pair | None:
    return None if size is None else (size, size)


def _per_pixel(across: float | None, down: float | None, um_per_unit: float | None) -> _Pair | None:
    """Return the size of a pixel from a resolution, in pixels per unit."""
    if not across or not down or um_per_unit is None:
        return None
    return um_per_unit / across, um_per_unit / down


def _square(pair: _Pair | None) -> float | None:
    """Return the side of a square pixel, None where none is stated plausibly."""
    if pair is None or plausible(pair[0]) is None or plausible(pair[1]) is None:
        return None
    x, y = pair
    if abs(x - y) > _SQUARE * max(x, y):
        raise ImageError(f"the pixels of this image are not square ({x:.3g} by {y:.3g} µm): resample it")
    return (x + y) / 2


def _number(value: object) -> float | None:
    if isinstance(value, tuple) and len(value) == 2 and value[1]:  # a fraction, as TIFF stores it
        value = value[0] / value[1]
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number is caught
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < 1e9 else None  # NaN fails this, too


def _text(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return html.unescape(text) if isinstance(text, str) else ""  # OME-XML may write µ as an entity
