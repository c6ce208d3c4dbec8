"""Turn a recipe's image sources into the parts of a training run: train, validation, test, left out."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.datasets.layouts.fields import read_fields, read_unlabelled
from marrowscope.datasets.splits import PARTS, in_parts, labelled_part
from marrowscope.models.detector import Detector, built_in_detector
from marrowscope.training.classifier.cells import (
    BANK_FORMAT,
    CACHE_CONTEXT,
    CACHE_PX,
    SYNTHETIC,
    CellBank,
    bank_of_cells,
    bank_of_fields,
    bank_of_synthetic,
    joined,
)
from marrowscope.training.classifier.recipe import CellSet, ClassifierRecipe
from marrowscope.training.classifier.sampling import Background, load_backgrounds
from marrowscope.training.stain import Bytes, Floats


@dataclass(frozen=True)
class CleanCells:
    """n cells as inference sees them.

    `crops` (n,S,S,3) uint8; `side_um` (n,) µm; `is_blast`, `types`, `sources`, `groups` (n,); `white` (n,3)
    background colour 0-255.
    """

    crops: Bytes
    side_um: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    white: Floats

    def __len__(self) -> int:
        return len(self.crops)

    def thinned(self, every: int) -> "CleanCells":
        """Return every n-th cell."""
        return CleanCells(*(getattr(self, f.name)[::every] for f in fields(self)))


@dataclass(frozen=True)
class TrainingSets:
    """All that a run reads while it trains, in memory."""

    train: CellBank
    backgrounds: list[Background]


def load_sets(recipe: ClassifierRecipe) -> TrainingSets:
    """Read and cut the training part of a recipe's sources, and its backgrounds."""
    backgrounds = [
        background
        for source in recipe.backgrounds
        for background in load_backgrounds(read_unlabelled(source.path), source.mpp)
    ]
    train = part_bank(recipe, "train")
    if recipe.synthetic_per_type:
        train = joined([train, _synthetic_bank(recipe)])
    return TrainingSets(train, backgrounds)


def held_out_cells(recipe: ClassifierRecipe, part: Literal["val", "test"]) -> CleanCells:
    """Read a part that is not trained on, as inference sees it; `test` is for one look at the end."""
    return clean_cells(part_bank(recipe, part), recipe.input_px, recipe.context)


def left_out_cells(recipe: ClassifierRecipe) -> CleanCells:
    """Read all cells of the sources that the recipe leaves out."""
    reader = _Reader(recipe, built_in_detector())
    banks = [bank for part in PARTS for bank in reader.banks(part, taught=False)]
    return clean_cells(joined(banks), recipe.input_px, recipe.context)


def part_bank(recipe: ClassifierRecipe, part: str) -> CellBank:
    """Return one part of every labelled source; cut cells are kept in ``recipe.cache`` when it is given."""
    return joined(_Reader(recipe, built_in_detector()).banks(part, taught=True))


def clean_cells(bank: CellBank, size_px: int, context: float) -> CleanCells:
    """Return a bank's cells without any disguise, cropped to the network's context and size."""
    side = bank.crops.shape[1]
    margin = side * (1 - context / CACHE_CONTEXT) / 2
    box = (margin, margin, side - margin, side - margin)
    crops = [
        np.asarray(Image.fromarray(c).resize((size_px, size_px), Image.Resampling.BILINEAR, box=box))
        for c in bank.crops
    ]
    side_um = bank.side_um / np.float32(CACHE_CONTEXT)
    return CleanCells(
        np.stack(crops), side_um, bank.is_blast, bank.types, bank.sources, bank.groups, bank.white
    )


@dataclass(frozen=True)
class _Reader:
    """Reads and cuts parts of a recipe's sources."""

    recipe: ClassifierRecipe
    detector: Detector

    def banks(self, part: str, *, taught: bool) -> list[CellBank]:
        """Cut one part of all sources that are taught, or of all that are left out."""
        cells = [one for one in self.recipe.cells if self.recipe.is_taught(one) is taught]
        fields = [one for one in self.recipe.fields if self.recipe.is_taught(one) is taught]
        return [
            *(self._cells(one, part) for one in cells),
            *(b for one in fields for b in self._fields(one, part)),
        ]

    def _cells(self, source: CellSet, part: str) -> CellBank:
        """Cut one part of a set of single cells."""
        cells = labelled_part(source.path, part)[:: self.recipe.thin]
        cells = cells[:: source.every if part == "train" else 1]
        types, paths = self.recipe.types, [cell.path.as_posix() for cell in cells]
        return self._kept(source, part, paths, lambda: bank_of_cells(cells, types, source.mpp, self.detector))

    def _fields(self, source: CellSet, part: str) -> list[CellBank]:
        """Cut the cells of one part of a set of fields; none where it has no field in this part."""
        every = read_fields(source.path, split=source.split)
        fields = in_parts(source.path, every, lambda field: field.source)[part]
        if not fields:
            return []
        types = self.recipe.types
        named = [f"{field.path.as_posix()} {','.join(field.labels)}" for field in fields]
        return [
            self._kept(source, part, named, lambda: bank_of_fields(fields, types, source.mpp, self.detector))
        ]

    def _kept(
        self, source: CellSet, part: str, images: Sequence[str], build: Callable[[], CellBank]
    ) -> CellBank:
        content = "\n".join(images)
        content += f"\n{source.mpp} {','.join(self.recipe.types)} {self.detector.settings}"
        return _kept(self.recipe.cache, f"{source.path.name}-{part}", content, build)


def _synthetic_bank(recipe: ClassifierRecipe) -> CellBank:
    """Draw the synthetic cells."""
    per_type, seed = recipe.synthetic_per_type, recipe.seed
    names = f"{per_type} {seed} {','.join(recipe.types)}"
    return _kept(recipe.cache, SYNTHETIC, names, lambda: bank_of_synthetic(recipe.types, per_type, seed))


def _kept(cache: Path | None, name: str, content: str, build: Callable[[], CellBank]) -> CellBank:
    """Build a bank, or read it from the cache, named after the digest of its content."""
    if cache is None:
        return build()
    digest = hashlib.sha256(f"{content}\n{CACHE_PX} {CACHE_CONTEXT} {BANK_FORMAT}".encode()).hexdigest()
    stored = cache / f"{name}-{digest[:12]}.npz"
    if not stored.is_file():
        build().save(stored)
    return CellBank.load(stored)
