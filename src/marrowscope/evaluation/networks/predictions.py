"""Predictions of a classifier for labelled cells, as columns beside the truth."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import CellPredictions
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.shown_cells import ShownCell
from marrowscope.evaluation.statistics.metrics import Bools, Floats

BATCH = 32


class CropNamer(Protocol):
    """A classifier of crops, such as `marrowscope.models.classifier.Classifier`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns, blast first."""

    def predict_crops(self, crops: npt.NDArray[np.uint8]) -> CellPredictions:
        """Return the predictions for crops (n, S, S, 3) uint8 RGB."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions for n cells, beside the truth, as columns.

    `probabilities` (n, classes) with blast first, `is_unfamiliar` (n,) unlike the cells it was trained on,
    `background` (n, 3) mean colour beside the cell. A true type the classifier does not know takes
    part in the blast figures only.
    """

    classes: tuple[str, ...]
    probabilities: npt.NDArray[np.float32]
    is_unfamiliar: Bools
    true_types: tuple[str, ...]
    background: Floats
    groups: tuple[str, ...]
    sources: tuple[str, ...]


def collect_predictions(
    namer: CropNamer, cells: Iterable[ShownCell], on_batch: Callable[[int], None] | None = None
) -> Predictions:
    """Name every cell, a batch at a time; crops are not kept.

    Raises
    ------
    DatasetError
        There is no cell.
    """
    predicted: list[CellPredictions] = []
    rows: list[tuple[str, Floats, str, str]] = []
    for batch in _batches(cells):
        predicted.append(namer.predict_crops(np.stack([cell.crop for cell in batch])))
        rows += [(cell.true_type, cell.background, cell.group, cell.source) for cell in batch]
        if on_batch is not None:
            on_batch(len(rows))
    if not rows:
        raise DatasetError("there is no labelled cell to evaluate on")
    true_types, background, groups, sources = zip(*rows, strict=True)
    return Predictions(
        namer.classes,
        np.concatenate([part.probabilities for part in predicted]),
        np.concatenate([part.is_unfamiliar for part in predicted]),
        true_types,
        np.stack(background),
        groups,
        sources,
    )


def _batches(cells: Iterable[ShownCell]) -> Iterator[list[ShownCell]]:
    iterator = iter(cells)
    while batch := list(islice(iterator, BATCH)):
        yield batch
