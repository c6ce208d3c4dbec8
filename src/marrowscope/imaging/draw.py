"""Pictures: fields with boxes and a legend, sheets of cells, and thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

_Rectangle = tuple[float, float, float, float]

_INK: Final[Colour] = (33, 37, 41)
_PAPER: Final[Colour] = (255, 255, 255)
_LARGEST_SIDE: Final = 2400  # px; more than a screen shows, in a file of about a megabyte
_LARGE_ENOUGH: Final = 1.25  # times that stays as it is: to shrink it so little takes longer than to code it
_SMALLEST_SIDE: Final = 900  # px; smaller fields are enlarged, or labels would cover their cells
_FONTS_BY_SIZE: dict[int, ImageFont.FreeTypeFont | ImageFont.ImageFont] = {}


_MARK: Final[Colour] = (214, 39, 40)
_TILE_PX: Final = 96
_GAP_PX: Final = 8
_TITLE_PX: Final = 30
_TILES_IN_A_ROW: Final = 12
DASHED_WORDS: Final = "dashed: cut or repeated, not counted"
MARKED_WORDS: Final = "Framed in red: signed otherwise, with the signed type"


@dataclass(frozen=True)
class _Entry:
    """What the strip below a field says, with a swatch before it unless it has no colour."""

    text: str
    colour: Colour | None = None
    is_dashed: bool = False


@dataclass(frozen=True)
class Tile:
    """A cell on a sheet: its square picture, and a short mark, empty for none, with which it is framed."""

    picture: Image.Image
    mark: str = ""


@dataclass(frozen=True)
class TileGroup:
    """Cells under one title on a sheet, and the colour of its swatch as ``#rrggbb``."""

    title: str
    colour: str
    tiles: Sequence[Tile]


def draw_sheet(groups: Sequence[TileGroup]) -> Image.Image:
    """Draw cells side by side, 96 px each, group by group under their titles; marks are explained below."""
    has_marks = any(tile.mark for group in groups for tile in group.tiles)
    step = _TILE_PX + _GAP_PX
    rows = [-(-len(group.tiles) // _TILES_IN_A_ROW) for group in groups]
    height = _GAP_PX + sum(_TITLE_PX + number * step for number in rows) + has_marks * _TITLE_PX
    sheet = Image.new("RGB", (_GAP_PX + _TILES_IN_A_ROW * step, height), _PAPER)
    drawn = ImageDraw.Draw(sheet)
    top = 0
    for group, number in zip(groups, rows, strict=True):
        middle = top + _TITLE_PX / 2 + _GAP_PX / 4
        swatch = (_GAP_PX, middle - 7, _GAP_PX + 14, middle + 7)
        _rounded(drawn, swatch, 3, fill=group.colour)
        drawn.text((swatch[2] + _GAP_PX, middle), group.title, fill=_INK, font=_font(16), anchor="lm")
        top += _TITLE_PX
        for place, tile in enumerate(group.tiles):
            row, column = divmod(place, _TILES_IN_A_ROW)
            _lay_tile(sheet, drawn, tile, (_GAP_PX + column * step, top + row * step))
        top += number * step
    if has_marks:
        drawn.text((_GAP_PX, top + _TITLE_PX / 2), MARKED_WORDS, fill=_MARK, font=_font(16), anchor="lm")
    return sheet


def _lay_tile(sheet: Image.Image, drawn: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int]) -> None:
    left, top = corner
    sheet.paste(tile.picture.resize((_TILE_PX, _TILE_PX)), corner)
    if not tile.mark:
        return
    right, bottom = left + _TILE_PX, top + _TILE_PX
    drawn.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=_MARK, width=4)
    wide = drawn.textlength(tile.mark, font=_font(14)) + 10
    drawn.rectangle((right - wide, bottom - 18, right + 1, bottom + 1), fill=_MARK)
    drawn.text((right - wide / 2, bottom - 9), tile.mark, fill=_PAPER, font=_font(14), anchor="mm")


