"""What the classifier's heads are trained to minimise."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from marrowscope.training.classifier.net import CellClassifier, ClassifierOutput
from marrowscope.training.classifier.predictions import as_input
from marrowscope.training.classifier.sampling import Batch
from marrowscope.training.device import Precision, precision_context

BLAST_WEIGHT = 1.5
"""Weight of the blast loss beside the type loss: the blast count is what decides."""


class LossTerms(NamedTuple):
    """The terms of one batch: blast over the cells used for it, type where known."""

    blast: Tensor
    types: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return BLAST_WEIGHT * self.blast + self.types

    def numbers(self) -> dict[str, float]:
        """Give the terms for a record."""
        own = {"blast_loss": self.blast, "type_loss": self.types}
        return {name: term.item() for name, term in ({"loss": self.total} | own).items()}


def classifier_loss(
    net: CellClassifier, batch: Batch, smoothing: float, precision: Precision = "auto"
) -> LossTerms:
    """Run a batch through the network and return what is to be minimised.

    Targets of the types are smoothed. Those of blasts are not: the decision hangs on their probability, and
    smoothing keeps it from ever coming near to 0 or 1.
    """
    device = next(net.parameters()).device
    with precision_context(device, precision):
        predicted = net(as_input(batch.crops).to(device))
    out = ClassifierOutput(*(part.float() for part in predicted))
    target = torch.from_numpy(batch.is_blast).float().to(device)
    teaches = torch.from_numpy(batch.teaches_blast).float().to(device)
    each = F.binary_cross_entropy_with_logits(out.blast_logit[:, 0], target, reduction="none")
    blast = (each * teaches).sum() / teaches.sum().clamp(min=1)
    types = torch.from_numpy(batch.types)
    if not (types >= 0).any():
        return LossTerms(blast, out.type_logits.sum() * 0.0)
    kind = F.cross_entropy(out.type_logits, types.to(device), ignore_index=-1, label_smoothing=smoothing)
    return LossTerms(blast, kind)
