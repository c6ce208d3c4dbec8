"""What a detector is trained on and how: a frozen recipe, readable from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from marrowscope.datasets.layouts.fields import (
    LabelledField,
    read_coco,
    read_unlabelled,
    read_voc,
    read_yolo,
)
from marrowscope.datasets.splits import taken
from marrowscope.errors import InputError
from marrowscope.training.device import Precision

WORKING_MPP = 0.20
"""Micrometres per pixel at which the detector looks at a field; a leukocyte is then about 65 px across."""

_ROLES = ("train", "validate")


def _read_unsplit(reader: Callable[[Path], list[LabelledField]]) -> Callable[..., list[LabelledField]]:
    def read(root: Path, split: str | None) -> list[LabelledField]:
        if split is not None:
            raise InputError(f"{root}: only the voc layout has named splits")
        return reader(root)

    return read


_READERS: dict[str, Callable[..., list[LabelledField]]] = {
    "voc": read_voc,
    "yolo": _read_unsplit(read_yolo),
    "coco": _read_unsplit(lambda root: read_coco(root / "annotations.coco.json")),
    "unlabelled": _read_unsplit(read_unlabelled),
}


@dataclass(frozen=True)
class FieldSource:
    """One folder of labelled fields and the part it plays.

    `mpp` is the micrometres per pixel of its images; `take` the part of it (by sorted name, fractions from
    and to); `zoom` the magnifications it is shown at, relative to the working scale; `drop` the stems of
    images that are left out; `match_iou` the overlap that counts as found when it validates.
    """

    root: Path
    layout: str
    mpp: float
    role: str = "train"
    split: str | None = None
    take: tuple[float, float] = (0.0, 1.0)
    weight: float = 1.0
    zoom: tuple[float, float] = (0.45, 2.0)
    drop: tuple[str, ...] = ()
    match_iou: float = 0.5
    name: str = ""

    def __post_init__(self) -> None:
        if self.layout not in _READERS:
            raise InputError(f"{self.root}: layout {self.layout!r} is none of {', '.join(_READERS)}")
        if self.role not in _ROLES:
            raise InputError(f"{self.root}: role {self.role!r} is none of {', '.join(_ROLES)}")
        if self.mpp <= 0 or self.weight < 0 or not 0 < self.zoom[0] <= self.zoom[1]:
            raise InputError(f"{self.root}: mpp and zoom must be positive, weight not negative")
        if not self.name:
            object.__setattr__(self, "name", self.root.name)

    def read(self) -> list[LabelledField]:
        """Give the fields of this source. Raises DatasetError when there are none."""
        found = _READERS[self.layout](self.root, self.split)
        return taken([field for field in found if field.path.stem not in self.drop], self.take, self.root)


@dataclass(frozen=True)
class CompositeSource:
    """Dense fields made of single-cell images on fields without a leukocyte (see `compose.DenseComposer`).

    `share` of the training canvases are such composites. `cells` are folders with one subfolder per cell
    type, of which at most `limit` cells are cut out; `backgrounds` a folder of leukocyte-free fields at
    `backgrounds_mpp` micrometres per pixel, of which the part `take` (by sorted name) is used.
    """

    share: float
    cells: tuple[Path, ...]
    backgrounds: Path
    backgrounds_mpp: float
    take: tuple[float, float] = (0.0, 1.0)
    limit: int = 900

    def background_paths(self) -> list[Path]:
        """Give the images laid under composites. Raises DatasetError when there are none."""
        found = read_unlabelled(self.backgrounds)
        return [field.path for field in taken(found, self.take, self.backgrounds)]


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that decides a training run of the detector but the starting weights.

    `synthetic_share` of the fields laid out in mosaics are drawn ones (see `marrowscope.synth`). `minutes`,
    when given, ends the run in that much time: the learning rate then follows whichever of steps
    and time is further along.
    """

    sources: tuple[FieldSource, ...]
    composites: CompositeSource | None = None
    synthetic_share: float = 0.0
    canvas_px: tuple[int, ...] = (320, 416)
    batch: int = 16
    steps: int = 2000
    minutes: float | None = None
    warm_up_steps: int = 60
    learning_rate: float = 1e-3
    weight_decay: float = 5e-4
    ema_decay: float = 0.998
    single_field_share: float = 0.15
    validate_every: int = 200
    checkpoint_seconds: float = 120.0
    precision: Precision = "auto"
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not any(source.role == "train" for source in self.sources):
            raise InputError("the recipe names no source to train on")
        if any(side % 32 for side in self.canvas_px) or not self.canvas_px:
            raise InputError(f"canvas_px must be multiples of 32, got {self.canvas_px}")

    @classmethod
    def from_folder(cls, root: Path, layout: str, mpp: float, **settings: Any) -> Self:
        """Make a recipe for one folder of labelled fields: four fifths train, the rest validates."""
        train = FieldSource(root, layout, mpp, take=(0.0, 0.8))
        validate = FieldSource(root, layout, mpp, role="validate", take=(0.8, 1.0))
        return cls(sources=(train, validate), **settings)

    @classmethod
    def from_toml(cls, path: Path, data_root: Path, changes: Mapping[str, Any] | None = None) -> Self:
        """Read a recipe, its folders relative to `data_root`; `changes` go before what it says.

        Raises InputError on any fault in it.
        """
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8")) | dict(changes or {})
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read as TOML ({error})") from error
        try:
            tables = content.pop("source", [])
            sources = tuple(FieldSource(**_known(table, FieldSource, data_root)) for table in tables)
            composites = content.pop("composites", None)
            if composites is not None:
                content["composites"] = _composites(composites, data_root)
            return cls(sources=sources, **_known(content, cls, data_root))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: {error}") from error


def _known(table: dict[str, Any], kind: type, data_root: Path) -> dict[str, Any]:
    """Turn a TOML table into arguments of dataclass `kind`; `root` is put below the data root."""
    names = {field.name for field in fields(kind)}
    for key in table:
        if key not in names:
            raise ValueError(f"unknown setting {key!r}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    if "root" in table:
        values["root"] = data_root / str(table["root"])
    return values


def _composites(table: dict[str, Any], data_root: Path) -> CompositeSource:
    values = _known(table, CompositeSource, data_root)
    values["cells"] = tuple(data_root / folder for folder in table["cells"])
    values["backgrounds"] = data_root / table["backgrounds"]
    return CompositeSource(**values)