def annotate(
    pixels: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.floating],
    colours: Sequence[Colour],
    labels: Sequence[str],
    *,
    dashed: Sequence[bool] | None = None,
    legend: Mapping[str, Colour] | None = None,
    caption: str = "",
) -> Image.Image:
    """Draw a field with a box and a short label for every cell, and a legend below it.

    Parameters
    ----------
    pixels
        uint8 (H, W, 3) RGB. The longer side of the picture is scaled to 900 px where it is shorter, and to
        2400 px where it is longer than 3000.
    boxes
        (n, 4) x0, y0, x1, y1 in px of `pixels`.
    colours, labels
        n each; an empty label is not drawn.
    dashed
        True for cells that are not counted, cut by the border or shown by another field: thin, dashed boxes.
    legend
        Text → colour, in display order. With `caption` it forms the strip below the field; without either
        there is no strip. Where a box is dashed, the legend says what that means.

    Raises
    ------
    ValueError
        The numbers of boxes, colours, labels and dashed differ.
    """
    is_dashed = [False] * len(boxes) if dashed is None else list(dashed)
    if not len(boxes) == len(colours) == len(labels) == len(is_dashed):
        lengths = f"{len(boxes)} boxes, {len(colours)} colours, {len(labels)} labels, {len(is_dashed)} dashed"
        raise ValueError(f"as many of each are needed: {lengths}")
    image, factor = _shown_size(pixels)
    unit = max(image.size) / 1000  # line widths and letters grow with the picture
    drawn = ImageDraw.Draw(image)
    scaled = [(x0 * factor, y0 * factor, x1 * factor, y1 * factor) for x0, y0, x1, y1 in boxes.tolist()]
    for box, colour, is_thin in zip(scaled, colours, is_dashed, strict=True):
        _outline(drawn, box, colour, unit, dashed=is_thin)
    _write_labels(drawn, scaled, colours, labels, unit)
    if not legend and not caption:
        return image
    entries = [_Entry(caption)] if caption else []
    entries += [_Entry(text, colour) for text, colour in (legend or {}).items()]
    entries += [_Entry(DASHED_WORDS, _INK, is_dashed=True)] if legend and any(is_dashed) else []
    return _with_strip(image, entries, unit)


def thumbnail(pixels: npt.NDArray[np.uint8], side: int) -> Image.Image:
    """Shrink a field (uint8 (H, W, 3) RGB) to at most `side` px on its longer side; never enlarge it."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _shown_size(pixels: npt.NDArray[np.uint8]) -> tuple[Image.Image, float]:
    """Return the picture in a convenient size, and the factor by which it was scaled."""
    image = Image.fromarray(pixels)
    longest = max(image.size)
    is_too_large = longest > _LARGE_ENOUGH * _LARGEST_SIDE
    factor = _LARGEST_SIDE / longest if is_too_large else max(1.0, _SMALLEST_SIDE / longest)
    if factor != 1.0:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        # Lanczos and bicubic filters take two to three times as long, and nobody sees it under the boxes.
        method = Image.Resampling.HAMMING if factor < 1 else Image.Resampling.BILINEAR
        image = image.resize(size, method)
    return image, factor


def _outline(
    drawn: ImageDraw.ImageDraw,
    box: _Rectangle,
    colour: Colour,
    unit: float,
    *,
    dashed: bool,
) -> None:
    """Draw one box: a coloured line with a pale halo, visible on dark nuclei and on pale background."""
    x0, y0, x1, y1 = box
    if dashed:
        width = max(1, round(1.4 * unit))
        for start, end in _dashes(x0, y0, x1, y1, 9 * unit):
            drawn.line([start, end], fill=colour, width=width)
        return
    width = max(2, round(2.6 * unit))
    halo = max(1, round(unit))
    radius = 5 * unit
    around = (x0 - halo, y0 - halo, x1 + halo, y1 + halo)
    _rounded(drawn, around, radius, outline=_PAPER, width=width + 2 * halo)
    _rounded(drawn, box, radius, outline=colour, width=width)


def _rounded(
    drawn: ImageDraw.ImageDraw,
    box: _Rectangle,
    radius: float,
    *,
    fill: str | Colour | None = None,
    outline: Colour | None = None,
    width: int = 1,
) -> None:
    """Draw a rectangle with rounded corners, in whole px.

    With parts of a px, Pillow (13.0) cannot draw some that are little larger than their corners: ValueError.
    """
    x0, y0, x1, y1 = map(round, box)
    drawn.rounded_rectangle((x0, y0, x1, y1), round(radius), fill, outline, width)


def _dashes(
    x0: float, y0: float, x1: float, y1: float, length: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the ends of the dashes around a box; gaps are three fifths as long as dashes."""
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    dashes = []
    for (ax, ay), (bx, by) in pairwise(corners):
        side = max(abs(bx - ax), abs(by - ay))
        for start in np.arange(0.0, side, 1.6 * length):
            a, b = start / side, min(start + length, side) / side
            dashes.append(
                ((ax + a * (bx - ax), ay + a * (by - ay)), (ax + b * (bx - ax), ay + b * (by - ay)))
            )
    return dashes


