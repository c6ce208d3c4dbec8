"""Adapt a bundle's classifier to a laboratory's own stain and scanner, in minutes on a processor.

The trunk stays; only the two heads learn, on features computed once. What they knew is kept by replay:
features drawn from the bundle's feature space must be answered as before (van de Ven et al., "Brain-inspired
replay for continual learning", doi:10.1038/s41467-020-17866-2). Cells held out of the learning decide whether
the new heads are better; if not, the old ones stay.
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
from scipy.special import log_softmax
from torch import Tensor
from torch.nn import functional as F

from marrowscope.datasets.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.splits import block_split
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.errors import BundleError, DatasetError
from marrowscope.evaluation.shown_cells import cells_of_folders
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.models.classifier import normalised
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.nucleus_size import nucleus_um, size_evidence
from marrowscope.models.runtime import Network
from marrowscope.training.classifier_figures import blast_counts, choose_threshold, probability
from marrowscope.training.from_bundle import layers_of_onnx
from marrowscope.training.replace_heads import replace_heads

UNTYPED = "leukocyte_not_blast"
_REPLAYED = 3000  # drawn features
_KEEP = 1.0  # weight of answering them as before, against the new cells' weight of one
_PULL = 0.01  # weight of staying near the old heads
_TURNS = 4  # quarter turns under which every new cell is shown
_HELD_OUT = 0.25
_BATCH = 32
_FEWEST = 8  # new cells below which nothing can be learned and checked

Floats = npt.NDArray[np.float32]
Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Cells:
    """Features (n,F) and nuclei (n,) µm of cells; `types` (n,) index, -1 for blasts and where not known."""

    features: Floats
    nucleus_um: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Heads:
    """Both heads: blast (F,) and (), types (K,F) and (K,)."""

    blast: Tensor
    blast_bias: Tensor
    types: Tensor
    types_bias: Tensor

    def tensors(self) -> list[Tensor]:
        return [self.blast, self.blast_bias, self.types, self.types_bias]

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return features @ self.blast + self.blast_bias, features @ self.types.T + self.types_bias


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
    threads : processor threads
    progress : told what is done and found

    Raises
    ------
    DatasetError
        Too few cells, or a type the taxonomy does not know.
    BundleError
        The bundle has no feature space, without which nothing can be replayed.
    """
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    start = load_bundle(bundle)
    if not start.classifier.feature_space:
        raise BundleError(f"bundle {start.name} has no feature space to keep its knowledge by")
    space = FeatureSpace.load(start.folder / start.classifier.feature_space)
    say = progress or (lambda _: None)
    types, parts = _read(data, start)
    say({"types": list(types), **{name: len(cells) for name, cells in parts.items()}})
    work = _Adaptation(start, types, space)
    train = work.shown(parts["train"], mpp, threads, _TURNS)
    val = work.shown(parts["val"], mpp, threads, 1)
    before = work.start_heads()
    after = work.fitted(before, train)
    scores = {"before": work.score(before, val), "after": work.score(after, val)}
    kept = after if scores["after"]["mean"] >= scores["before"]["mean"] else before
    say({"held_out": scores, "kept": "after" if kept is after else "before"})
    return work.write(out, kept, train, val, scores)


def _read(data: Path, start: Bundle) -> tuple[tuple[str, ...], dict[str, list[LabelledCell]]]:
    """Read and split the new cells; give all types, the bundle's first."""
    cells = read_folder_per_type(data)
    kinds = sorted({cell.taxonomy_type for cell in cells} - {BLAST, UNTYPED})
    unknown = [kind for kind in kinds if kind not in taxonomy() or taxonomy()[kind].is_blast]
    if unknown:
        raise DatasetError(f"cell types the taxonomy does not know: {', '.join(unknown)}")
    parts = block_split(cells, lambda c: c.taxonomy_type, {"train": 1 - _HELD_OUT, "val": _HELD_OUT})
    if len(parts["train"]) < _FEWEST or not parts["val"]:
        raise DatasetError(f"{data}: {len(cells)} cells are too few to learn from and to check on")
    return (*start.classifier.types, *(k for k in kinds if k not in start.classifier.types)), parts


