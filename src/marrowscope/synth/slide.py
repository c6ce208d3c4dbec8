"""Whole slides composed of areas of known kind: bare glass, monolayer, thick layers, clots, particles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, minimum_filter

from marrowscope.synth.cell import coverage_box, lay_recipe
from marrowscope.synth.field import SyntheticField, draw_field
from marrowscope.synth.finer import FINER_RECIPES
from marrowscope.synth.recipes import BlastLook
from marrowscope.synth.stain import AZUROPHIL, CHROMATIN, DYES, Stain, draw_stain, expose

AREA_UM: Final = 16.0
"""Side of one element of the map of areas in µm."""

_PIECE_UM: Final = 256.0  # areas are paved with a few pieces of this side
_PIECES: Final = 2
_CLUMPED_UM2: Final = 190.0  # of glass for each cell of a clump
_LAYERS: Final = {"thick": 4, "clot": 7, "particle": 3}

MEGAKARYOCYTE: Final = replace(
    FINER_RECIPES["megakaryocyte"],
    diameter_um=(30.0, 85.0),
    nuclei=("lobulated", "lobulated", "folded", "segmented"),
)
"""Megakaryocytes of all sizes; those of the atlas are of one, to be looked at beside other cells."""

Pixels = npt.NDArray[np.uint8]


class Area(IntEnum):
    """What an area of a slide is."""

    GLASS = 0
    MONOLAYER = 1
    THICK = 2
    CLOT = 3
    PARTICLE = 4


@dataclass(frozen=True, eq=False)
class SyntheticSlide:
    """A slide with its truth.

    Attributes
    ----------
    pixels : uint8 (H, W, 3) RGB
    areas : uint8 (h, w), what each square of `AREA_UM` is (`Area`)
    boxes : float32 (n, 4) xyxy in px, around the nucleated cells that lie whole in the monolayer
    cell_types : their types, in the same order
    mpp : µm per pixel
    megakaryocytes : float32 (n, 4) xyxy in px, around the megakaryocytes
    """

    pixels: Pixels
    areas: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    cell_types: tuple[str, ...]
    mpp: float
    megakaryocytes: npt.NDArray[np.float32]


def draw_slide(
    seed: int | Sequence[int],
    *,
    width_um: float = 1536.0,
    height_um: float = 1024.0,
    mpp: float = 0.25,
    cells_per_mm2: float = 900.0,
    red_cells: float = 0.5,
    areas: npt.NDArray[np.uint8] | None = None,
    megakaryocytes: int = 0,
    distractors: int = 0,
) -> SyntheticSlide:
    """Return a slide that depends on `seed` only.

    Parameters
    ----------
    width_um, height_um, mpp : its sides and its scale, in µm
    cells_per_mm2 : nucleated cells in the monolayer
    red_cells : share of the free glass covered by red cells there, 0-1
    areas : map of areas to use instead of one at random, a value of `Area` for each square of `AREA_UM`
    megakaryocytes : how many lie in the monolayer, as far as there is room
    distractors : clumps of cells, stain precipitates and small clots there, as many of each
    """
    rng = np.random.default_rng(seed)
    # A scanner's light is even, and its tiles are compressed when the slide is written.
    stain = replace(draw_stain(rng), vignetting=0.0, jpeg_quality=95)
    if areas is None:
        areas = _smear(rng, round(width_um / AREA_UM), round(height_um / AREA_UM))
    size = round(areas.shape[1] * AREA_UM / mpp), round(areas.shape[0] * AREA_UM / mpp)
    look = BlastLook.draw(rng)
    fields = [_monolayer(rng, mpp, (cells_per_mm2, red_cells), stain, look) for _ in range(_PIECES)]
    pieces: dict[Area, Callable[[], list[Pixels]]] = {
        Area.GLASS: lambda: [_monolayer(rng, mpp, (0.0, 0.0), stain, look).pixels],
        Area.MONOLAYER: lambda: [field.pixels for field in fields],
        Area.THICK: lambda: [_layered(rng, fields, stain, _LAYERS["thick"]) for _ in range(2)],
        Area.CLOT: lambda: [_clot(rng, fields, stain)],
        Area.PARTICLE: lambda: [_particle(rng, mpp, stain, look)],
    }
    pavings = {area: draw() for area, draw in pieces.items() if (areas == area).any()}
    pixels = np.empty((size[1], size[0], 3), np.uint8)
    boxes = [np.zeros((0, 4), np.float32)]
    types: list[str] = []
    side = round(_PIECE_UM / mpp)
    for top in range(0, size[1], side):
        for left in range(0, size[0], side):
            chosen = {area: int(rng.integers(len(paving))) for area, paving in pavings.items()}
            window = pixels[top : top + side, left : left + side]
            kinds = _kinds(areas, window.shape[:2], (left, top), mpp)
            for area, number in chosen.items():
                here = kinds == area
                window[here] = pavings[area][number][: window.shape[0], : window.shape[1]][here]
            if Area.MONOLAYER not in chosen:
                continue
            field = fields[chosen[Area.MONOLAYER]]
            whole = [_is_in_monolayer(box, kinds) for box in field.boxes]
            boxes.append(field.boxes[whole] + np.array([left, top, left, top], np.float32))
            types += [name for name, is_whole in zip(field.cell_types, whole, strict=True) if is_whole]
    every = np.concatenate(boxes)
    free = _Places(rng, areas, mpp)
    large = [_put_megakaryocyte(rng, pixels, free, stain, mpp) for _ in range(megakaryocytes)]
    for _ in range(distractors):
        for put in (_put_clump, _put_precipitate, _put_small_clot):
            put(rng, pixels, free, stain, mpp)
    is_whole = ~free.hides(every)
    return SyntheticSlide(
        pixels,
        areas,
        every[is_whole],
        tuple(name for name, whole in zip(types, is_whole, strict=True) if whole),
        mpp,
        np.array([box for box in large if box is not None], np.float32).reshape(-1, 4),
    )


class _Places:
    """Squares of the monolayer on which nothing large lies yet."""

    def __init__(self, rng: np.random.Generator, areas: npt.NDArray[np.uint8], mpp: float) -> None:
        self._rng = rng
        self._per_px = mpp / AREA_UM
        self._free = areas == Area.MONOLAYER
        self._taken: list[tuple[int, int, int]] = []

    def take(self, side: int) -> tuple[int, int] | None:
        """Return the left upper corner of a square of `side` px, None if no place is left."""
        elements = int(np.ceil(side * self._per_px)) + 2
        fits = minimum_filter(self._free, elements, origin=-(elements // 2), mode="constant")
        places = np.argwhere(fits)
        if not len(places):
            return None
        row, column = places[int(self._rng.integers(len(places)))]
        self._free[row : row + elements, column : column + elements] = False
        corner = int((column + 1) / self._per_px), int((row + 1) / self._per_px)
        self._taken.append((*corner, side))
        return corner

    def hides(self, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Return which boxes overlap a square that was taken."""
        hidden = np.zeros(len(boxes), bool)
        for x, y, side in self._taken:
            beside = (boxes[:, 2] < x) | (boxes[:, 0] > x + side)
            beside |= (boxes[:, 3] < y) | (boxes[:, 1] > y + side)
            hidden |= ~beside
        return hidden