def _write_labels(
    drawn: ImageDraw.ImageDraw,
    boxes: Sequence[_Rectangle],
    colours: Sequence[Colour],
    labels: Sequence[str],
    unit: float,
) -> None:
    """Write each label on a plate in the colour of its box."""
    font, pad = _font(round(15 * unit)), 3.5 * unit
    width, height = drawn.im.size
    plates: list[_Rectangle] = []
    for box, colour, label in zip(boxes, colours, labels, strict=True):
        if not label:
            continue
        left, top, right, bottom = drawn.textbbox((0, 0), label, font=font)
        extent = (right - left + 2 * pad, bottom - top + 2 * pad)
        plate = _place(box, extent, (width, height), plates=plates, boxes=boxes)
        plates.append(plate)
        _rounded(drawn, plate, 3 * unit, fill=colour)
        ink = _INK if _is_light(colour) else _PAPER
        drawn.text((plate[0] + pad - left, plate[1] + pad - top), label, fill=ink, font=font)


def _place(
    box: _Rectangle,
    extent: tuple[float, float],
    size: tuple[int, int],
    *,
    plates: Sequence[_Rectangle],
    boxes: Sequence[_Rectangle],
) -> _Rectangle:
    """Return the place where a label covers other labels and cells least, preferably above its box."""
    (x0, y0, x1, y1), (width, height) = box, extent
    corners = [(x0, y0 - height), (x1 - width, y0 - height), (x0, y1), (x1 - width, y1)]
    corners += [(x1, y0), (x0 - width, y0), (x0, y0), (x0, y1 - height)]
    places = [_inside((x, y, x + width, y + height), size) for x, y in corners]
    weights = [3.0] * len(plates) + [0.5 if other is box else 1.0 for other in boxes]
    covered = _shared(np.asarray(places), np.asarray([*plates, *boxes])) @ np.asarray(weights)
    return places[int(covered.argmin())]


def _inside(plate: _Rectangle, size: tuple[int, int]) -> _Rectangle:
    x0, y0, x1, y1 = plate
    shift_x = max(0.0, -x0) - max(0.0, x1 - size[0] + 1)
    shift_y = max(0.0, -y0) - max(0.0, y1 - size[1] + 1)
    return x0 + shift_x, y0 + shift_y, x1 + shift_x, y1 + shift_y


def _shared(ones: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the area (n, m) that each of n rectangles (n, 4) shares with each of m others (m, 4)."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0.0).prod(axis=2))


def _with_strip(image: Image.Image, entries: Sequence[_Entry], unit: float) -> Image.Image:
    """Append caption and legend below the field, on as many lines as needed."""
    font = _font(round(17 * unit))
    ruler = ImageDraw.Draw(image)
    margin, swatch, line = 16 * unit, 16 * unit, 30 * unit
    placed: list[tuple[float, float, _Entry]] = []
    x, y = margin, margin
    for entry in entries:
        extent = ruler.textlength(entry.text, font=font) + (0 if entry.colour is None else swatch + 8 * unit)
        if x > margin and x + extent > image.width - margin:
            x, y = margin, y + line
        placed.append((x, y, entry))
        x += extent + 26 * unit
    strip = Image.new("RGB", (image.width, image.height + round(y + line + margin / 2)), _PAPER)
    strip.paste(image, (0, 0))
    drawn = ImageDraw.Draw(strip)
    for x, y, entry in placed:
        top = image.height + y
        left = x
        if entry.colour is not None:
            box = (x, top, x + swatch, top + swatch)
            if entry.is_dashed:
                _outline(drawn, box, entry.colour, unit / 2, dashed=True)
            else:
                _rounded(drawn, box, 3 * unit, fill=entry.colour)
            left += swatch + 8 * unit
        drawn.text((left, top + swatch / 2), entry.text, fill=_INK, font=font, anchor="lm")
    return strip


def _is_light(colour: Colour) -> bool:
    """Return whether dark text reads better on it (relative luminance of WCAG 2 with a gamma of 2.2)."""
    red, green, blue = ((channel / 255) ** 2.2 for channel in colour)
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.30)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's built-in scalable font, which is the same on every machine."""
    height = max(10, size)
    if height not in _FONTS_BY_SIZE:
        _FONTS_BY_SIZE[height] = ImageFont.load_default(height)
    return _FONTS_BY_SIZE[height]
