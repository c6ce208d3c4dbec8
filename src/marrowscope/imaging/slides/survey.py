"""The survey of a slide: its overview, where cells can be counted, and the tiles to count them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.errors import ImageError
from marrowscope.imaging.files.pixel_size import plausible
from marrowscope.imaging.gallery import LARGE_PX, sheet_of_squares, squares_of
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.imaging.red_cells import (
    RED_CELL_UM,
    SAME_SCALE,
    VERY_SURE,
    Estimate,
    red_cell_diameter_px,
)
from marrowscope.imaging.slides import megakaryocytes as large
from marrowscope.imaging.slides.monolayer import (
    BLOCK_PX,
    BLOCK_UM,
    ZOOM_UM,
    BlockKind,
    Blocks,
    Cover,
    Floats,
    absorbance,
    cover_of,
    glass_colour,
    greatest,
    kinds_of,
)
from marrowscope.imaging.slides.slide import Level, Pixels, Slide, level_for

TILE_UM: Final = 256.0
"""Side of a tile: some tens of cells of a marrow, of which one in eight is cut by the tile's edge."""

OVERVIEW_PX: Final = 2048
"""Longer side of a slide's overview."""

_ASSUMED_MPP: Final = 0.25  # a 40x objective, where neither the file nor the red cells say more
_MOST_OVERVIEW_PIXELS: Final = 6_000_000_000  # of the level from which the overview is made
_STRIP_PIXELS: Final = 16_000_000
_TISSUE: Final = 0.03  # mean absorbance of a block from which it is looked at closely
_REGION: Final = 32  # blocks a side that are looked at together,
_FEWEST: Final = 8  # where so many of them hold tissue: no tile is smaller, even cut into quarters
_PURE: Final = 0.95  # part of a tile that must be monolayer
_SAMPLES: Final = 6  # regions on which red cells are measured where no scale is stated
_SAMPLE_PX: Final = 1024
_LEAST_CONFIDENCE: Final = 0.3


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of a slide before its cells are counted.

    Attributes
    ----------
    width, height : full-resolution px
    mpp : micrometres per px that blocks and tiles were laid out by
    is_stated : whether the file, or the user, states it
    overview : JPEG of the whole slide
    kinds : uint8 (rows, columns), what each block of `BLOCK_UM` is (`BlockKind`)
    tile_px : side of a tile in full-resolution px
    tiles : int64 (n, 2), left upper corners of the tiles in full-resolution px, row by row
    richness : float32 (n,), part of each tile with the colour of nuclei
    megakaryocytes : those looked for, all over the slide
    pictures : JPEG with a square of `LARGE_PX` for each candidate; empty without any
    """

    width: int
    height: int
    mpp: float
    is_stated: bool
    overview: bytes
    kinds: Blocks
    tile_px: tuple[int, int]
    tiles: npt.NDArray[np.int64]
    richness: Floats
    megakaryocytes: MegakaryocyteSearch
    pictures: bytes

    @property
    def countable_mm2(self) -> float:
        """Area of the monolayer."""
        return float((self.kinds == BlockKind.MONOLAYER).sum()) * (BLOCK_UM / 1000) ** 2

    @property
    def tile_mm2(self) -> float:
        """Area of a tile."""
        return self.tile_px[0] * self.tile_px[1] * (self.mpp / 1000) ** 2

    def packed(self) -> bytes:
        """Return the survey as bytes."""
        stream, found = BytesIO(), self.megakaryocytes.candidates
        np.savez_compressed(
            stream,
            size=np.array([self.width, self.height, *self.tile_px, self.is_stated], np.int64),
            mpp=np.array(self.mpp),
            overview=np.frombuffer(self.overview, np.uint8),
            kinds=self.kinds,
            tiles=self.tiles,
            richness=self.richness,
            examined=np.array(self.megakaryocytes.examined_mm2),
            large_boxes=np.array([each.box for each in found], np.int64).reshape(-1, 4),
            large_figures=np.array(
                [(each.area_um2, each.nucleus_um2, each.score) for each in found], np.float64
            ).reshape(-1, 3),
            pictures=np.frombuffer(self.pictures, np.uint8),
        )
        return stream.getvalue()

    @classmethod
    def unpacked(cls, content: bytes) -> Survey:
        """Return the survey of these bytes.

        Raises
        ------
        ValueError
            They hold none.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as found:
                width, height, across, down, is_stated = (int(value) for value in found["size"])
                return cls(
                    width, height, float(found["mpp"]), bool(is_stated), found["overview"].tobytes(),
                    found["kinds"], (across, down), found["tiles"], found["richness"],
                    _unpacked(found), found["pictures"].tobytes(),
                )  # fmt: skip
        except Exception as error:  # numpy and zipfile raise nearly anything on damaged bytes
            raise ValueError("this is no survey of a slide") from error


