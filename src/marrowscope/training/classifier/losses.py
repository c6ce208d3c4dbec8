"""What the classifier's heads are trained to minimise."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from marrowscope.training.classifier.net import CellClassifier, ClassifierOutput
from marrowscope.training.classifier.predictions import as_input
from marrowscope.training.classifier.sampling import Batch
from marrowscope.training.device import Precision, precision_context
from marrowscope.training.stain import Floats

BLAST_WEIGHT = 1.5
"""Weight of the blast loss beside the type loss: the blast count is what decides."""

NUCLEUS_WEIGHT = 0.3
"""Weight of the nucleus' size: a second task that stain does not help with."""


class LossTerms(NamedTuple):
    """The terms of one batch: blast over the cells used for it, type and nucleus where known."""

    blast: Tensor
    types: Tensor
    nucleus: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return BLAST_WEIGHT * self.blast + self.types + NUCLEUS_WEIGHT * self.nucleus

    def numbers(self) -> dict[str, float]:
        """Give the terms for a record."""
        own = {"blast_loss": self.blast, "type_loss": self.types, "nucleus_loss": self.nucleus}
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
    nucleus = nucleus_loss(out.nucleus, batch.nucleus)
    types = torch.from_numpy(batch.types)
    if not (types >= 0).any():
        return LossTerms(blast, out.type_logits.sum() * 0.0, nucleus)
    kind = F.cross_entropy(out.type_logits, types.to(device), ignore_index=-1, label_smoothing=smoothing)
    return LossTerms(blast, kind, nucleus)


def nucleus_loss(predicted: Tensor, nucleus: Floats) -> Tensor:
    """Return the smooth absolute error of predictions (N,2) for nuclei (N,2); nan is left out.

    Both measures count in units of their spread among leukocytes: 0.25 of the logarithm of the diameter, 0.8
    of the log odds of the area.
    """
    known = np.flatnonzero(np.isfinite(nucleus).all(axis=1))
    if not len(known):
        return predicted.sum() * 0.0
    diameter, area = torch.from_numpy(nucleus[known]).T
    target = torch.stack([torch.log(diameter), torch.logit(area.clamp(0.05, 0.97))], dim=1)
    spread = torch.tensor([0.25, 0.8])
    rows, device = torch.from_numpy(known), predicted.device
    return F.smooth_l1_loss(predicted[rows.to(device)] / spread.to(device), (target / spread).to(device))