def _put_megakaryocyte(
    rng: np.random.Generator, pixels: Pixels, free: _Places, stain: Stain, mpp: float
) -> npt.NDArray[np.float32] | None:
    """Draw a megakaryocyte in the place of what is there, and return its box."""
    cell = lay_recipe(rng, MEGAKARYOCYTE, mpp)
    corner = free.take(cell.coverage.shape[0])
    if corner is None:
        return None
    window = _window(pixels, corner, cell.coverage.shape[0])
    drawn = expose(rng, cell.amounts, stain, mpp)
    cover = cell.coverage[..., None]
    window[:] = np.clip(window * (1 - cover) + drawn * cover, 0, 255).astype(np.uint8)
    return coverage_box(cell.coverage) + np.array(corner * 2, np.float32)


def _put_clump(rng: np.random.Generator, pixels: Pixels, free: _Places, stain: Stain, mpp: float) -> None:
    """Lay cells that touch each other over what is there."""
    number = int(rng.integers(4, 14))
    room = 1.25 * np.sqrt(number * _CLUMPED_UM2)
    side = round(room / mpp)
    corner = free.take(side)
    if corner is None:
        return
    field = draw_field(
        int(rng.integers(2**62)), width=side, height=side, mpp=mpp, cells=number, crowding=1.0,
        red_cells=0.0, stain=stain,
    )  # fmt: skip
    _lay_over(_window(pixels, corner, side), field.pixels, stain)


