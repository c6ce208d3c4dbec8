"""Turn a recipe's image sources into the parts of a training run: train, validation, test, choosing set."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.layouts.fields import read_coco, read_fields, read_unlabelled
from marrowscope.datasets.splits import in_parts, labelled_part
from marrowscope.domain.geometry import longer_sides
from marrowscope.errors import DatasetError
from marrowscope.imaging.crops import crop_cells
from marrowscope.models.working_scale import mpp_from_red_cells
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

    `crops` (n,S,S,3) uint8; `side_um` (n,) µm, 0 where not known; `is_blast`, `types`, `sources` (n,).
    """

    crops: Bytes
    side_um: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]

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
    choosing: CleanCells | None


def load_sets(recipe: ClassifierRecipe) -> TrainingSets:
    """Read and cut the training part of a recipe's sources, its backgrounds and its choosing set."""
    backgrounds = [
        background
        for source in recipe.backgrounds
        for background in load_backgrounds(read_unlabelled(source.path), source.mpp)
    ]
    choosing = choosing_cells(recipe) if recipe.choosing else None
    train = part_bank(recipe, "train")
    if recipe.synthetic_per_type:
        train = joined([train, _synthetic_bank(recipe)])
    return TrainingSets(train, backgrounds, choosing)


def held_out_cells(recipe: ClassifierRecipe, part: Literal["val", "test"]) -> CleanCells:
    """Read a part that is not trained on, as inference sees it; `test` is for one look at the end."""
    return clean_cells(part_bank(recipe, part), recipe.input_px, recipe.context)


def part_bank(recipe: ClassifierRecipe, part: str) -> CellBank:
    """Return one part of every labelled source; cut cells are kept in ``recipe.cache`` when it is given."""
    banks = []
    for source in recipe.cells:
        cells = labelled_part(source.path, part)[:: recipe.thin]
        banks.append(_cell_bank(recipe, source, part, cells[:: source.every if part == "train" else 1]))
    for source in recipe.healthy:
        healthy = in_parts(
            source.path, read_fields(source.path, split=source.split), lambda field: field.source
        )[part]
        if healthy:
            banks.append(bank_of_fields(healthy, source.mpp))
    return joined(banks)


def clean_cells(bank: CellBank, size_px: int, context: float) -> CleanCells:
    """Return a bank's cells without any disguise, cropped to the network's context and size."""
    side = bank.crops.shape[1]
    margin = side * (1 - context / CACHE_CONTEXT) / 2
    box = (margin, margin, side - margin, side - margin)
    crops = [
        np.asarray(Image.fromarray(c).resize((size_px, size_px), Image.Resampling.BILINEAR, box=box))
        for c in bank.crops
    ]
    return CleanCells(
        np.stack(crops), bank.side_um / np.float32(CACHE_CONTEXT), bank.is_blast, bank.types, bank.sources
    )


def choosing_cells(recipe: ClassifierRecipe) -> CleanCells:
    """Return the boxes of the choosing set, cropped as in inference; cells cut by the border are left out."""
    if recipe.choosing is None:
        raise DatasetError("the recipe names no choosing set")
    crops, sides, is_blast = [], [], []
    for field in read_coco(recipe.choosing):
        keep = ~field.ignore
        if keep.any():
            pixels, boxes = field.pixels(), field.boxes[keep]
            crops.append(crop_cells(pixels, boxes, recipe.input_px, recipe.context))
            sides.append(longer_sides(boxes) * np.float32(mpp_from_red_cells([pixels]) or 0.0))
            is_blast += [label == "blast" for label, kept in zip(field.labels, keep, strict=True) if kept]
    n = len(is_blast)
    return CleanCells(
        np.concatenate(crops), np.concatenate(sides), np.array(is_blast),
        np.full(n, -1, dtype=np.int64), np.full(n, "choosing"),
    )  # fmt: skip


def _cell_bank(
    recipe: ClassifierRecipe, source: CellSet, part: str, cells: Sequence[LabelledCell]
) -> CellBank:
    """Cut one part of one source."""
    names = "\n".join(c.path.as_posix() for c in cells) + f"\n{source.mpp} {','.join(recipe.types)}"
    return _kept(
        recipe.cache,
        f"{source.path.name}-{part}",
        names,
        lambda: bank_of_cells(cells, recipe.types, source.mpp),
    )


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