def survey_path(folder: Path, sha256: str) -> Path:
    """Return where the survey of the slide with a digest is kept."""
    return folder / f"{sha256}.survey"


def survey(slide: Slide, mpp: float | None = None) -> Survey:
    """Find the countable area of a slide, lay tiles on it, and look for megakaryocytes all over it.

    The slide is looked at as a whole in its overview, then closely wherever there is more than glass. Needs
    memory for the overview and one region, whatever the size of the slide.

    Parameters
    ----------
    slide : an open slide
    mpp : micrometres per px where the user states it; else the file's, or that by which red cells are 7 µm
        where the file states none or they surely contradict it

    Raises
    ------
    ImageError
        The slide cannot be read, or has no smaller copy for an overview.
    """
    full = slide.levels[0]
    overview = _overview(slide)
    glass = glass_colour(overview)
    dark = greatest(absorbance(overview, glass))
    stated = mpp or slide.mpp
    known = mpp or _scale(slide, dark)
    scale = known or _ASSUMED_MPP
    rows, columns = (max(int(side * scale / BLOCK_UM), 1) for side in (full.height, full.width))
    cover, found = _cover(slide, scale, glass, _fitted(dark, rows, columns, full, scale) > _TISSUE)
    kinds = kinds_of(cover)
    layers, block_px = large.in_layers(cover), BLOCK_UM / scale
    searched = MegakaryocyteSearch()  # by an assumed scale, none can be told from other cells
    if known is not None:
        searched = MegakaryocyteSearch(
            _examined_mm2(kinds, cover, layers),
            large.likeliest_first(large.outside(found, layers, (block_px, block_px))),
        )
    tile_px = tuple(min(round(TILE_UM / scale), side) for side in (full.width, full.height))
    corners, richness = _tiles(kinds == BlockKind.MONOLAYER, cover.purple)
    tiles = np.floor(corners[:, ::-1] * (BLOCK_UM / scale)).astype(np.int64)
    tiles = np.minimum(tiles, np.array([full.width - tile_px[0], full.height - tile_px[1]]))
    return Survey(
        full.width, full.height, scale, scale == stated, jpeg_bytes(overview, 85), kinds,
        (tile_px[0], tile_px[1]), tiles, richness,
        searched, pictures_of(slide, [each.box for each in searched.candidates]),
    )  # fmt: skip


def _unpacked(found: Mapping[str, npt.NDArray[np.generic]]) -> MegakaryocyteSearch:
    rows = zip(found["large_boxes"].tolist(), found["large_figures"].tolist(), strict=True)
    return MegakaryocyteSearch(
        float(found["examined"]),
        tuple(MegakaryocyteCandidate((x0, y0, x1, y1), *figures) for (x0, y0, x1, y1), figures in rows),
    )


def _examined_mm2(kinds: Blocks, cover: Cover, layers: npt.NDArray[np.bool_]) -> float:
    """Return the area in which a megakaryocyte would have been seen: not bare, and cells in one layer."""
    side = large.CROWDED_PX // BLOCK_PX
    purple, covered = (
        ndimage.uniform_filter(each, side, mode="nearest") for each in (cover.purple, cover.covered)
    )
    is_crowded = (purple > large.CROWDED) | (covered > large.LAYERED) | layers
    return float(((kinds != BlockKind.BARE) & ~is_crowded).sum()) * (BLOCK_UM / 1000) ** 2


