"""Adapt a bundle's classifier to a laboratory's own stain and scanner, in minutes on a processor.

The trunk stays; the heads learn anew, on features computed once. What they learned before is kept by replay:
for features drawn from the bundle's feature space the predictions must stay the same (van de Ven et al.,
"Brain-inspired replay for continual learning", doi:10.1038/s41467-020-17866-2). Every new cell is predicted
once by heads not trained on its group; if that is not better than the old heads, these stay.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.datasets.layouts.recognise import identify_set
from marrowscope.datasets.layouts.review_zip import REVIEWS, read_review_zips
from marrowscope.datasets.splits import block_split
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import BundleError, DatasetError
from marrowscope.evaluation.networks.shown_cells import ShownCell, cells_of_fields, cells_of_folders
from marrowscope.evaluation.statistics.metrics import area_under_roc
from marrowscope.models.bundle import Bundle, ClassifierSettings, load_bundle
from marrowscope.models.classifier import normalised
from marrowscope.models.detector import Detector
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.runtime import Network
from marrowscope.training.adapting.heads import CellFeatures, HeadReader, Heads
from marrowscope.training.adapting.replace_heads import replace_heads
from marrowscope.training.calibration import blast_counts, even_odds
from marrowscope.training.classifier.report import NETWORK
from marrowscope.training.finished_run import FinishedRun
from marrowscope.training.onnx_layers import layers_of_onnx

UNTYPED = "leukocyte_not_blast"
FOLDS = 4
"""Parts the new cells are dealt into; heads learn from the others when a part is judged."""

_REPLAYED = 3000  # drawn features
_TURNS = 4  # quarter turns under which every new cell is shown
_BATCH = 32
_FEWEST = 8  # new cells below which nothing can be learned and checked

Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Judged:
    """Predictions for new cells by heads not trained on them: P(blast) and type (n,)."""

    p_blast: npt.NDArray[np.float64]
    named: npt.NDArray[np.int64]

    def scores(self, cells: CellFeatures, threshold: float) -> dict[str, float]:
        """Give the blast head's AUC and balanced accuracy and the types' accuracy, where there are any."""
        found: dict[str, float] = {}
        if cells.is_blast.any() and not cells.is_blast.all():
            counts = blast_counts(self.p_blast, cells.is_blast, threshold)
            found["auc"] = round(area_under_roc(cells.is_blast, self.p_blast), 4)
            found["balanced_accuracy"] = round(counts.balanced_accuracy, 4)
        typed = cells.types >= 0
        if typed.any():
            found["type_accuracy"] = round(float((self.named == cells.types)[typed].mean()), 4)
        return found


def adapt_classifier(
    data: Path | None,
    out: Path,
    *,
    images: Path | None = None,
    reviews: Sequence[Path] = (),
    bundle: str | Path | None = None,
    mpp: float | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Path:
    """Adapt a bundle's classifier to the cells in ``data`` and return ``out/classifier.onnx``.

    Parameters
    ----------
    data : folder with a sub-folder of single-cell images per cell type; `leukocyte_not_blast` holds cells of
        unknown type. Or a reviewed `cells.csv` of an analysis. Types the bundle does not know yet are added.
    images : of a `cells.csv`: what was analysed
    reviews : archives of cells reviewed in the service, beside a folder or alone
    out : receives ``classifier.onnx``, ``classifier.json`` and ``feature_space.npz``, for `bundle build`
    bundle : what to start from, the built-in one by default
    mpp : micrometres per pixel of the images; None: whole fields are measured, single cells taken
        to fill half of their image
    threads : processor threads of the trunk
    progress : called with what was read and found

    Raises
    ------
    DatasetError
        Too few cells, or a type the taxonomy does not know.
    BundleError
        The bundle has no feature space, without which nothing can be replayed.
    """
    torch.manual_seed(0)
    torch.set_num_threads(1)  # heads are small: a second thread would mostly be waited for
    start = load_bundle(bundle)
    if not start.classifier.feature_space:
        raise BundleError(f"bundle {start.name} has no feature space to keep its knowledge by")
    report = progress or (lambda _: None)
    with TemporaryDirectory() as unpacked:
        given = _Given(data, images, tuple(reviews), Path(unpacked))
        new = _read(given, start, mpp, threads)
        added = (
            k for k in new.kinds if k not in start.classifier.types and not _is_blast(k) and k != UNTYPED
        )
        adaptation = _Adaptation(start, (*start.classifier.types, *added))
        turned, folds = adaptation.shown(new.shown, threads)
    report({"types": list(adaptation.types), "cells": len(folds)})
    before = adaptation.start_heads()
    judged = adaptation.judged(before, turned, folds)
    after = adaptation.reader.fitted(before, _together(turned), adaptation.replay)
    outcome = adaptation.outcome(before, after, turned[0], judged)
    report({"judged": outcome.scores, "kept": outcome.kept})
    return adaptation.write(out, outcome, turned[0], given.set_id())


@dataclass(frozen=True)
class _NewCells:
    """The cells to learn from: the names of their types, and the cells themselves, cut when needed."""

    kinds: tuple[str, ...]
    shown: Iterable[ShownCell]


@dataclass(frozen=True)
class _Given:
    """Where the new cells are, and a folder to unpack archives into."""

    data: Path | None
    images: Path | None
    reviews: tuple[Path, ...]
    unpacked: Path

    def set_id(self) -> str:
        """Give the set id of the laboratory's cells: a public set's, or the name of their folder."""
        folder = self.images or self.data
        return REVIEWS if folder is None else identify_set(folder)

    def single_cells(self) -> list[LabelledCell]:
        """Return the cells that are images of their own."""
        cells = [] if self.data is None else read_folder_per_type(self.data)
        return [*cells, *(read_review_zips(self.reviews, self.unpacked) if self.reviews else [])]


def _read(given: _Given, start: Bundle, mpp: float | None, threads: int) -> _NewCells:
    """Read a folder per type and reviews, or a reviewed cells.csv with what was analysed."""
    cut = Detector(start, threads), start.classifier, mpp
    if given.data is not None and given.data.suffix.lower() == ".csv":
        if given.reviews:
            raise DatasetError("give reviews of the service, or a reviewed cells.csv, not both at once")
        fields = read_csv(given.data, given.images)
        labels = {
            label for f in fields for label in np.array(f.labels, str)[f.is_nucleated & ~f.ignore].tolist()
        }
        found = _NewCells(tuple(sorted(labels)), cells_of_fields(fields, *cut))
    else:
        cells = given.single_cells()
        kinds = {cell.taxonomy_type for cell in cells}
        found = _NewCells(tuple(sorted(kinds)), cells_of_folders(cells, *cut))
    unknown = [kind for kind in found.kinds if kind not in taxonomy() and kind != UNTYPED]
    if unknown:
        raise DatasetError(f"cell types the taxonomy does not know: {', '.join(unknown)}")
    return found


def _is_blast(kind: str) -> bool:
    return kind in taxonomy() and taxonomy()[kind].is_blast


@dataclass(frozen=True)
class _Place:
    """A new cell for the dealing into folds: its row, kind and group."""

    row: int
    kind: str
    group: str

    @property
    def path(self) -> Path:
        return Path(self.group)


def _folds(kinds: Sequence[str], groups: Sequence[str]) -> npt.NDArray[np.int64]:
    """Deal cells into folds (n,), each kind evenly, never tearing a group apart.

    Cells of one group alone are dealt as they come, field after field, which nearly keeps fields together.
    """
    if len(set(groups)) == 1:
        groups = [f"{row:09d}" for row in range(len(groups))]
    places = [_Place(row, *pair) for row, pair in enumerate(zip(kinds, groups, strict=True))]
    parts = block_split(places, lambda place: place.kind, {str(i): 1 / FOLDS for i in range(FOLDS)})
    folds = np.zeros(len(places), np.int64)
    for name, members in parts.items():
        folds[[place.row for place in members]] = int(name)
    return folds


@dataclass(frozen=True)
class _Adapted:
    """Which heads are kept, their threshold, and how both did."""

    heads: Heads
    kept: str
    threshold: float
    scores: dict[str, dict[str, float]]
    p_blast: npt.NDArray[np.float64]


class _Adaptation:
    """The trunk, the replay and the settings of one adaptation."""

    def __init__(self, start: Bundle, types: tuple[str, ...]) -> None:
        self.types, self.settings, self.trained_on = types, start.classifier, start.trained_on
        self.network = start.folder / start.classifier.file
        self.layers = layers_of_onnx(self.network)
        self.space = FeatureSpace.load(start.folder / start.classifier.feature_space)
        self.replay = torch.from_numpy(self.space.drawn(np.random.default_rng(0), _REPLAYED))
        self.reader = HeadReader(self.settings, types)

    def shown(
        self, cells: Iterable[ShownCell], threads: int
    ) -> tuple[list[CellFeatures], npt.NDArray[np.int64]]:
        """Compute the features of cells under each quarter turn, upright ones first; give their folds."""
        network, waiting = Network(self.network, threads), iter(cells)
        features: list[list[Any]] = [[] for _ in range(_TURNS)]
        seen: list[tuple[str, str]] = []
        while batch := list(islice(waiting, _BATCH)):
            pixels = np.stack([cell.crop for cell in batch])
            seen += [(cell.true_type, cell.group) for cell in batch]
            for turn in range(_TURNS):
                turned = np.ascontiguousarray(np.rot90(pixels, turn, axes=(1, 2)))
                features[turn].append(network(normalised(turned, self.settings))["features"])
        if len(seen) < _FEWEST:
            raise DatasetError(f"{len(seen)} cells are too few to learn from and to check on")
        kinds, groups = zip(*seen, strict=True)
        index = np.array([self.types.index(k) if k in self.types else -1 for k in kinds], np.int64)
        is_blast = np.array([_is_blast(kind) for kind in kinds])
        turns = [CellFeatures(np.concatenate(parts), is_blast, index) for parts in features]
        return turns, _folds(kinds, groups)

    def start_heads(self) -> Heads:
        """Return the bundle's heads; types it does not know start as unlikely everywhere."""
        weight, bias = self.layers["blast"]
        return Heads(weight[0], bias[0], *self.layers["types"]).widened(len(self.types))

    def judged(self, before: Heads, turned: Sequence[CellFeatures], folds: npt.NDArray[np.int64]) -> _Judged:
        """Predict every cell with heads trained on the other folds."""
        upright = turned[0]
        p_blast, named = np.zeros(len(upright)), np.zeros(len(upright), np.int64)
        for fold in np.unique(folds):
            held_out = folds == fold
            shown = _together([cells.select(~held_out) for cells in turned])
            heads = self.reader.fitted(before, shown, self.replay)
            p_blast[held_out] = self.reader.p_blast(heads, upright.select(held_out))
            named[held_out] = self.reader.named(heads, upright.select(held_out))
        return _Judged(p_blast, named)

    def outcome(self, before: Heads, after: Heads, cells: CellFeatures, judged: _Judged) -> _Adapted:
        """Keep the new heads unless they rank blasts and name types worse than the old ones."""
        old = _Judged(self.reader.p_blast(before, cells), self.reader.named(before, cells))
        threshold = self.settings.blast_threshold
        chosen = self._threshold(judged, cells)
        scores = {"before": old.scores(cells, threshold), "after": judged.scores(cells, chosen)}
        means = {
            when: float(np.mean([v for k, v in s.items() if k != "balanced_accuracy"] or [0.0]))
            for when, s in scores.items()
        }
        if means["after"] < means["before"]:
            return _Adapted(before, "before", threshold, scores, old.p_blast)
        return _Adapted(after, "after", chosen, scores, judged.p_blast)

    def _threshold(self, judged: _Judged, cells: CellFeatures) -> float:
        """Choose the threshold at which the fitted odds are even: on few cells the best one is luck."""
        if cells.is_blast.all() or not cells.is_blast.any():
            return self.settings.blast_threshold
        return even_odds(judged.p_blast, cells.is_blast) or self.settings.blast_threshold

    def write(self, out: Path, outcome: _Adapted, cells: CellFeatures, laboratory: str) -> Path:
        """Write the network, its settings and its feature space, the new cells now familiar."""
        out.mkdir(parents=True, exist_ok=True)
        network = out / NETWORK
        blast, bias, types, types_bias = (t.numpy() for t in outcome.heads.tensors())
        heads = {"blast": (blast[None], bias[None]), "types": (types, types_bias)}
        replace_heads(self.network, network, heads)
        known = np.where(cells.is_blast, len(self.types), cells.types)
        means = [cells.features[known == kind].mean(axis=0) for kind in np.unique(known)]
        wider = np.concatenate([self.space.means, np.stack(means)]).astype(np.float32)
        replace(self.space, means=wider).save(out / "feature_space.npz")
        self._finished(outcome, cells, laboratory).write(out)
        return network

    def _finished(
        self, outcome: _Adapted, cells: CellFeatures, laboratory: str
    ) -> FinishedRun[ClassifierSettings]:
        counts = blast_counts(outcome.p_blast, cells.is_blast, outcome.threshold)
        settings = replace(
            self.settings,
            file=NETWORK,
            types=self.types,
            blast_threshold=outcome.threshold,
            feature_space="feature_space.npz",
        )
        trained_on = tuple(dict.fromkeys((*self.trained_on, laboratory)))
        source = f"{len(cells)} cells of the laboratory, each judged by heads that had not learned from it"
        figures = {"test": {"blast": counts.as_dict()}, "adaptation": outcome.scores}
        return FinishedRun(settings, trained_on, 0, counts.error_rates(source), figures)


def _together(turned: Sequence[CellFeatures]) -> CellFeatures:
    """Join the same cells under several turns."""
    return CellFeatures(
        np.concatenate([c.features for c in turned]),
        np.concatenate([c.is_blast for c in turned]),
        np.concatenate([c.types for c in turned]),
    )
