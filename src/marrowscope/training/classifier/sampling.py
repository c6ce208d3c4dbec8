"""Training batches: how often each cell is drawn, and how it is changed at random."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.imaging.background import brightest_colour_outside
from marrowscope.training.classifier.cells import (
    CACHE_CONTEXT,
    CellBank,
)
from marrowscope.training.stain import (
    Bytes,
    Floats,
    Placement,
    StainRanges,
    draw_placement,
    onto_background,
    optical_density,
    place,
    regrained,
    relight,
    restain,
    slightly_varied,
    through_camera,
)

_LARGEST_SHARE = 0.3
"""Of a batch that may come from one source."""

_BLASTS = 0.35
"""Share of blasts among the cells of a source that has both kinds."""

_REPLACED = 0.75
"""Share of the outlined cells that are laid on another background."""

_MASKED = 0.2
"""Share of the other cells whose surroundings are cut off by an ellipse: some sets show cells without any."""

_PLAIN = 0.5
"""Share of the cells that are shown nearly as photographed. Where their source has no blasts they teach the
types alone: the laboratory shows, and the blast head would learn it. Cells of unknown type of such a source
are never shown so."""


@dataclass(frozen=True)
class Background:
    """One leukocyte-free field: pixels (H,W,3) uint8, empty colour (3,) 0-255, micrometres per pixel."""

    pixels: Bytes
    white: Floats
    mpp: float


@dataclass(frozen=True)
class Batch:
    """n cells as columns.

    `crops` (n,S,S,3) uint8 RGB; `is_blast` (n,) bool; `types` (n,) int, -1 where not known; `teaches_blast`
    (n,) bool, false where the crop gives its laboratory away.
    """

    crops: Bytes
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    teaches_blast: npt.NDArray[np.bool_]


def load_backgrounds(fields: Sequence[LabelledField], mpp: float) -> list[Background]:
    """Read leukocyte-free fields into memory."""
    found = []
    for field in fields:
        pixels = field.pixels()
        white = brightest_colour_outside(pixels[::4, ::4], np.zeros(pixels[::4, ::4].shape[:2], dtype=bool))
        found.append(Background(pixels, white, mpp))
    return found


class CellSampler:
    """Draws disguised cells from a bank, balanced over sources, blast or not, and types."""

    def __init__(
        self,
        bank: CellBank,
        backgrounds: Sequence[Background],
        *,
        size_px: int,
        context: float,
        ranges: StainRanges | None = None,
        seed: int = 0,
    ) -> None:
        self.bank = bank
        self.backgrounds = backgrounds
        self.size_px = size_px
        self.span = context / CACHE_CONTEXT
        self.ranges = ranges or StainRanges()
        self.rng = np.random.default_rng(seed)
        self.cumulative = np.cumsum(row_weights(bank))
        self.has_blasts = np.isin(bank.sources, np.unique(bank.sources[bank.is_blast]))
        self.plain_chance = np.where(self.has_blasts | (bank.types >= 0), _PLAIN, 0.0)
        self.outlined = np.flatnonzero(bank.outlined)
        self.source_stain: Mapping[str, Floats] = {
            str(s): bank.stain[bank.sources == s].mean(axis=0) for s in np.unique(bank.sources)
        }

    @property
    def generator_state(self) -> dict[str, Any]:
        """Where the generator stands, JSON values."""
        return dict(self.rng.bit_generator.state)

    def at(self, state: Mapping[str, Any]) -> "CellSampler":
        """Return the same sampler with a generator of its own that stands at `state`."""
        other = copy.copy(self)
        other.rng = np.random.default_rng()
        other.rng.bit_generator.state = dict(state)
        return other

    def draw(self, n: int) -> Batch:
        """Draw n cells."""
        rows = np.searchsorted(self.cumulative, self.rng.random(n) * self.cumulative[-1])
        rows = np.minimum(rows, len(self.bank) - 1)
        is_blast, types = self.bank.is_blast[rows], self.bank.types[rows]
        plain = self.rng.random(n) < self.plain_chance[rows]
        shown = [
            self.plain(int(row)) if p else self.disguised(int(row))
            for row, p in zip(rows, plain, strict=True)
        ]
        return Batch(np.stack(shown), is_blast, types, ~plain | self.has_blasts[rows])

    def plain(self, row: int) -> Bytes:
        """Give one cell of the bank (S,S,3) uint8, turned, as it was photographed."""
        placement = draw_placement(self.rng, (0.9, 1.12), shift=0.02)
        crop = place(self.bank.crops[row], placement, self.span, self.size_px)
        return slightly_varied(crop, self.rng)

    def disguised(self, row: int) -> Bytes:
        """Give one cell (S,S,3) uint8, turned, on a random background, in a random stain."""
        rng, bank = self.rng, self.bank
        placement = draw_placement(rng, (0.84, 1.2), shift=0.025)
        density, mask = self._cell(row, placement)
        if rng.random() < (_REPLACED if bank.outlined[row] else _MASKED):
            behind = self._background(row) if bank.outlined[row] else np.zeros_like(density)
            density = onto_background(density, _soft(mask), behind)
        if bank.outlined[row] and rng.random() < 0.2:
            density = self._with_neighbour(density, mask, row)
        if rng.random() < self.ranges.regrain:
            density = regrained(density, mask, float(np.exp(rng.uniform(*np.log(self.ranges.grain)))))
        gain = self._gain(str(bank.sources[row]))
        light = relight(restain(density, gain, self.ranges, rng), self.ranges, rng)
        return through_camera(light, self.ranges, rng)

    def _cell(self, row: int, placement: Placement) -> tuple[Floats, Floats]:
        """Return a cell's density (S,S,3) and mask (S,S) 0-1 under a placement."""
        crop = place(self.bank.crops[row], placement, self.span, self.size_px)
        mask = place(self.bank.masks[row], placement, self.span, self.size_px).astype(
            np.float32
        ) / np.float32(255)
        return optical_density(crop, self.bank.white[row]), mask

    def _background(self, row: int) -> Floats:
        """Return a density (S,S,3) to lay behind a cell: empty, a field's, or another cell's surroundings."""
        choice = self.rng.random()
        side_um = float(self.bank.side_um[row]) * self.span
        if choice < 0.2:
            return np.zeros((self.size_px, self.size_px, 3), dtype=np.float32)
        if choice < 0.6 and self.backgrounds:
            return self._field_patch(side_um)
        donor = int(self.rng.choice(self.outlined))
        zoom = float(np.clip(self.bank.side_um[donor] * self.span / side_um, 0.6, 1.6))
        density, mask = self._cell(donor, draw_placement(self.rng, (zoom, zoom), 0.0))
        # The donor's own cell is wiped out: what shows of it beside the new cell becomes empty background.
        return onto_background(np.zeros_like(density), _soft(mask), density)

    def _field_patch(self, side_um: float) -> Floats:
        """Cut a turned square of a leukocyte-free field at the cell's magnification."""
        field = self.backgrounds[int(self.rng.integers(len(self.backgrounds)))]
        side = int(np.clip(side_um / field.mpp * 1.42, 32, min(field.pixels.shape[:2])))
        top = int(self.rng.integers(field.pixels.shape[0] - side + 1))
        left = int(self.rng.integers(field.pixels.shape[1] - side + 1))
        patch = field.pixels[top : top + side, left : left + side]
        turned = place(patch, draw_placement(self.rng, (1.0, 1.0), 0.0), 1 / 1.42, self.size_px)
        return optical_density(turned, field.white)

    def _with_neighbour(self, density: Floats, mask: Floats, row: int) -> Floats:
        """Lay another cell at the rim, behind this one: cells touch in dense smears."""
        donor = int(self.rng.choice(self.outlined))
        zoom = float(np.clip(self.bank.side_um[donor] / self.bank.side_um[row], 0.5, 1.6))
        angle = self.rng.uniform(0, 2 * np.pi)
        reach = self.rng.uniform(0.42, 0.6) / CACHE_CONTEXT * (1 + zoom)
        placement = Placement(
            0.0, zoom, float(np.cos(angle) * reach / zoom), float(np.sin(angle) * reach / zoom), False
        )
        other, other_mask = self._cell(donor, placement)
        ratio = (
            self.source_stain[str(self.bank.sources[row])] / self.source_stain[str(self.bank.sources[donor])]
        )
        return onto_background(other * ratio, _soft(other_mask) * (1 - _soft(mask)), density)

    def _gain(self, source: str) -> Floats:
        """Return the ratio (3,) that brings a source's mean stain to another source's, or ones."""
        if self.rng.random() > self.ranges.transfer:
            return np.ones(3, dtype=np.float32)
        names = list(self.source_stain)
        target = names[int(self.rng.integers(len(names)))]
        return np.asarray(
            np.clip(self.source_stain[target] / self.source_stain[source], 0.4, 2.5), np.float32
        )


