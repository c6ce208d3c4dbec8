"""What a detector is trained on and how: a frozen recipe, readable from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from marrowscope.datasets.layouts.fields import LAYOUTS, LabelledField, read_fields, read_unlabelled
from marrowscope.datasets.layouts.recognise import identify_set
from marrowscope.datasets.splits import taken
from marrowscope.errors import InputError
from marrowscope.training.recipe import ImageSet, TrainingRecipe, from_table

_ROLES = ("train", "validate")


@dataclass(frozen=True, kw_only=True)
class FieldSet(ImageSet):
    """One folder of fields and the part it plays.

    Attributes
    ----------
    layout : one of `layouts.fields.LAYOUTS`
    role : train or validate
    take : the part of it, by sorted name, fractions from and to
    weight : how often its fields are drawn, against those of the others
    zoom : magnifications it is shown at, relative to the working scale
    drop : stems of images that are left out
    match_iou : overlap that counts as found when it validates
    name : of a validating set in the log; the folder's without
    """

    layout: str
    role: str = "train"
    take: tuple[float, float] = (0.0, 1.0)
    weight: float = 1.0
    zoom: tuple[float, float] = (0.45, 2.0)
    drop: tuple[str, ...] = ()
    match_iou: float = 0.5
    name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layout not in LAYOUTS:
            raise InputError(f"{self.path}: layout {self.layout!r} is none of {', '.join(LAYOUTS)}")
        if self.role not in _ROLES:
            raise InputError(f"{self.path}: role {self.role!r} is none of {', '.join(_ROLES)}")
        if self.weight < 0 or not 0 < self.zoom[0] <= self.zoom[1]:
            raise InputError(f"{self.path}: zoom must be positive, weight not negative")
        if not self.name:
            object.__setattr__(self, "name", self.path.name)

    def read(self) -> list[LabelledField]:
        """Give the fields of this source. Raises DatasetError when there are none."""
        found = read_fields(self.path, self.layout, self.split)
        return taken([one for one in found if one.path.stem not in self.drop], self.take, self.path)


@dataclass(frozen=True)
class CompositeFields:
    """Dense fields made of single-cell images on fields without a leukocyte (see `compose.DenseComposer`).

    Attributes
    ----------
    share : of the training canvases that are such composites
    cells : folders with a sub-folder per cell type
    backgrounds, backgrounds_mpp : folder of leukocyte-free fields, and micrometres per pixel of these
    take : the part of the backgrounds, by sorted name, fractions from and to
    limit : at most so many cells are cut out
    """

    share: float
    cells: tuple[ImageSet, ...]
    backgrounds: Path
    backgrounds_mpp: float
    take: tuple[float, float] = (0.0, 1.0)
    limit: int = 900

    def background_paths(self) -> list[Path]:
        """Give the images laid under composites. Raises DatasetError when there are none."""
        found = read_unlabelled(self.backgrounds)
        return [one.path for one in taken(found, self.take, self.backgrounds)]


@dataclass(frozen=True, kw_only=True)
class DetectorRecipe(TrainingRecipe):
    """Recipe of one training run of the detector.

    Attributes
    ----------
    sources : ``[[source]]`` in a recipe
    composites : dense fields made of single cells
    synthetic_share : of the fields laid out in mosaics that are drawn ones (see `marrowscope.synth`)
    canvas_px : sides of the training canvases
    single_field_share : of the canvases that show one whole field
    """

    sources: tuple[FieldSet, ...] = field(metadata={"toml": "source"})
    composites: CompositeFields | None = None
    synthetic_share: float = 0.0
    canvas_px: tuple[int, ...] = (320, 416)
    steps: int = 2000
    warm_up: int = 60
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    single_field_share: float = 0.15
    evaluate_steps: int | None = 200
    checkpoint_minutes: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(source.role == "train" for source in self.sources):
            raise InputError("the recipe names no source to train on")
        if any(side % 32 for side in self.canvas_px) or not self.canvas_px:
            raise InputError(f"canvas_px must be multiples of 32, got {self.canvas_px}")

    @classmethod
    def from_folder(
        cls, path: Path, layout: str, mpp: float, changes: Mapping[str, Any] | None = None
    ) -> Self:
        """Make a recipe for one folder of labelled fields: four fifths train, the rest validates.

        `changes` are settings as a recipe file has them. Raises InputError on any fault in them.
        """
        train = {"path": str(path.absolute()), "layout": layout, "mpp": mpp, "take": [0.0, 0.8]}
        validate = {**train, "role": "validate", "take": [0.8, 1.0]}
        return from_table(cls, {"source": [train, validate], **(changes or {})}, Path(), "settings")

    def source_ids(self) -> tuple[str, ...]:
        """Give the set ids of the images that shape the weights, in order, each once."""
        found = [one.set_id or identify_set(one.path) for one in self.sources if one.role == "train"]
        if self.composites is not None:
            found += [one.set_id or identify_set(one.path) for one in self.composites.cells]
            found.append(identify_set(self.composites.backgrounds))
        return tuple(dict.fromkeys((*found, *(("synth",) if self.synthetic_share else ()))))
