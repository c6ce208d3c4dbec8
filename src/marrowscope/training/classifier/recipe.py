"""Everything that decides how a classifier is trained, readable from a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from marrowscope.errors import InputError
from marrowscope.training.classifier.net import Architecture, Heads
from marrowscope.training.device import Precision

CELL_TYPES = (
    "band_neutrophil",
    "basophil",
    "eosinophil",
    "erythroblast",
    "lymphocyte",
    "metamyelocyte",
    "monocyte",
    "myelocyte",
    "platelet",
    "promyelocyte",
    "segmented_neutrophil",
)
"""Order of the type head's outputs."""


@dataclass(frozen=True)
class ImageSource:
    """A folder (or COCO file) of images and the size of its pixels."""

    path: Path
    um_per_px: float
    split: str | None = None
    every: int = 1
    """Keep every n-th training image: evenly thinned where a set is larger than a schedule can use."""


@dataclass(frozen=True)
class ClassifierRecipe:
    """Recipe of one training run; paths are absolute once read.

    `cells` are folders per cell type; `healthy` fields whose leukocytes are no blasts; `backgrounds` fields
    without leukocytes; `synthetic_per_type` drawn cells of each type, and as many blasts, join the training;
    `choosing` a COCO file with `blast` and `leukocyte_not_blast` boxes of another laboratory, never trained
    on; `weights` the `averaged-*.pt` of an earlier run to go on from, `bundle` the bundle whose classifier is
    gone on from with `start = "bundle"`. The schedule ends after `steps` or
    `minutes`, whichever comes first.
    """

    cells: tuple[ImageSource, ...]
    healthy: tuple[ImageSource, ...] = ()
    backgrounds: tuple[ImageSource, ...] = ()
    choosing: Path | None = None
    synthetic_per_type: int = 0
    types: tuple[str, ...] = CELL_TYPES
    architecture: Architecture = "b3"
    heads: Heads = "two"
    cache: Path | None = None
    input_px: int = 96
    context: float = 1.4
    start: Literal["lite2", "random", "weights", "bundle"] = "lite2"
    weights: Path | None = None
    bundle: str = "builtin"
    steps: int = 5000
    """Training steps; 0: the weights stay as they start, what is fitted to their answers is fitted anew."""
    minutes: float | None = None
    batch: int = 16
    warm_up: int = 150
    learning_rate: float = 5e-4
    head_learning_rate: float = 2e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    average: float = 0.998
    drop_connect: float = 0.1
    evaluate_minutes: float = 8.0
    checkpoint_minutes: float = 3.0
    precision: Precision = "auto"
    thin: int = 1
    """Keep every n-th single cell of every part: for a quick trial of the whole way."""
    specificity: float = 0.98
    """Least specificity of the blast head at its threshold, on validation."""
    look_at_test: bool = True
    """Measure the test part when the run ends: false while comparing, so that it stays unseen."""
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.start not in ("lite2", "random", "weights", "bundle"):
            raise InputError(f"start must be 'lite2', 'random', 'weights' or 'bundle', not {self.start!r}")
        if (self.start == "weights") != (self.weights is not None):
            raise InputError("start = 'weights' and weights = FILE belong together")
        if self.input_px % 32 or not 1.0 <= self.context <= 1.6:
            raise InputError("input_px must be a multiple of 32 and context between 1.0 and 1.6")
        if self.steps < 0 or self.batch < 2:
            raise InputError("steps must not be negative and batch at least 2")

    @classmethod
    def from_toml(
        cls, path: Path, data_root: Path, changes: Mapping[str, Any] | None = None
    ) -> "ClassifierRecipe":
        """Read a recipe; its paths are relative to ``data_root``, ``changes`` go before what it says.

        Raises InputError naming what is wrong.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")) | dict(changes or {})
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path}: not a readable recipe ({error})") from error
        unknown = set(table) - {f.name for f in fields(cls)}
        if unknown:
            raise InputError(f"{path}: unknown settings {', '.join(sorted(unknown))}")
        if "cells" not in table:
            raise InputError(f"{path}: names no labelled cells ([[cells]])")
        settings: dict[str, Any] = dict(table)
        try:
            for name in ("cells", "healthy", "backgrounds"):
                settings[name] = tuple(
                    ImageSource(
                        data_root / s["path"], float(s["um_per_px"]), s.get("split"), int(s.get("every", 1))
                    )
                    for s in table.get(name, ())
                )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: an image source needs path and um_per_px ({error!r})") from error
        for name in ("choosing", "cache", "weights"):
            if name in settings:
                settings[name] = data_root / settings[name]
        if "types" in settings:
            settings["types"] = tuple(settings["types"])
        try:
            return cls(**settings)
        except TypeError as error:
            raise InputError(f"{path}: a setting has the wrong type ({error})") from error