def _soft(mask: Floats) -> Floats:
    """Widen a mask's edge to about three pixels, so that a pasted cell has no cut rim."""
    padded = np.pad(mask, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9, dtype=np.float32)


def row_weights(bank: CellBank) -> npt.NDArray[np.float64]:
    """Return the chance of each row (n,) of a bank to be drawn, summing to 1.

    A source's share grows as the root of its number of cells, up to a bound; within it, so does a type's. Of
    a source that has blasts and others, a fixed share are blasts.
    """
    names, source = np.unique(bank.sources, return_inverse=True)
    share = _bounded(np.sqrt(np.bincount(source)), _LARGEST_SHARE)
    weights = np.zeros(len(bank))
    for index in range(len(names)):
        rows = np.flatnonzero(source == index)
        weights[rows] = share[index] * _within_source(bank.is_blast[rows], bank.types[rows])
    return np.asarray(weights / weights.sum())


def _within_source(is_blast: npt.NDArray[np.bool_], types: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the chance of each cell (n,) of one source."""
    _, kind = np.unique(np.where(is_blast, -2, types), return_inverse=True)
    each = 1 / np.sqrt(np.bincount(kind))[kind]
    if is_blast.all() or not is_blast.any():
        return np.asarray(each / each.sum())
    blasts, others = each * is_blast, each * ~is_blast
    return np.asarray(_BLASTS * blasts / blasts.sum() + (1 - _BLASTS) * others / others.sum())


def _bounded(sizes: npt.NDArray[np.float64], largest: float) -> npt.NDArray[np.float64]:
    """Return shares in proportion to sizes, none above the largest unless there are too few for that."""
    share = sizes / sizes.sum()
    for _ in sizes:
        over = share > largest
        if not over.any() or over.all():
            break
        rest = share[~over].sum()
        share = np.where(over, largest, share * (1 - largest * over.sum()) / rest)
    return np.asarray(share / share.sum())