class _Adaptation:
    """The trunk, the replay and the settings of one adaptation."""

    def __init__(self, start: Bundle, types: tuple[str, ...], space: FeatureSpace) -> None:
        self.types, self.space = types, space
        self.settings = start.classifier
        self.network = start.folder / start.classifier.file
        self.replay = torch.from_numpy(space.drawn(np.random.default_rng(0), _REPLAYED))

    def shown(self, cells: Sequence[LabelledCell], mpp: float | None, threads: int, turns: int) -> _Cells:
        """Compute the features of cells, each under quarter turns."""
        network = Network(self.network, threads)
        crops = cells_of_folders(cells, self.settings.input_px, self.settings.context, mpp)
        features, nuclei, names = [], [], []
        while batch := list(islice(crops, _BATCH)):
            pixels = np.stack([cell.crop for cell in batch])
            for turn in range(turns):
                turned = np.ascontiguousarray(np.rot90(pixels, turn, axes=(1, 2)))
                outputs = network(normalised(turned, self.settings))
                features.append(outputs["features"])
                sides = np.array([cell.side_um for cell in batch], np.float32)
                nuclei.append(nucleus_um(outputs["nucleus"], sides, self.settings.context))
                names += [cell.true_type for cell in batch]
        index = [self.types.index(name) if name in self.types else -1 for name in names]
        return _Cells(
            np.concatenate(features),
            np.concatenate(nuclei),
            np.array([name == BLAST for name in names]),
            np.array(index, np.int64),
        )

    def start_heads(self) -> _Heads:
        """Return the bundle's heads; types it does not know start as unlikely everywhere."""
        layers = layers_of_onnx(self.network)
        (blast, blast_bias), (types, types_bias) = layers["blast"], layers["types"]
        added = len(self.types) - len(types)
        return _Heads(
            blast[0],
            blast_bias[0],
            torch.cat([types, types.new_zeros(added, types.shape[1])]),
            torch.cat([types_bias, types_bias.new_full((added,), -8.0)]),
        )

    def fitted(self, before: _Heads, train: _Cells) -> _Heads:
        """Learn the new cells, answering the replayed ones as before (L-BFGS)."""
        heads = _Heads(*(t.clone().requires_grad_() for t in before.tensors()))
        with torch.no_grad():
            old_blast, old_types = self._calibrated(before, self.replay)
        optimiser = torch.optim.LBFGS(heads.tensors(), max_iter=80, line_search_fn="strong_wolfe")
        evidence = torch.from_numpy(self._evidence(before, train)).float()

        def loss() -> Tensor:
            optimiser.zero_grad()
            blast, types = self._calibrated(heads, self.replay)
            kept = F.binary_cross_entropy_with_logits(blast, old_blast.sigmoid())
            kept = kept + F.cross_entropy(types, old_types.softmax(dim=1))
            pairs = zip(heads.tensors(), before.tensors(), strict=True)
            far = torch.stack([((new - old) ** 2).sum() for new, old in pairs]).sum()
            total = self._new_loss(heads, train, evidence) + _KEEP * kept + _PULL * far
            total.backward()  # type: ignore[no-untyped-call]
            return total

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        return _Heads(*(t.detach() for t in heads.tensors()))

    def _new_loss(self, heads: _Heads, train: _Cells, evidence: Tensor) -> Tensor:
        """Loss on the new cells, size joined to it as in inference."""
        blast, types = self._calibrated(heads, torch.from_numpy(train.features))
        target = torch.from_numpy(train.is_blast).float()
        each = F.binary_cross_entropy_with_logits(blast + evidence, target, reduction="none")
        loss = (each * _balanced(train)).sum()
        if (train.types >= 0).any():
            loss = loss + F.cross_entropy(types, torch.from_numpy(train.types), ignore_index=-1)
        return loss

    def _calibrated(self, heads: _Heads, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return both heads' logits of features (n,F), over their temperatures."""
        blast, types = heads.logits(features)
        return blast / self.settings.blast_temperature, types / self.settings.type_temperature

    def _likelihood(self, cells: _Cells) -> npt.NDArray[np.float64]:
        return self.settings.nuclei.log_likelihood(cells.nucleus_um, (BLAST, *self.types))

    def _evidence(self, heads: _Heads, cells: _Cells) -> npt.NDArray[np.float64]:
        """Return what size adds to the log odds of being a blast, (n,)."""
        _, types = self._calibrated(heads, torch.from_numpy(cells.features))
        return size_evidence(self._likelihood(cells), log_softmax(types.numpy(), axis=1))

    def p_blast(self, heads: _Heads, cells: _Cells) -> npt.NDArray[np.float64]:
        """Return P(blast) as inference will give it, (n,)."""
        blast, _ = self._calibrated(heads, torch.from_numpy(cells.features))
        return probability(blast.numpy(), 1.0, self._evidence(heads, cells))

    def score(self, heads: _Heads, val: _Cells) -> dict[str, float]:
        """Give the blast head's balanced accuracy at one half, the types' accuracy, and their mean."""
        found: dict[str, float] = {}
        if val.is_blast.any() and not val.is_blast.all():
            counts = blast_counts(self.p_blast(heads, val), val.is_blast, 0.5)
            found["balanced_accuracy"] = round(counts.balanced_accuracy, 4)
        typed = val.types >= 0
        if typed.any():
            _, types = self._calibrated(heads, torch.from_numpy(val.features))
            named = (types.numpy() + self._likelihood(val)[:, 1:]).argmax(axis=1)
            found["type_accuracy"] = round(float((named == val.types)[typed].mean()), 4)
        return found | {"mean": round(float(np.mean(list(found.values()) or [0.0])), 4)}

    def write(
        self, out: Path, heads: _Heads, train: _Cells, val: _Cells, scores: dict[str, dict[str, float]]
    ) -> Path:
        """Write the network, its settings and its feature space, the new cells now familiar."""
        out.mkdir(parents=True, exist_ok=True)
        network = out / "classifier.onnx"
        arrays = [t.numpy() for t in heads.tensors()]
        replace_heads(
            self.network,
            network,
            {"blast": (arrays[0][None], arrays[1][None]), "types": (arrays[2], arrays[3])},
        )
        known = np.where(train.is_blast, len(self.types), train.types)
        means = [train.features[known == kind].mean(axis=0) for kind in np.unique(known)]
        wider = np.concatenate([self.space.means, np.stack(means)]).astype(np.float32)
        replace(self.space, means=wider).save(out / "feature_space.npz")
        threshold = self._threshold(heads, val)
        counts = blast_counts(self.p_blast(heads, val), val.is_blast, threshold)
        settings = asdict(self.settings) | {
            "types": list(self.types),
            "blast_threshold": threshold,
            "stated_specificity": 0.0,
            "feature_space": "feature_space.npz",
            "figures": {"test": {"blast": counts.as_dict()}, "adaptation": scores},
            "error_rates_source": f"{len(val.is_blast)} held-out cells of the laboratory adapted to",
        }
        (out / "classifier.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        return network

    def _threshold(self, heads: _Heads, val: _Cells) -> float:
        """Choose the blast threshold on the held-out cells; keep the bundle's where one kind is missing."""
        if val.is_blast.all() or not val.is_blast.any():
            return self.settings.blast_threshold
        return balanced_threshold(self.p_blast(heads, val), val.is_blast)


def balanced_threshold(p_blast: npt.NDArray[np.float64], is_blast: npt.NDArray[np.bool_]) -> float:
    """Choose the threshold with the best balanced accuracy, in hundredths, on P(blast) and truth."""
    candidates = np.linspace(0.02, 0.98, 97)
    curve = np.array([blast_counts(p_blast, is_blast, t).balanced_accuracy for t in candidates])
    return choose_threshold(candidates, curve)


def _balanced(train: _Cells) -> Tensor:
    """Weigh cells (n,) so that blasts and others weigh one half each; all alike when one kind is missing."""
    blasts = train.is_blast.sum()
    others = len(train.is_blast) - blasts
    if not blasts or not others:
        return torch.full((len(train.is_blast),), 1.0 / len(train.is_blast))
    return torch.from_numpy(np.where(train.is_blast, 0.5 / blasts, 0.5 / others)).float()
