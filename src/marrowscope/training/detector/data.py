"""Training canvases of the detector: real fields laid out at random places, magnifications and turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.imaging.scale import WORKING_MPP
from marrowscope.training.detector.augment import vary
from marrowscope.training.detector.loss import CellTargets

PADDING = 114
"""Grey value outside the image, as the published weights were trained with."""

KEPT_FROM_VISIBLE = 0.25
"""A cell cut by an edge counts from this visible part on; below it is neither right nor wrong."""

_DROPPED_BELOW_VISIBLE = 0.03
_FINEST_CACHED_MPP = 0.10
"""Fields are kept at twice the working resolution, so that a magnified canvas is as sharp as a real one."""

_SMALLEST_TILE_PX = 48
_RESAMPLING = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.HAMMING)

Pixels = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Composer(Protocol):
    """Whatever makes dense fields of known cells (see `marrowscope.training.compose`)."""

    def compose(self, rng: np.random.Generator, size_px: int, mpp: float) -> tuple[Pixels, Boxes, Flags]:
        """Give a square field of `size_px` at `mpp`, its boxes (n, 4) xyxy px, which (n,) to ignore."""


@dataclass(frozen=True)
class Canvas:
    """One training picture: `pixels` (S, S, 3) RGB, `boxes` (n, 4) xyxy px, `ignore` (n,)."""

    pixels: Pixels
    boxes: Boxes
    ignore: Flags


@dataclass(frozen=True)
class CachedField:
    """A field in memory at `mpp` micrometres per pixel; boxes of its nucleated cells in its own pixels."""

    image: Image.Image
    boxes: Boxes
    ignore: Flags
    mpp: float


@dataclass(frozen=True)
class FieldPool:
    """The fields of one source, how often they are drawn, and the magnifications they may be shown at."""

    fields: tuple[CachedField, ...]
    weight: float
    zoom: tuple[float, float]


def cache_field(field: LabelledField, mpp: float, finest_mpp: float = _FINEST_CACHED_MPP) -> CachedField:
    """Load a labelled field of `mpp` micrometres per pixel, made no finer than `finest_mpp`."""
    boxes, ignore = field.leukocytes()
    return cached(field.pixels(), boxes, ignore, mpp, finest_mpp)


def cached(
    pixels: Pixels, boxes: Boxes, ignore: Flags, mpp: float, finest_mpp: float = _FINEST_CACHED_MPP
) -> CachedField:
    """Bring pixels (H, W, 3) and boxes (n, 4) to at most `finest_mpp` micrometres per pixel."""
    image = Image.fromarray(pixels)
    factor = min(1.0, mpp / finest_mpp)
    if factor < 1.0:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.BOX if factor <= 0.5 else Image.Resampling.HAMMING)
    return CachedField(image, (boxes * factor).astype(np.float32), ignore, mpp / factor)


class CanvasSampler:
    """Draws training canvases; the same generator state gives the same canvas.

    A canvas is a mosaic of real fields, a single real field on grey, or, for `composite_share` of them, a
    dense field from `composer`.
    """

    def __init__(
        self,
        pools: Sequence[FieldPool],
        composer: Composer | None = None,
        composite_share: float = 0.0,
        single_share: float = 0.15,
    ) -> None:
        self._pools = tuple(pools)
        weights = np.array([pool.weight for pool in pools], dtype=float)
        self._chances = weights / weights.sum()
        self._composer = composer
        self._composite_share = composite_share if composer is not None else 0.0
        self._single_share = single_share

    def draw(self, rng: np.random.Generator, size_px: int) -> Canvas:
        """Draw one canvas of `size_px` x `size_px`, turned, restained and degraded at random."""
        zoom = draw_zoom(rng)
        if self._composer is not None and rng.random() < self._composite_share:
            canvas = Canvas(*self._composer.compose(rng, size_px, WORKING_MPP / zoom))
        else:
            canvas = self._mosaic(rng, size_px, zoom)
        canvas = turn(canvas, quarter_turns=int(rng.integers(4)), mirror=bool(rng.random() < 0.5))
        return Canvas(vary(canvas.pixels, rng), canvas.boxes, canvas.ignore)

    def _mosaic(self, rng: np.random.Generator, size_px: int, zoom: float) -> Canvas:
        sheet = Image.new("RGB", (size_px, size_px), (PADDING, PADDING, PADDING))
        boxes: list[Boxes] = []
        ignore: list[Flags] = []
        single = rng.random() < self._single_share
        rooms = [(0, 0, size_px, size_px)]
        while rooms:
            room = rooms.pop()
            pool = self._pools[rng.choice(len(self._pools), p=self._chances)]
            field = pool.fields[rng.integers(len(pool.fields))]
            shown = float(np.clip(zoom * np.exp(rng.normal(0.0, 0.1)), *pool.zoom))
            used, placed, flags = _place(sheet, field, room, shown, rng, whole=single)
            boxes.append(placed)
            ignore.append(flags)
            if not single:
                rooms.extend(_rest(room, used))
        return Canvas(np.asarray(sheet), np.concatenate(boxes), np.concatenate(ignore))


def draw_zoom(rng: np.random.Generator) -> float:
    """Draw a magnification relative to the working scale: 0.45 to 2, mostly 0.6 to 1.6 (log-uniform)."""
    low, high = (0.6, 1.6) if rng.random() < 0.7 else (0.45, 2.0)
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _place(
    sheet: Image.Image,
    field: CachedField,
    room: tuple[int, int, int, int],
    zoom: float,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> tuple[tuple[int, int], Boxes, Flags]:
    """Paste a random part of `field` into the top left of `room` (x, y, width, height).

    Gives the width and height used and the boxes on the sheet with their ignore flags.
    """
    factor = field.mpp * zoom / WORKING_MPP
    full = np.array([field.image.width, field.image.height]) * factor
    part = np.ones(2) if whole else rng.uniform(0.65, 1.0, size=2)
    size = np.maximum(np.minimum(np.floor(full * part), room[2:]), 1).astype(int)
    start = rng.uniform(0.0, np.maximum(full - size, 0.0) + 1e-6)
    window = np.concatenate((start, np.minimum(start + size, full))) / factor
    resampling = _RESAMPLING[rng.integers(len(_RESAMPLING))]
    patch = field.image.resize((int(size[0]), int(size[1])), resampling, box=tuple(window), reducing_gap=2.0)
    corner = np.array(room[:2])
    if whole:
        corner = corner + rng.integers(0, np.array(room[2:]) - size + 1)
    sheet.paste(patch, (int(corner[0]), int(corner[1])))
    shift = np.tile(corner - start, 2)
    boxes = field.boxes * factor + shift
    frame = np.concatenate((corner, corner + size))
    placed, flags = cut_to_frame(boxes.astype(np.float32), field.ignore, frame.astype(np.float32))
    return (int(size[0]), int(size[1])), placed, flags


def _rest(room: tuple[int, int, int, int], used: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Give what is left of a room right of and below the used part; slivers are left grey."""
    x, y, width, height = room
    right = (x + used[0], y, width - used[0], used[1])
    below = (x, y + used[1], width, height - used[1])
    return [r for r in (right, below) if min(r[2], r[3]) >= _SMALLEST_TILE_PX]


