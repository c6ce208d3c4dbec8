"""The size of one pixel in micrometres, as stated in the image file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

PLAUSIBLE_UM_PER_PX: Final = (0.02, 2.0)
"""Range of light microscopy of smears; the 72 or 300 dpi of an office scan lie far outside."""

_MICROMETRES: Final = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0,
    "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6,
}  # fmt: skip
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _DESCRIPTION = 282, 283, 296, 270
_UM_PER_UNIT: Final = {2: 25_400.0, 3: 10_000.0}  # TIFF 6.0, ResolutionUnit: inch, centimetre
_APERIO = re.compile(r"\bMPP\s*=\s*([0-9.]+)")
_OME = re.compile(r'PhysicalSizeX="([0-9.eE+-]+)"')
_OME_UNIT = re.compile(r'PhysicalSizeXUnit="([^"]+)"')
_IMAGEJ_UNIT = re.compile(r"^unit=(\S+)", re.MULTILINE)


def plausible(um_per_px: float | None) -> float | None:
    """Return `um_per_px` if it is plausible for a microscope, else None."""
    low, high = PLAUSIBLE_UM_PER_PX
    return um_per_px if um_per_px is not None and low <= um_per_px <= high else None


def from_tiff_tags(tags: Mapping[int, Any]) -> float | None:
    """Return µm per pixel from TIFF tags: OME-XML, Aperio's MPP, ImageJ's unit, or the resolution tags.

    A description takes precedence over the resolution tags, in which cameras often write a nominal 72 dpi.
    Returns None if there is no plausible value, or if the pixels are not square (to within 5 %).
    """
    description = _text(tags.get(_DESCRIPTION))
    resolution = _square(_number(tags.get(_X_RESOLUTION)), _number(tags.get(_Y_RESOLUTION)))
    unit = tags.get(_RESOLUTION_UNIT, 2)  # the standard's default is inch
    nominal = _UM_PER_UNIT[unit] / resolution if resolution and unit in _UM_PER_UNIT else None
    for candidate in (_from_description(description, resolution), nominal):
        if plausible(candidate) is not None:
            return candidate
    return None


def from_dots_per_inch(dpi: object) -> float | None:
    """Return µm per pixel from Pillow's `info["dpi"]`, None if not plausible for a microscope."""
    if not isinstance(dpi, tuple) or len(dpi) != 2:
        return None
    resolution = _square(_number(dpi[0]), _number(dpi[1]))
    return plausible(25_400.0 / resolution) if resolution else None


def _from_description(description: str, resolution: float | None) -> float | None:
    if found := _OME.search(description):
        unit = _OME_UNIT.search(description)
        return _scaled(found[1], unit[1] if unit else "µm")
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


def _square(x: float | None, y: float | None) -> float | None:
    if not x or not y or abs(x - y) > 0.05 * max(x, y):
        return None
    return (x + y) / 2


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number is caught
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < 1e9 else None  # NaN fails this, too


def _text(value: object) -> str:
    if isinstance(value, str):  # Pillow reads TIFF text as Latin-1, but OME and ImageJ write UTF-8
        value = value.encode("latin-1", "replace")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