def pictures_of(slide: Slide, boxes: Sequence[tuple[int, int, int, int]]) -> bytes:
    """Return a sheet with a square of `LARGE_PX` for each candidate, closer than they were looked for.

    Parameters
    ----------
    slide : an open slide
    boxes : of the candidates, in its full-resolution px

    Raises
    ------
    ImageError
        The slide cannot be read.
    """
    squares = [np.zeros((0, LARGE_PX, LARGE_PX, 3), np.uint8)]
    for each in boxes:
        x0, y0, x1, y1 = each
        number = level_for(slide, max(x1 - x0, y1 - y0) / LARGE_PX)
        level = slide.levels[number]
        around = max(x1 - x0, y1 - y0)  # more than a square shows
        left, top = (max(int((side - around) / level.downsample), 0) for side in (x0, y0))
        right = min(int((x1 + around) / level.downsample), level.width)
        bottom = min(int((y1 + around) / level.downsample), level.height)
        region = slide.read(number, left, top, right - left, bottom - top)
        box = np.array([each], np.float32) / level.downsample - np.array([left, top] * 2, np.float32)
        squares.append(squares_of(region, box.astype(np.float32), LARGE_PX))
    return sheet_of_squares(np.concatenate(squares))


def _overview(slide: Slide) -> Pixels:
    """Return the whole slide, its longer side `OVERVIEW_PX` or less."""
    full = slide.levels[0]
    number = level_for(slide, max(full.width, full.height) / OVERVIEW_PX)
    level = slide.levels[number]
    if level.width * level.height > _MOST_OVERVIEW_PIXELS:
        raise ImageError("this slide has no smaller copies of itself: save it as a pyramid")
    factor = max(max(level.width, level.height) / OVERVIEW_PX, 1.0)
    width, height = (max(round(side / factor), 1) for side in (level.width, level.height))
    picture = np.empty((height, width, 3), np.uint8)
    rows = max(round(_STRIP_PIXELS / (level.width * factor)), 1)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        y0, y1 = top * level.height / height, bottom * level.height / height
        strip = _shrunk(slide, number, (0.0, y0, float(level.width), y1), (width, bottom - top))
        picture[top:bottom] = strip
    return picture


def _shrunk(
    slide: Slide, number: int, box: tuple[float, float, float, float], size: tuple[int, int]
) -> Pixels:
    """Return the part of a level in a box, in its px, resampled to a size."""
    level = slide.levels[number]
    x0, y0 = int(box[0]), int(box[1])
    x1, y1 = min(int(np.ceil(box[2])), level.width), min(int(np.ceil(box[3])), level.height)
    region = Image.fromarray(slide.read(number, x0, y0, x1 - x0, y1 - y0))
    inner = (box[0] - x0, box[1] - y0, min(box[2], level.width) - x0, min(box[3], level.height) - y0)
    return np.asarray(region.resize(size, Image.Resampling.BOX, box=inner))


def _scale(slide: Slide, dark: Floats) -> float | None:
    """Return micrometres per px: as stated, unless red cells surely contradict it; None if neither tells."""
    found = _red_cells(slide, dark)
    measured = None if found is None else plausible(RED_CELL_UM / found.value)
    if found is None or measured is None:
        return slide.mpp
    if slide.mpp is None:
        return None if found.confidence < _LEAST_CONFIDENCE else measured
    is_alike = 1 / SAME_SCALE <= slide.mpp / measured <= SAME_SCALE
    return slide.mpp if is_alike or found.confidence < VERY_SURE else measured


