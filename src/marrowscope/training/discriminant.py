"""The blast head as a linear discriminant that does not listen to stain, light and camera.

A head learned by gradient steps answers the cells of the training's laboratories without a fault whatever it
looks at, so nothing in training tells a head that will hold elsewhere from one that will not. Fisher's
discriminant is the one head that weighs every direction of the features by how much it varies within a type;
here it counts as such variation, too, how one cell differs from itself under other stains, backgrounds and
cameras (within-class covariance normalisation: Hatch, Kajarekar & Stolcke, Interspeech 2006).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from marrowscope.errors import DatasetError
from marrowscope.training.classifier_answers import features
from marrowscope.training.classifier_data import CellBank
from marrowscope.training.classifier_net import CellClassifier
from marrowscope.training.classifier_sampling import CellSampler
from marrowscope.training.stain_augment import Bytes

_MOST = 200  # cells of a kind and source: more move the covariance no further
_DISGUISES = 2
_VIEWS_WEIGH = 2.0
_RIDGE = 0.01  # of the mean variance within a kind, on every direction
_BATCH = 64

Floats = npt.NDArray[np.float64]


def refit_blast_head(net: CellClassifier, sampler: CellSampler) -> None:
    """Put the discriminant of the sampler's cells into the blast head of a network of two heads.

    Raises
    ------
    DatasetError
        There are no blasts, or nothing but blasts.
    """
    kinds = _kinds(sampler.bank, sampler.rng)
    rows = np.concatenate([rows for rows, _ in kinds])
    kind = np.repeat(np.arange(len(kinds)), [len(rows) for rows, _ in kinds])
    views: list[Callable[[int], tuple[Bytes, float]]] = [sampler.plain, *[sampler.disguised] * _DISGUISES]
    seen = np.stack([_features(net, rows, view) for view in views], axis=1)
    weight, bias = discriminant(seen, kind, np.array([is_blast for _, is_blast in kinds]))
    with torch.no_grad():
        net.blast.weight.copy_(torch.from_numpy(weight[None]))
        net.blast.bias.copy_(torch.tensor([bias]))


def discriminant(
    views: npt.NDArray[np.floating], kind: npt.NDArray[np.int64], kind_is_blast: npt.NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Return weight (F,) and bias of the log odds of being a blast, at even odds before.

    Every kind weighs the same, however many cells it has.

    Parameters
    ----------
    views : (n, v, F) features of n cells as seen v times
    kind : (n,) which kind each cell is of, 0 to k - 1: its source and its type
    kind_is_blast : (k,) whether a kind are blasts

    Raises
    ------
    DatasetError
        No kind, or every kind, are blasts.
    """
    if kind_is_blast.all() or not kind_is_blast.any():
        raise DatasetError("blasts and other cells are needed to tell them apart")
    cells = np.asarray(views, np.float64)
    width = cells.shape[2]
    means = np.stack([cells[kind == k].reshape(-1, width).mean(axis=0) for k in range(len(kind_is_blast))])
    within = _covariance(cells - means[kind][:, None], cells.shape[0] * cells.shape[1])
    between_views = _covariance(
        cells - cells.mean(axis=1, keepdims=True), len(cells) * max(cells.shape[1] - 1, 1)
    )
    ridge = _RIDGE * np.trace(within) / width * np.eye(width)
    blasts, others = means[kind_is_blast].mean(axis=0), means[~kind_is_blast].mean(axis=0)
    weight = np.linalg.solve(within + _VIEWS_WEIGH * between_views + ridge, blasts - others)
    return weight, float(-weight @ (blasts + others) / 2)


def _covariance(deviations: Floats, freedom: int) -> Floats:
    flat = deviations.reshape(-1, deviations.shape[2])
    return np.asarray(flat.T @ flat / freedom)


def _kinds(bank: CellBank, rng: np.random.Generator) -> list[tuple[npt.NDArray[np.int64], bool]]:
    """Choose cells of every source and type: their rows, and whether they are blasts."""
    found = []
    for source in np.unique(bank.sources):
        for is_blast, cell_type in sorted({*zip(bank.is_blast.tolist(), bank.types.tolist(), strict=True)}):
            rows = np.flatnonzero(
                (bank.sources == source) & (bank.is_blast == is_blast) & (bank.types == cell_type)
            )
            if len(rows):
                found.append((np.sort(rng.permutation(rows)[:_MOST]), bool(is_blast)))
    return found


def _features(
    net: CellClassifier,
    rows: Sequence[int] | npt.NDArray[np.int64],
    view: Callable[[int], tuple[Bytes, float]],
) -> npt.NDArray[np.float32]:
    """Features (n,F) of cells under one kind of view, drawn batch by batch: crops of all take gigabytes."""
    parts = [
        features(net, np.stack([view(int(row))[0] for row in rows[start : start + _BATCH]]))
        for start in range(0, len(rows), _BATCH)
    ]
    return np.concatenate(parts)
