"""The annotated overview of a slide: where cells lie in one layer, which tiles were counted, the blasts."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from marrowscope.imaging.draw import Colour, annotate
from marrowscope.imaging.slides.monolayer import BLOCK_UM, BlockKind
from marrowscope.imaging.slides.survey import Survey

_MONOLAYER: Final[Colour] = (0, 133, 79)
_COUNTED: Final[Colour] = (20, 80, 200)
_BLAST: Final[Colour] = (214, 39, 40)


def draw_overview(
    found: Survey, counted: Sequence[tuple[int, int]], blasts: npt.NDArray[np.floating], caption: str
) -> Image.Image:
    """Draw a slide at low zoom with its countable area, the tiles counted, and the blasts.

    Parameters
    ----------
    found : the survey of the slide
    counted : left upper corners of the tiles that were counted, in full-resolution px
    blasts : (n, 2) middles of the blasts, in full-resolution px
    caption : line below the picture
    """
    with Image.open(BytesIO(found.overview)) as coded:
        picture = coded.convert("RGB")
    factor = np.array([picture.width / found.width, picture.height / found.height])
    _outline(picture, found, factor)
    drawn = ImageDraw.Draw(picture)
    radius = max(picture.size) / 700 + 1
    for x, y in blasts * factor:
        drawn.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_BLAST)
    legend = {"cells in one layer": _MONOLAYER, "tiles": _COUNTED}
    if len(blasts):
        legend["blast"] = _BLAST
    corners = np.array(counted, np.float64).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + found.tile_px], axis=1) * np.tile(factor, 2)
    return annotate(
        np.asarray(picture),
        boxes,
        [_COUNTED] * len(boxes),
        [""] * len(boxes),
        legend=legend,
        caption=caption,
    )


def _outline(picture: Image.Image, found: Survey, factor: npt.NDArray[np.floating]) -> None:
    """Draw the border of the monolayer."""
    across, down = BLOCK_UM / found.mpp * factor
    mask = Image.fromarray((found.kinds == BlockKind.MONOLAYER).astype(np.uint8) * 255)
    size = max(round(mask.width * across), 1), max(round(mask.height * down), 1)
    inside = np.asarray(mask.resize(size, Image.Resampling.NEAREST)) > 0
    width = max(round(max(picture.size) / 700), 1)
    border = inside & ~ndimage.binary_erosion(inside, iterations=width)
    line = Image.fromarray(border.astype(np.uint8) * 255)
    picture.paste(_MONOLAYER, (0, 0, *size), line)