def _red_cells(slide: Slide, dark: Floats) -> Estimate | None:
    """Return the diameter in px of the red cells of some regions, None where they show none."""
    full = slide.levels[0]
    side = min(_SAMPLE_PX, full.width, full.height)
    # Where the glass is half covered, red cells lie singly.
    even = ndimage.uniform_filter(np.minimum(dark, 0.5), 9)
    if even.max() <= _TISSUE:
        return None
    order = np.argsort(np.abs(even - np.median(even[even > _TISSUE])), axis=None)
    regions = []
    for place in order[:: max(len(order) // 200, 1)][:_SAMPLES]:
        y, x = np.unravel_index(place, dark.shape)
        left = int(np.clip(x * full.width / dark.shape[1] - side / 2, 0, full.width - side))
        top = int(np.clip(y * full.height / dark.shape[0] - side / 2, 0, full.height - side))
        regions.append(slide.read(0, left, top, side, side))
    return red_cell_diameter_px(*regions)


def _fitted(dark: Floats, rows: int, columns: int, full: Level, scale: float) -> Floats:
    """Return the mean absorbance of every block, from that of the overview."""
    right = columns * BLOCK_UM / (full.width * scale) * dark.shape[1]
    bottom = rows * BLOCK_UM / (full.height * scale) * dark.shape[0]
    box = (0.0, 0.0, min(right, dark.shape[1]), min(bottom, dark.shape[0]))
    return np.asarray(Image.fromarray(dark).resize((columns, rows), Image.Resampling.BOX, box=box))


def _cover(
    slide: Slide, scale: float, glass: Floats, is_tissue: npt.NDArray[np.bool_]
) -> tuple[Cover, list[MegakaryocyteCandidate]]:
    """Look closely at the regions in which there is more than glass, for cover and megakaryocytes."""
    candidates: list[MegakaryocyteCandidate] = []
    rows, columns = is_tissue.shape
    cover = Cover.none(rows, columns)
    number = level_for(slide, ZOOM_UM / scale)
    level = slide.levels[number]
    per_px = ZOOM_UM / scale / level.downsample  # px of the level
    for top, left in _regions(rows, columns):
        here = slice(top, min(top + _REGION, rows)), slice(left, min(left + _REGION, columns))
        if is_tissue[here].sum() < _FEWEST:
            continue
        y0, x0 = max(top * BLOCK_PX - large.SIGHT_PX, 0), max(left * BLOCK_PX - large.SIGHT_PX, 0)
        y1 = min(here[0].stop * BLOCK_PX + large.SIGHT_PX, int(level.height / per_px))
        x1 = min(here[1].stop * BLOCK_PX + large.SIGHT_PX, int(level.width / per_px))
        box = (x0 * per_px, y0 * per_px, x1 * per_px, y1 * per_px)
        absorbed = absorbance(_shrunk(slide, number, box, (x1 - x0, y1 - y0)), glass)
        found = cover_of(absorbed, (top * BLOCK_PX - y0, left * BLOCK_PX - x0))
        sides = (here[1].start, here[0].start, here[1].stop, here[0].stop)
        inside = tuple(side * BLOCK_PX - first for side, first in zip(sides, (x0, y0, x0, y0), strict=True))
        candidates += (
            large.placed(each, (x0, y0), (ZOOM_UM / scale, ZOOM_UM / scale))
            for each in large.candidates_in(absorbed, (inside[0], inside[1], inside[2], inside[3]))
        )
        for whole, part in zip(
            (cover.covered, cover.patches, cover.purple),
            (found.covered, found.patches, found.purple),
            strict=True,
        ):
            height, width = here[0].stop - top, here[1].stop - left
            kept = part[:height, :width]
            whole[top : top + kept.shape[0], left : left + kept.shape[1]] = kept
    return cover, candidates


def _regions(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    for top in range(0, rows, _REGION):
        for left in range(0, columns, _REGION):
            yield top, left


def _tiles(is_monolayer: npt.NDArray[np.bool_], purple: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """Lay tiles on the monolayer, each where the first still fits; return corners and richness."""
    rows, columns = is_monolayer.shape
    side = round(TILE_UM / BLOCK_UM)
    down, across = min(side, rows), min(side, columns)
    pure, rich = _means(is_monolayer.astype(np.float32), down, across), _means(purple, down, across)
    is_taken = np.zeros_like(is_monolayer)
    corners: list[tuple[int, int]] = []
    for top, left in np.argwhere(pure >= _PURE):
        # Tiles of this size come row by row, so that one that overlaps an earlier one holds its corner.
        if is_taken[top, left] or is_taken[top, left + across - 1]:
            continue
        is_taken[top : top + down, left : left + across] = True
        corners.append((int(top), int(left)))
    found = np.array(corners, np.int64).reshape(-1, 2)
    return found, np.asarray(rich[found[:, 0], found[:, 1]], np.float32)


def _means(values: Floats, down: int, across: int) -> npt.NDArray[np.float64]:
    """Return the mean of every window of `down` x `across` blocks, by its first block."""
    total = np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]
    return np.asarray(sums / (down * across))
