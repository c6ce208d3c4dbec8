"""Adapt a bundle's classifier to a laboratory's own stain and scanner, in minutes on a processor.

The trunk stays; only the two heads learn, on features computed once. What they knew is kept by replay:
features drawn from the bundle's feature space must be answered as before (van de Ven et al., "Brain-inspired
replay for continual learning", doi:10.1038/s41467-020-17866-2). Every new cell is judged once by heads that
did not learn from its group; if that is no better than the old heads, the old ones stay.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from marrowscope.datasets.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.splits import block_split
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.errors import BundleError, DatasetError
from marrowscope.evaluation.shown_cells import cells_of_folders
from marrowscope.imaging.names import natural_key
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.classifier import normalised
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.nucleus_size import nucleus_um
from marrowscope.models.runtime import Network
from marrowscope.training.classifier_figures import auc, blast_counts, choose_threshold
from marrowscope.training.from_bundle import layers_of_onnx
from marrowscope.training.heads import CellFeatures, HeadReader, Heads
from marrowscope.training.replace_heads import replace_heads

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
    """New cells as heads judged them that had not learned from them: P(blast) and type (n,)."""

    p_blast: npt.NDArray[np.float64]
    named: npt.NDArray[np.int64]

    def scores(self, cells: CellFeatures, threshold: float) -> dict[str, float]:
        """Give the blast head's AUC and balanced accuracy and the types' accuracy, where there are any."""
        found: dict[str, float] = {}
        if cells.is_blast.any() and not cells.is_blast.all():
            counts = blast_counts(self.p_blast, cells.is_blast, threshold)
            found["auc"] = round(auc(self.p_blast, cells.is_blast), 4)
            found["balanced_accuracy"] = round(counts.balanced_accuracy, 4)
        typed = cells.types >= 0
        if typed.any():
            found["type_accuracy"] = round(float((self.named == cells.types)[typed].mean()), 4)
        return found


def adapt_classifier(
    data: Path,
    out: Path,
    *,
    bundle: str | Path | None = None,
    mpp: float | None = None,
    threads: int = 2,
    progress: Progress | None = None,
) -> Path:
    """Adapt a bundle's classifier to the cells in ``data`` and return ``out/classifier.onnx``.

    Parameters
    ----------
    data : folder with a sub-folder of single-cell images per cell type; `leukocyte_not_blast` holds cells of
        unknown type. Types the bundle does not know yet are added.
    out : receives ``classifier.onnx``, ``classifier.json`` and ``feature_space.npz``, for `bundle build`
    bundle : what to start from, the built-in one by default
    mpp : micrometres per pixel of the images, None where not known
    threads : processor threads of the trunk
    progress : told what is done and found

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
    say = progress or (lambda _: None)
    types, cells, folds = _read(data, start)
    say({"types": list(types), "cells": len(cells)})
    work = _Adaptation(start, types)
    turned = work.shown(cells, mpp, threads)
    before = work.start_heads()
    say({"features": "computed"})
    judged = work.judged(before, turned, folds)
    after = work.reader.fitted(before, _together(turned), work.replay)
    outcome = work.outcome(before, after, turned[0], judged)
    say({"judged": outcome.scores, "kept": outcome.kept})
    return work.write(out, outcome, turned[0])


def balanced_threshold(p_blast: npt.NDArray[np.float64], is_blast: npt.NDArray[np.bool_]) -> float:
    """Choose the threshold with the best balanced accuracy, in hundredths, on P(blast) and truth."""
    candidates = np.linspace(0.02, 0.98, 97)
    curve = np.array([blast_counts(p_blast, is_blast, t).balanced_accuracy for t in candidates])
    return choose_threshold(candidates, curve)


def _read(data: Path, start: Bundle) -> tuple[tuple[str, ...], list[LabelledCell], npt.NDArray[np.int64]]:
    """Read the new cells; give all types, the bundle's first, the cells, and the fold of each."""
    cells = read_folder_per_type(data)
    kinds = sorted({cell.taxonomy_type for cell in cells} - {BLAST, UNTYPED})
    unknown = [kind for kind in kinds if kind not in taxonomy() or taxonomy()[kind].is_blast]
    if unknown:
        raise DatasetError(f"cell types the taxonomy does not know: {', '.join(unknown)}")
    if len(cells) < _FEWEST:
        raise DatasetError(f"{data}: {len(cells)} cells are too few to learn from and to check on")
    cells = sorted(cells, key=lambda cell: natural_key(cell.path.as_posix()))
    parts = block_split(cells, lambda c: c.taxonomy_type, {str(i): 1 / FOLDS for i in range(FOLDS)})
    fold = {cell.path: int(name) for name, members in parts.items() for cell in members}
    types = (*start.classifier.types, *(k for k in kinds if k not in start.classifier.types))
    return types, cells, np.array([fold[cell.path] for cell in cells])


@dataclass(frozen=True)
class _Outcome:
    """Which heads are kept, their threshold, and how both did."""

    heads: Heads
    kept: str
    threshold: float
    scores: dict[str, dict[str, float]]
    p_blast: npt.NDArray[np.float64]