def cut_to_frame(boxes: Boxes, ignore: Flags, frame: Boxes) -> tuple[Boxes, Flags]:
    """Clip boxes (n, 4) to `frame` (4,); hardly visible cells are flagged, invisible ones dropped."""
    clipped = np.concatenate(
        (np.clip(boxes[:, :2], frame[:2], frame[2:]), np.clip(boxes[:, 2:], frame[:2], frame[2:])), axis=1
    )
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    visible = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / area
    keep = visible >= _DROPPED_BELOW_VISIBLE
    flags = ignore | (visible < KEPT_FROM_VISIBLE)
    return clipped[keep].astype(np.float32), flags[keep]


def turn(canvas: Canvas, quarter_turns: int, mirror: bool) -> Canvas:
    """Turn a canvas by quarter turns counter-clockwise, then mirror it left to right."""
    pixels, boxes, side = canvas.pixels, canvas.boxes, float(canvas.pixels.shape[0])
    for _ in range(quarter_turns % 4):
        boxes = np.stack((boxes[:, 1], side - boxes[:, 2], boxes[:, 3], side - boxes[:, 0]), axis=1)
    pixels = np.rot90(pixels, quarter_turns)
    if mirror:
        pixels = pixels[:, ::-1]
        boxes = np.stack((side - boxes[:, 2], boxes[:, 1], side - boxes[:, 0], boxes[:, 3]), axis=1)
    return Canvas(np.ascontiguousarray(pixels), boxes.astype(np.float32), canvas.ignore)


def as_batch(canvases: Sequence[Canvas]) -> tuple[Tensor, list[CellTargets]]:
    """Give canvases of one size as network input (N, 3, S, S) BGR 0-255 and targets."""
    stacked = np.stack([canvas.pixels[..., ::-1] for canvas in canvases])
    images = torch.from_numpy(stacked).permute(0, 3, 1, 2).float()
    targets = [CellTargets(torch.from_numpy(c.boxes), torch.from_numpy(c.ignore)) for c in canvases]
    return images.contiguous(memory_format=torch.channels_last), targets
