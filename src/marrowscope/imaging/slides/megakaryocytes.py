"""Candidates for megakaryocytes, found by size and colour at the zoom of a slide's survey.

A megakaryocyte is the largest cell of the marrow: 30 to over 100 µm, with one large lobed nucleus in broad
cytoplasm; no other cell there reaches 30 µm. A picture of 1 µm per px shows that, and no network is needed:

1. *Solid* is where a square is covered all over that only a disc of 30 µm has room for.
2. Its *body* is what an opening with a disc of just over half its inscribed radius leaves: cells that touch
   it are narrower, and fall off (Serra, *Image Analysis and Mathematical Morphology*, 1982).
3. The darker part of the body, by Otsu's threshold of its green absorbance (IEEE Trans SMC 1979;9:62), is
   the nucleus. It must have the colour of nuclei, and leave room nearly all around it for cytoplasm that is
   clearly lighter than it and than the nuclei of other cells.

Clumps of cells fail by their outline, and as nuclei fill them to the rim; clots and particles fail because
nothing in them is as light as cytoplasm; precipitate is not solid. Where cells lie on each other nothing can
be told: where nuclei are many, and in and beside covered patches larger than any cell, whose rims hold glass
and layers that look like one. Nothing is listed there, and such an area does not count as examined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.imaging.background import otsu_bin
from marrowscope.imaging.slides.monolayer import (
    BLOCK_PX,
    BLOCK_UM,
    COVERED,
    PURPLE,
    ZOOM_UM,
    Cover,
    Floats,
    absorbance,
    cover_of,
    glass_colour,
    greatest,
    is_filled,
)
from marrowscope.imaging.slides.slide import Pixels

SIGHT_PX: Final = 64
"""What must be known around a cell to judge it: half the largest one."""
LEAST_FIELD_UM: Final = 80.0
"""Shorter side of a field that can hold one."""
CROWDED: Final = 0.35
"""Part of an area with the colour of nuclei from which cells lie on each other."""
LAYERED: Final = 0.93
"""Part of an area that is covered from which cells lie on each other, nuclei or not."""
CROWDED_PX: Final = 160
"""Side of the square in which that is told."""

MOST: Final = 1000
"""Candidates that are listed of a slide: more are no megakaryocytes."""

_SQUARES_PX: Final = (45, 31, 21)  # in discs of 64, 44 and 30 µm
_BESIDE_PX: Final = 6  # from a place that was judged in vain
_SOLID: Final = 0.96
_NUCLEAR: Final = 0.15  # part with the colour of nuclei in a square around a nucleus
_NUCLEAR_PX: Final = 25
_ITSELF_PX: Final = 61  # side of the square in the middle that is not asked how crowded it is
_LEAST_RADIUS: Final = 12.5  # µm, of the disc inside the body
_OPENING: Final = 0.55  # of that radius
_AREA: Final = (600.0, 12_000.0)  # µm²
_UNEVEN: Final = 2.0  # area of the body over that of the disc inside
_NUCLEUS_AREA: Final = 180.0  # µm²; nuclei of the largest other cells are as large, in less cytoplasm
_NUCLEUS_RADIUS: Final = 3.5
_NUCLEUS_SHARE: Final = (0.08, 0.68)
_RING_PX: Final = 8
_RIM_PX: Final = 3
_AT_RIM: Final = 0.38  # part of the rim that is nucleus
_LIGHTER: Final = 0.78  # green absorbance of cytoplasm over that of the nucleus
_LIGHT: Final = (1.3, 0.9)  # that of cytoplasm, and that over the one of other cells' nuclei, at most
_FEW_PX: Final = 300  # of other nuclei: fewer are not compared
_BLUE: Final = 0.75  # blue absorbance of a nucleus over its green one; clots and folds absorb all colours
_CUT_UM: Final = 40.0  # a cell is passed over within half of it from the edge: half a cell on average

Mask = npt.NDArray[np.bool_]


def search_field(pixels: Pixels, mpp: float) -> MegakaryocyteSearch:
    """Look for megakaryocytes in a field.

    A cell whose box reaches the field's edge is passed over, so that the examined area is the field without
    half a cell's width all around, and without the part in which cells lie on each other. It is 0 where the
    field cannot hold one, and where most of it has the colour of nuclei.

    Parameters
    ----------
    pixels : uint8 (H, W, 3)
    mpp : its micrometres per px
    """
    height, width = pixels.shape[:2]
    if min(height, width) * mpp < LEAST_FIELD_UM:
        return MegakaryocyteSearch()
    size = round(width * mpp / ZOOM_UM), round(height * mpp / ZOOM_UM)
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    absorbed = absorbance(small, glass_colour(small))
    if (absorbed[1] - absorbed[2] > PURPLE).mean() > CROWDED:
        return MegakaryocyteSearch()
    layers = in_layers(cover_of(absorbed, (0, 0)))
    cut = round(_CUT_UM / 2 / ZOOM_UM)
    rows, columns = (
        np.minimum(np.arange(cut, side - cut) // BLOCK_PX, known - 1)
        for side, known in zip(size[::-1], layers.shape, strict=True)
    )
    share = 1.0 - float(layers[np.ix_(rows, columns)].mean())
    area = (width * mpp - _CUT_UM) * (height * mpp - _CUT_UM) / 1e6 * share
    found = outside(candidates_in(absorbed, (0, 0, *size)), layers, (BLOCK_PX, BLOCK_PX))
    per_px = width / size[0], height / size[1]
    return MegakaryocyteSearch(area, likeliest_first(placed(each, (0, 0), per_px) for each in found))


def in_layers(cover: Cover) -> Mask:
    """Return the blocks (rows, columns) of covered patches larger than any cell, and those beside them."""
    around = np.ones((3, 3), bool)
    patches, _ = ndimage.label(is_filled(cover), around)
    is_larger = np.bincount(patches.ravel()) * BLOCK_UM**2 > _AREA[1]
    is_larger[0] = False  # where there is none
    return np.asarray(ndimage.binary_dilation(is_larger[patches], around))


def outside(
    found: Iterable[MegakaryocyteCandidate], blocks: Mask, per_block: tuple[float, float]
) -> Iterator[MegakaryocyteCandidate]:
    """Yield the candidates whose middle lies in none of these blocks.

    Parameters
    ----------
    found : boxes in px of some picture
    blocks : (rows, columns), of `BLOCK_UM`; what the picture has beyond them belongs to the last
    per_block : px of the picture per block, across and down
    """
    for each in found:
        x0, y0, x1, y1 = each.box
        middle = (y0 + y1) / 2 / per_block[1], (x0 + x1) / 2 / per_block[0]
        row, column = (min(int(at), side - 1) for at, side in zip(middle, blocks.shape, strict=True))
        if not blocks[row, column]:
            yield each


def likeliest_first(found: Iterable[MegakaryocyteCandidate]) -> tuple[MegakaryocyteCandidate, ...]:
    """Return candidates by falling score, at most `MOST`."""
    return tuple(sorted(found, key=lambda each: (-each.score, each.box))[:MOST])


def placed(
    candidate: MegakaryocyteCandidate, corner: tuple[float, float], per_px: tuple[float, float]
) -> MegakaryocyteCandidate:
    """Return a candidate with its box in px of the original.

    Parameters
    ----------
    candidate : its box in px of a picture
    corner : column and row of the picture's left upper px, in px of the picture
    per_px : px of the original per px of the picture, across and down
    """
    x0, y0, x1, y1 = candidate.box
    across, down = per_px
    return replace(
        candidate,
        box=(
            round((x0 + corner[0]) * across),
            round((y0 + corner[1]) * down),
            round((x1 + corner[0]) * across),
            round((y1 + corner[1]) * down),
        ),
    )


def candidates_in(
    absorbed: tuple[Floats, Floats, Floats], inside: tuple[int, int, int, int]
) -> Iterator[MegakaryocyteCandidate]:
    """Yield the candidates of a picture of `ZOOM_UM`, boxes in its px.

    Parameters
    ----------
    absorbed : absorbance (H, W) of red, green and blue (`absorbance`)
    inside : left, top, right, bottom of the part in which the middle of a candidate must lie; around it,
        `SIGHT_PX` must be known unless the slide ends there
    """
    nuclear = (absorbed[1] - absorbed[2] > PURPLE).astype(np.float32)
    covered = ((greatest(absorbed) > COVERED) | (nuclear > 0)).astype(np.float32)
    single = absorbed[1][(nuclear > 0) & (_mean(covered, _SQUARES_PX[-1]) <= _SOLID)]
    lightest = min(_LIGHT[0], _LIGHT[1] * float(np.median(single)) if len(single) >= _FEW_PX else np.inf)
    seen: list[tuple[int, int, int, int]] = []
    for y, x in _places(covered, nuclear):
        if any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in seen):
            continue  # judged already
        top, left = max(y - SIGHT_PX, 0), max(x - SIGHT_PX, 0)
        window = slice(top, y + SIGHT_PX), slice(left, x + SIGHT_PX)
        body = _body(covered[window] > 0, (y - top, x - left))
        found = None
        if body is not None:
            found = _judged(
                tuple(each[window] for each in absorbed), body, (covered[window], nuclear[window]), lightest
            )
        if found is None:
            seen.append((x - _BESIDE_PX, y - _BESIDE_PX, x + _BESIDE_PX, y + _BESIDE_PX))
            continue
        found = placed(found, (left, top), (1.0, 1.0))
        seen.append(found.box)
        middle = (found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2
        if inside[0] <= middle[0] < inside[2] and inside[1] <= middle[1] < inside[3]:
            yield found


def _places(covered: Floats, nuclear: Floats) -> Iterator[tuple[int, int]]:
    """Yield rows and columns in large cells, the largest first: where cells touch, only these stand out."""
    inner, outer = (_mean(nuclear, side) * np.float32(side**2) for side in (_ITSELF_PX, CROWDED_PX))
    is_possible = (outer - inner) / np.float32(CROWDED_PX**2 - _ITSELF_PX**2) < CROWDED
    is_possible &= _mean(nuclear, _NUCLEAR_PX) > _NUCLEAR
    if not is_possible.any():
        return
    for side in _SQUARES_PX:
        labels, _ = ndimage.label(is_possible & (_mean(covered, side) > _SOLID))
        for number, place in enumerate(ndimage.find_objects(labels), start=1):
            if max(part.stop - part.start for part in place) > SIGHT_PX:
                continue  # wider than any cell: a layer of them
            rows, columns = np.nonzero(labels[place] == number)
            yield int(rows.mean()) + place[0].start, int(columns.mean()) + place[1].start


def _mean(values: Floats, side: int) -> Floats:
    """Return the mean of the square around each px; beyond the picture is nothing."""
    return np.asarray(ndimage.uniform_filter(values, side, mode="constant"), np.float32)


def _body(covered: Mask, at: tuple[int, int]) -> Mask | None:
    """Return the large cell at a place of a window, None if there is none or the window cuts it."""
    depth = _depth(covered)
    near = tuple(slice(max(side - _SQUARES_PX[-1], 0), side + _SQUARES_PX[-1]) for side in at)
    radius = float(depth[near].max())
    if radius < _LEAST_RADIUS:
        return None
    opening = _OPENING * radius
    cores, _ = ndimage.label(depth > opening)
    peak = np.unravel_index(int(np.argmax(depth[near])), depth[near].shape)
    core = cores == cores[near][peak]
    body = covered & (ndimage.distance_transform_edt(~core) <= opening)
    is_cut = body[0].any() or body[-1].any() or body[:, 0].any() or body[:, -1].any()
    return None if is_cut else np.asarray(body, bool)


def _judged(
    absorbed: tuple[Floats, ...], body: Mask, cover: tuple[Floats, Floats], lightest: float
) -> MegakaryocyteCandidate | None:
    """Return the candidate that a large body is, its box in px of the window, None if it is none."""
    _, green, blue = absorbed
    covered, nuclear = cover
    area = float(body.sum()) * ZOOM_UM**2
    if nuclear[~body].mean() > CROWDED or covered[_around(body)].mean() > LAYERED:
        return None
    depth = _depth(body)
    unevenness = area / (np.pi * (float(depth.max()) * ZOOM_UM) ** 2)
    if not _AREA[0] <= area <= _AREA[1] or unevenness > _UNEVEN:
        return None
    dark = body & (green > otsu_bin(green[body])[1])
    nucleus = ndimage.binary_opening(ndimage.binary_closing(dark, iterations=1), iterations=1) & body
    share = nucleus.sum() / body.sum()
    if not _NUCLEUS_SHARE[0] <= share <= _NUCLEUS_SHARE[1] or nucleus.sum() * ZOOM_UM**2 < _NUCLEUS_AREA:
        return None
    cytoplasm = body & ~ndimage.binary_dilation(nucleus)
    if not cytoplasm.any() or nuclear[nucleus].mean() < 0.8:
        return None
    rim = body & (depth <= _RIM_PX)
    at_rim = float((nucleus & rim).sum() / rim.sum())
    lighter = float(np.median(green[cytoplasm]) / np.median(green[nucleus]))
    bluish = float(np.median(blue[nucleus]) / np.median(green[nucleus]))
    radius = float(_depth(nucleus).max()) * ZOOM_UM
    is_light = lighter <= _LIGHTER and float(np.median(green[cytoplasm])) <= lightest
    if not is_light or at_rim > _AT_RIM or bluish > _BLUE or radius < _NUCLEUS_RADIUS:
        return None
    rows, columns = np.nonzero(body)
    likeness = (
        min(area / 1500, 1.0), min((1 - lighter) / 0.45, 1.0), min(1.4 / unevenness, 1.0), 1.0 - at_rim,
    )  # fmt: skip
    return MegakaryocyteCandidate(
        box=(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1),
        area_um2=area,
        nucleus_um2=float(nucleus.sum()) * ZOOM_UM**2,
        score=round(float(np.prod(likeness)) ** (1 / len(likeness)), 3),
    )


def _around(body: Mask) -> Mask:
    """Return what lies close around a body."""
    return np.asarray(ndimage.binary_dilation(body, iterations=_RING_PX) & ~body)


def _depth(mask: Mask) -> npt.NDArray[np.float64]:
    """Return how far each px of a mask is from its outside; beyond the picture is outside."""
    return np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1])