class _Adaptation:
    """The trunk, the replay and the settings of one adaptation."""

    def __init__(self, start: Bundle, types: tuple[str, ...]) -> None:
        self.types, self.settings = types, start.classifier
        self.network = start.folder / start.classifier.file
        self.space = FeatureSpace.load(start.folder / start.classifier.feature_space)
        self.replay = torch.from_numpy(self.space.drawn(np.random.default_rng(0), _REPLAYED))
        self.reader = HeadReader(self.settings, types)

    def shown(self, cells: Sequence[LabelledCell], mpp: float | None, threads: int) -> list[CellFeatures]:
        """Compute the features of cells under each quarter turn, upright ones first."""
        network = Network(self.network, threads)
        crops = cells_of_folders(cells, self.settings.input_px, self.settings.context, mpp)
        features: list[list[Any]] = [[] for _ in range(_TURNS)]
        nuclei: list[list[Any]] = [[] for _ in range(_TURNS)]
        names: list[str] = []
        while batch := list(islice(crops, _BATCH)):
            pixels = np.stack([cell.crop for cell in batch])
            sides = np.array([cell.side_um for cell in batch], np.float32)
            names += [cell.true_type for cell in batch]
            for turn in range(_TURNS):
                turned = np.ascontiguousarray(np.rot90(pixels, turn, axes=(1, 2)))
                outputs = network(normalised(turned, self.settings))
                features[turn].append(outputs["features"])
                nuclei[turn].append(nucleus_um(outputs["nucleus"], sides, self.settings.context))
        index = np.array([self.types.index(n) if n in self.types else -1 for n in names], np.int64)
        is_blast = np.array([name == BLAST for name in names])
        return [
            CellFeatures(np.concatenate(f), np.concatenate(n), is_blast, index)
            for f, n in zip(features, nuclei, strict=True)
        ]

    def start_heads(self) -> Heads:
        """Return the bundle's heads; types it does not know start as unlikely everywhere."""
        layers = layers_of_onnx(self.network)
        (blast, blast_bias), (types, types_bias) = layers["blast"], layers["types"]
        heads = Heads(blast[0], blast_bias[0], types, types_bias, self.settings.nuclei)
        return heads.widened(len(self.types))

    def judged(self, before: Heads, turned: Sequence[CellFeatures], folds: npt.NDArray[np.int64]) -> _Judged:
        """Judge every cell by heads that learned from the other folds."""
        upright = turned[0]
        p_blast, named = np.zeros(len(upright)), np.zeros(len(upright), np.int64)
        for fold in np.unique(folds):
            asked = folds == fold
            shown = _together([cells.select(~asked) for cells in turned])
            heads = self.reader.fitted(before, shown, self.replay)
            p_blast[asked] = self.reader.p_blast(heads, upright.select(asked))
            named[asked] = self.reader.named(heads, upright.select(asked))
        return _Judged(p_blast, named)

    def outcome(self, before: Heads, after: Heads, cells: CellFeatures, judged: _Judged) -> _Outcome:
        """Keep the new heads unless they rank blasts and name types worse than the old ones."""
        old = _Judged(self.reader.p_blast(before, cells), self.reader.named(before, cells))
        threshold = self.settings.blast_threshold
        chosen = threshold
        if cells.is_blast.any() and not cells.is_blast.all():
            chosen = balanced_threshold(judged.p_blast, cells.is_blast)
        scores = {"before": old.scores(cells, threshold), "after": judged.scores(cells, chosen)}
        merit = {
            when: float(np.mean([v for k, v in s.items() if k != "balanced_accuracy"] or [0.0]))
            for when, s in scores.items()
        }
        if merit["after"] < merit["before"]:
            return _Outcome(before, "before", threshold, scores, old.p_blast)
        return _Outcome(after, "after", chosen, scores, judged.p_blast)

    def write(self, out: Path, outcome: _Outcome, cells: CellFeatures) -> Path:
        """Write the network, its settings and its feature space, the new cells now familiar."""
        out.mkdir(parents=True, exist_ok=True)
        network = out / "classifier.onnx"
        blast, blast_bias, types, types_bias = (t.numpy() for t in outcome.heads.tensors())
        replace_heads(
            self.network, network, {"blast": (blast[None], blast_bias[None]), "types": (types, types_bias)}
        )
        known = np.where(cells.is_blast, len(self.types), cells.types)
        means = [cells.features[known == kind].mean(axis=0) for kind in np.unique(known)]
        wider = np.concatenate([self.space.means, np.stack(means)]).astype(np.float32)
        replace(self.space, means=wider).save(out / "feature_space.npz")
        counts = blast_counts(outcome.p_blast, cells.is_blast, outcome.threshold)
        settings = asdict(self.settings) | {
            "types": list(self.types),
            "blast_threshold": outcome.threshold,
            "stated_specificity": 0.0,
            "nuclei": asdict(outcome.heads.nuclei),
            "feature_space": "feature_space.npz",
            "figures": {"test": {"blast": counts.as_dict()}, "adaptation": outcome.scores},
            "error_rates_source": f"{len(cells)} cells of the laboratory, each judged by heads that had not "
            "learned from it",
        }
        (out / "classifier.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        return network


def _together(turned: Sequence[CellFeatures]) -> CellFeatures:
    """Join the same cells under several turns."""
    return CellFeatures(
        np.concatenate([c.features for c in turned]),
        np.concatenate([c.nucleus_um for c in turned]),
        np.concatenate([c.is_blast for c in turned]),
        np.concatenate([c.types for c in turned]),
    )