def _put_precipitate(
    rng: np.random.Generator, pixels: Pixels, free: _Places, stain: Stain, mpp: float
) -> None:
    """Lay grains of dried stain over what is there."""
    side = round(rng.uniform(25, 70) / mpp)
    corner = free.take(side)
    if corner is None:
        return
    grains = _waves(rng, (side, side), rng.uniform(0.6, 2.0) / mpp)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    inside = np.exp(-((np.hypot(x, y) / 0.3) ** 2) * 2)
    amounts = np.zeros((side, side, len(DYES)), np.float32)
    amounts[..., AZUROPHIL] = 3 * np.clip(grains * inside - 0.4, 0, 1)
    amounts[..., CHROMATIN] = amounts[..., AZUROPHIL] / 2
    _lay_over(_window(pixels, corner, side), expose(rng, amounts, stain, mpp), stain)


def _put_small_clot(
    rng: np.random.Generator, pixels: Pixels, free: _Places, stain: Stain, mpp: float
) -> None:
    """Lay a clot of the size of a megakaryocyte over what is there: cells on each other, in fibrin."""
    side = round(rng.uniform(50, 110) / mpp)
    corner = free.take(side)
    if corner is None:
        return
    fields = [
        draw_field(
            int(rng.integers(2**62)), width=side, height=side, mpp=mpp, stain=stain,
            cells=int(1500 * (side * mpp / 1000) ** 2), red_cells=0.6,
        )
        for _ in range(2)
    ]  # fmt: skip
    clot = _clot(rng, fields, stain)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    ragged = _waves(rng, (side, side), 8 / mpp) * 0.06
    cover = np.clip((0.42 + ragged - np.hypot(x, y)) * 20, 0, 1)[..., None]
    window = _window(pixels, corner, side)
    window[:] = np.clip(window * (1 - cover) + clot * cover, 0, 255).astype(np.uint8)


def _window(pixels: Pixels, corner: tuple[int, int], side: int) -> Pixels:
    return pixels[corner[1] : corner[1] + side, corner[0] : corner[0] + side]


def _lay_over(window: Pixels, layer: Pixels, stain: Stain) -> None:
    """Lay a layer on what is there: their transmittances multiply (Beer-Lambert)."""
    passed = np.clip(layer / np.asarray(stain.background, np.float32), 0, 1)
    window[:] = (window * passed).astype(np.uint8)


