"""Everything that decides how a classifier is trained, readable from a TOML file."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from marrowscope.datasets.layouts.recognise import identify_set
from marrowscope.errors import InputError
from marrowscope.training.classifier.net import Architecture, Heads
from marrowscope.training.recipe import ImageSet, TrainingRecipe

CELL_TYPES = (
    "artefact",
    "band_neutrophil",
    "basophil",
    "eosinophil",
    "erythroblast",
    "lymphocyte",
    "metamyelocyte",
    "monocyte",
    "myelocyte",
    "plasma_cell",
    "platelet",
    "promonocyte",
    "promyelocyte",
    "reactive_lymphocyte",
    "segmented_neutrophil",
    "smudge_cell",
)
"""Order of the type head's outputs."""


@dataclass(frozen=True)
class CellSet(ImageSet):
    """A source of cells; of its training images every n-th is kept (`every`), where it is very large."""

    every: int = 1


@dataclass(frozen=True, kw_only=True)
class ClassifierRecipe(TrainingRecipe):
    """Recipe of one training run of the classifier.

    Attributes
    ----------
    cells : folders with a sub-folder per cell type
    fields : fields with boxes: of blasts and others, of types, or of leukocytes of healthy people
    backgrounds : fields without leukocytes
    left_out : names of folders of `cells` and `fields` that are not trained on but read whole when the run
        ends: how this recipe does in a laboratory it never saw
    synthetic_per_type : so many drawn cells of each type, and as many blasts, join the training
    types : order of the type head's outputs
    architecture, heads : see `net`
    cache : folder that keeps cut cells for the next run
    input_px : side of the network's input
    context : side of the crop over the longer side of the cell's box
    head_learning_rate : of the heads; `learning_rate` is the trunk's
    label_smoothing, drop_connect : of the training
    thin : keep every n-th single cell of every part, for a quick trial of the whole way
    look_at_test : measure the test part when the run ends; false while comparing, so that it stays unseen
    """

    STARTS: ClassVar[tuple[str, ...]] = ("lite2", "random", "weights", "bundle")
    MAY_CHANGE: ClassVar[frozenset[str]] = TrainingRecipe.MAY_CHANGE | {"cache"}

    cells: tuple[CellSet, ...]
    fields: tuple[CellSet, ...] = ()
    backgrounds: tuple[ImageSet, ...] = ()
    left_out: tuple[str, ...] = ()
    synthetic_per_type: int = 0
    types: tuple[str, ...] = CELL_TYPES
    architecture: Architecture = "b3"
    heads: Heads = "two"
    cache: Path | None = None
    input_px: int = 96
    context: float = 1.4
    start: str = "lite2"
    steps: int = 5000
    warm_up: int = 150
    learning_rate: float = 5e-4
    head_learning_rate: float = 2e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    drop_connect: float = 0.1
    evaluate_minutes: float | None = 8.0
    checkpoint_minutes: float = 3.0
    thin: int = 1
    look_at_test: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.cells:
            raise InputError("the recipe names no labelled cells ([[cells]])")
        unknown = set(self.left_out) - {source.path.name for source in (*self.cells, *self.fields)}
        if unknown:
            raise InputError(f"left_out names no source of this recipe: {', '.join(sorted(unknown))}")
        if self.input_px % 32 or not 1.0 <= self.context <= 1.6:
            raise InputError("input_px must be a multiple of 32 and context between 1.0 and 1.6")
        if self.batch < 2:
            raise InputError("batch must be at least 2")

    def is_taught(self, source: ImageSet) -> bool:
        """Whether a source is trained on."""
        return source.path.name not in self.left_out

    def source_ids(self) -> tuple[str, ...]:
        """Give the set ids of the images that shape the weights, in order, each once."""
        sources = [one for one in (*self.cells, *self.fields, *self.backgrounds) if self.is_taught(one)]
        drawn = ("synth",) if self.synthetic_per_type else ()
        return tuple(dict.fromkeys((*(one.set_id or identify_set(one.path) for one in sources), *drawn)))
