"""The cell classifier: an EfficientNet-B3 trunk with one head for blasts and one for the other types."""

# ruff: noqa: SLF001 - MONAI gives the layers of its trunk private names

from typing import Any, NamedTuple

import torch
from monai.networks.nets.efficientnet import EfficientNetBN
from torch import Tensor, nn
from torch.nn import functional as F

N_FEATURES = 1536
"""Width of EfficientNet-B3's last layer."""

PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
"""Scaling of the input, ``((rgb / 255) - mean) / std``: ImageNet's."""


class ClassifierOutput(NamedTuple):
    """What the network says of N cells; the names are those of the ONNX outputs."""

    blast_logit: Tensor
    type_logits: Tensor
    features: Tensor


class WhitePoint(nn.Module):
    """Divide the background colour out of each crop.

    The mean background colour alone separates the public blast set from the public non-blast set, so it is
    removed inside the network, where training and inference cannot disagree. The background is the brightest
    7x7 neighbourhood of each channel; crops without any background (dense smears) are brightened by at most
    ``largest_gain``.
    """

    def __init__(self, largest_gain: float = 2.5) -> None:
        super().__init__()
        self.largest_gain = largest_gain
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(PIXEL_STD).view(1, 3, 1, 1))

    def forward(self, crops: Tensor) -> Tensor:
        """Return standardised crops (N,3,S,S) whose background is white."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        rgb = crops * std + mean
        smooth = F.avg_pool2d(rgb, kernel_size=7, stride=3)
        white = torch.clamp(torch.amax(smooth, dim=(2, 3), keepdim=True), min=1.0 / self.largest_gain)
        return (rgb / white - mean) / std


class MixStyle(nn.Module):
    """Mix the channel statistics of the crops of a batch while training (arXiv:2104.02008).

    Early feature statistics carry the scanner and the stain; mixing them at random keeps the label and
    blurs the laboratory. Does nothing in evaluation mode.
    """

    def __init__(self, probability: float = 0.5, alpha: float = 0.3) -> None:
        super().__init__()
        self.probability = probability
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """Return (N,C,H,W) with means and deviations partly swapped between members of the batch."""
        if not self.training or torch.rand(()).item() > self.probability:
            return x
        mean = x.mean(dim=(2, 3), keepdim=True).detach()
        std = (x.var(dim=(2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt().detach()
        share = torch.distributions.Beta(self.alpha, self.alpha).sample((len(x), 1, 1, 1)).to(x.dtype)
        other = torch.randperm(len(x))
        mixed_mean = share * mean + (1 - share) * mean[other]
        mixed_std = share * std + (1 - share) * std[other]
        return (x - mean) / std * mixed_std + mixed_mean


class CellClassifier(nn.Module):
    """EfficientNet-B3 (arXiv:1905.11946, MONAI's) with a blast head and a type head on shared features.

    Input (N,3,S,S) RGB, ``((rgb / 255) - mean) / std``. The trunk's own classification layer is replaced by
    ``blast`` (one logit) and ``types`` (``n_types`` logits).
    """

    def __init__(self, n_types: int, *, dropout: float = 0.3, mix_style: float = 0.5) -> None:
        super().__init__()
        self.white_point = WhitePoint()
        trunk: Any = EfficientNetBN("efficientnet-b3", pretrained=False, num_classes=1)
        trunk._fc = nn.Identity()
        self.trunk: Any = trunk
        self.mix_style = MixStyle(mix_style)
        self.dropout = nn.Dropout(dropout)
        self.blast = nn.Linear(N_FEATURES, 1)
        self.types = nn.Linear(N_FEATURES, n_types)
        for head in (self.blast, self.types):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def features(self, crops: Tensor) -> Tensor:
        """Return the pooled features (N, 1536) of standardised crops."""
        trunk = self.trunk
        x = self.white_point(crops)
        x = trunk._swish(trunk._bn0(trunk._conv_stem(trunk._conv_stem_padding(x))))
        for position, stack in enumerate(trunk._blocks):
            x = stack(x)
            if (
                position < 2
            ):  # style lives in the first two stacks; later ones carry the label (MixStyle, 4.3)
                x = self.mix_style(x)
        x = trunk._swish(trunk._bn1(trunk._conv_head(trunk._conv_head_padding(x))))
        pooled: Tensor = x.mean(dim=(2, 3))
        return pooled

    def forward(self, crops: Tensor) -> ClassifierOutput:
        """Return logits and features of crops (N,3,S,S)."""
        features = self.features(crops)
        dropped = self.dropout(features)
        return ClassifierOutput(self.blast(dropped), self.types(dropped), features)


def set_exportable(net: CellClassifier) -> CellClassifier:
    """Put ``net`` in evaluation mode with plain activations, which exporters understand; return it."""
    net.trunk.set_swish(memory_efficient=False)
    return net.eval()