def _smear(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Return the areas of a smear: thick, then a monolayer, with particles and clots in both."""
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    margin = 0.05 * width
    ragged = _waves(rng, (height, width), 6.0) * margin
    along = (column + ragged) / width
    edge = np.minimum(np.minimum(column, width - 1 - column), np.minimum(row, height - 1 - row)) + ragged
    areas = np.full((height, width), Area.MONOLAYER, np.uint8)
    areas[along < rng.uniform(0.25, 0.4)] = Area.THICK
    blobs = _waves(rng, (height, width), 5.0)
    areas[blobs > np.quantile(blobs, 0.93)] = Area.PARTICLE
    areas[blobs < np.quantile(blobs, 0.05)] = Area.CLOT
    areas[(along > rng.uniform(0.85, 0.95)) | (edge < margin)] = Area.GLASS
    return areas


def _waves(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> npt.NDArray[np.float32]:
    waves = gaussian_filter(rng.standard_normal(shape).astype(np.float32), sigma)
    return np.asarray(waves / max(float(waves.std()), 1e-6), np.float32)


def _monolayer(
    rng: np.random.Generator,
    mpp: float,
    density: tuple[float, float],
    stain: Stain,
    look: BlastLook,
) -> SyntheticField:
    """Draw a piece with so many nucleated cells per mm², and red cells over a share of its glass."""
    cells_per_mm2, red_cells = density
    side = round(_PIECE_UM / mpp)
    return draw_field(
        int(rng.integers(2**62)),
        width=side,
        height=side,
        mpp=mpp,
        cells=round(cells_per_mm2 * (_PIECE_UM / 1000) ** 2),
        red_cells=red_cells,
        stain=stain,
        blast_look=look,
    )


def _layered(rng: np.random.Generator, fields: Sequence[SyntheticField], stain: Stain, layers: int) -> Pixels:
    """Lay monolayers on each other: their transmittances multiply (Beer-Lambert)."""
    light = np.asarray(stain.background, np.float32)
    passed = np.ones(fields[0].pixels.shape, np.float32)
    for _ in range(layers):
        layer = fields[int(rng.integers(len(fields)))].pixels
        moved = np.roll(layer, rng.integers(layer.shape[0], size=2), axis=(0, 1))
        passed *= np.clip(moved / light, 0.0, 1.0)
    return np.asarray(np.clip(passed * light, 0, 255), np.uint8)


def _clot(rng: np.random.Generator, fields: Sequence[SyntheticField], stain: Stain) -> Pixels:
    """Give many layers held together by fibrin, out of focus."""
    layers = _layered(rng, fields, stain, _LAYERS["clot"]).astype(np.float32)
    blurred = gaussian_filter(layers, (3.0, 3.0, 0.0))
    return np.asarray(np.clip(blurred * (0.62, 0.45, 0.7), 0, 255), np.uint8)


def _particle(rng: np.random.Generator, mpp: float, stain: Stain, look: BlastLook) -> Pixels:
    """Give a marrow particle: cells on each other, and the holes of fat cells."""
    dense = [_monolayer(rng, mpp, (2600.0, 0.2), stain, look)]
    pixels = _layered(rng, dense, stain, _LAYERS["particle"])
    side = pixels.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) * mpp
    for _ in range(int(rng.integers(4, 8))):
        middle, radius = rng.uniform(0, _PIECE_UM, 2), rng.uniform(18, 35)
        pixels[np.hypot(x - middle[0], y - middle[1]) < radius] = np.asarray(stain.background, np.uint8)
    return pixels


def _kinds(
    areas: npt.NDArray[np.uint8], shape: tuple[int, ...], corner: tuple[int, int], mpp: float
) -> npt.NDArray[np.uint8]:
    """Return the area of every pixel of a window whose left upper corner is given."""
    rows = np.minimum(((corner[1] + np.arange(shape[0])) * mpp / AREA_UM).astype(int), areas.shape[0] - 1)
    columns = np.minimum(((corner[0] + np.arange(shape[1])) * mpp / AREA_UM).astype(int), areas.shape[1] - 1)
    return np.asarray(areas[rows[:, None], columns[None, :]])


def _is_in_monolayer(box: npt.NDArray[np.float32], kinds: npt.NDArray[np.uint8]) -> bool:
    x0, y0, x1, y1 = (int(side) for side in box)
    is_whole = x0 > 0 and y0 > 0 and x1 < kinds.shape[1] - 1 and y1 < kinds.shape[0] - 1
    return is_whole and bool((kinds[y0 : y1 + 1, x0 : x1 + 1] == Area.MONOLAYER).all())
