"""Predictions of a classifier in training, batch by batch."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from marrowscope.training.classifier.net import PIXEL_MEAN, PIXEL_STD, CellClassifier
from marrowscope.training.classifier.report import Predictions
from marrowscope.training.classifier.sets import CleanCells
from marrowscope.training.stain import Bytes


@torch.no_grad()
def features(net: CellClassifier, crops: Bytes, batch: int = 64) -> npt.NDArray[np.float32]:
    """Return the pooled features (n,F) of crops (n,S,S,3) by a network in evaluation mode."""
    net.eval()
    parts = [net.features(as_input(crops[i : i + batch])) for i in range(0, len(crops), batch)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


@torch.no_grad()
def predict(net: CellClassifier, cells: CleanCells, batch: int = 64) -> Predictions:
    """Return the logits of a network in evaluation mode for clean cells."""
    net.eval()
    outputs = [net(as_input(cells.crops[i : i + batch])) for i in range(0, len(cells), batch)]
    return Predictions(
        torch.cat([o.blast_logit for o in outputs])[:, 0].numpy(),
        torch.cat([o.type_logits for o in outputs]).numpy(),
        cells.is_blast,
        cells.types,
        cells.sources,
        cells.groups,
    )


def as_input(crops: Bytes) -> Tensor:
    """Standardise (n,S,S,3) uint8 crops to (n,3,S,S) float32, channels last in memory."""
    mean = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(PIXEL_STD).view(1, 3, 1, 1)
    pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).float()
    return ((pixels / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
