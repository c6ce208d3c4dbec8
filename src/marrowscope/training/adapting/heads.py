"""The heads of a classifier learned anew on features computed once, with earlier knowledge replayed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from marrowscope.models.bundle import ClassifierSettings
from marrowscope.training.calibration import probability

_KEEP = 1.0  # weight of unchanged predictions on replayed features; the new cells weigh one
_PULL = 0.2  # weight of staying near the old heads, in logits per standard deviation of a feature
_UNLIKELY = -8.0  # bias with which a new type starts

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CellFeatures:
    """Features (n,F) of cells; `types` (n,) index, -1 for blasts and where not known."""

    features: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "CellFeatures":
        """Return the chosen rows."""
        return CellFeatures(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class Heads:
    """Weights on the features (n,F): `blast` (F,), `blast_bias` (), `types` (K,F), `types_bias` (K,)."""

    blast: Tensor
    blast_bias: Tensor
    types: Tensor
    types_bias: Tensor

    def tensors(self) -> list[Tensor]:
        """Return all of them."""
        return [self.blast, self.blast_bias, self.types, self.types_bias]

    def with_tensors(self, tensors: Sequence[Tensor]) -> "Heads":
        """Return heads with other weights, in the order of `tensors`."""
        return Heads(*tensors)

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of both heads for features (n,F)."""
        return features @ self.blast + self.blast_bias, features @ self.types.T + self.types_bias

    def widened(self, types: int) -> "Heads":
        """Return heads for more types; the new ones are unlikely everywhere."""
        added = types - len(self.types)
        return replace(
            self,
            types=torch.cat([self.types, self.types.new_zeros(added, self.types.shape[1])]),
            types_bias=torch.cat([self.types_bias, self.types_bias.new_full((added,), _UNLIKELY)]),
        )


class HeadReader:
    """Predictions of heads for features, as in inference.

    Parameters
    ----------
    settings : of the bundle: temperatures stay
    types : names of the types, the bundle's first
    """

    def __init__(self, settings: ClassifierSettings, types: Sequence[str]) -> None:
        self.settings = settings
        self.types = tuple(types)

    def calibrated(self, heads: Heads, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return both heads' logits of features (n,F), over their temperatures."""
        blast, types = heads.logits(features)
        return blast / self.settings.blast_temperature, types / self.settings.type_temperature

    def p_blast(self, heads: Heads, cells: CellFeatures) -> npt.NDArray[np.float64]:
        """Return P(blast), (n,)."""
        blast, _ = self.calibrated(heads, torch.from_numpy(cells.features))
        return probability(blast.numpy())

    def named(self, heads: Heads, cells: CellFeatures) -> npt.NDArray[np.int64]:
        """Return the likeliest type (n,)."""
        _, types = self.calibrated(heads, torch.from_numpy(cells.features))
        return np.asarray(types.numpy().argmax(axis=1))

    def fitted(self, before: Heads, new: CellFeatures, replay: Tensor) -> Heads:
        """Train on new cells with unchanged predictions on replayed features (m,F) (L-BFGS)."""
        heads = before.with_tensors([t.clone().requires_grad_() for t in before.tensors()])
        with torch.no_grad():
            old_blast, old_types = self.calibrated(before, replay)
        # What a weight moves a calibrated logit by, for a feature one deviation off its mean.
        deviation = replay.std(dim=0)
        type_scale = deviation / self.settings.type_temperature
        blast_scale = deviation / self.settings.blast_temperature
        optimiser = torch.optim.LBFGS(heads.tensors(), max_iter=80, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            blast, types = self.calibrated(heads, replay)
            kept = F.binary_cross_entropy_with_logits(blast, old_blast.sigmoid())
            kept = kept + F.cross_entropy(types, old_types.softmax(dim=1))
            far = ((heads.blast - before.blast) * blast_scale).square().sum()
            far = far + ((heads.types - before.types) * type_scale).square().sum()
            total = self._new_loss(heads, new) + _KEEP * kept + _PULL * far
            total.backward()  # type: ignore[no-untyped-call]  # torch gives it no types
            return total

        optimiser.step(loss)  # type: ignore[no-untyped-call]  # torch gives it no types
        return heads.with_tensors([t.detach() for t in heads.tensors()])

    def _new_loss(self, heads: Heads, new: CellFeatures) -> Tensor:
        """Loss on the new cells."""
        blast, types = self.calibrated(heads, torch.from_numpy(new.features))
        target = torch.from_numpy(new.is_blast).float()
        each = F.binary_cross_entropy_with_logits(blast, target, reduction="none")
        loss = (each * _balanced(new)).sum()
        if (new.types >= 0).any():
            loss = loss + F.cross_entropy(types, torch.from_numpy(new.types), ignore_index=-1)
        return loss


def _balanced(cells: CellFeatures) -> Tensor:
    """Weigh cells (n,) so that blasts and others weigh one half each; all alike when one kind is missing."""
    blasts = cells.is_blast.sum()
    others = len(cells) - blasts
    if not blasts or not others:
        return torch.full((len(cells),), 1.0 / len(cells))
    return torch.from_numpy(np.where(cells.is_blast, 0.5 / blasts, 0.5 / others)).float()
