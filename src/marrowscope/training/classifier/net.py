"""The cell classifier: an EfficientNet trunk with one head for blasts and one for the other types."""

# ruff: noqa: SLF001 - both libraries give the layers of their trunks private names

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import torch
from monai.networks.nets.efficientnet import EfficientNetBN
from torch import Tensor, nn
from torch.nn import functional as F

from marrowscope.errors import MissingExtraError

Architecture = Literal["b3", "lite2"]
"""EfficientNet-B3, or the smaller EfficientNet-Lite2, which has no squeeze-and-excitation."""

Heads = Literal["two", "flat"]
"""Two heads, blast or not and which type; or, to compare with, one softmax over blast and types.

The latter's probability of a blast is P(blast) of the softmax, and its types are those given not blast: the
product rule then gives back the softmax, so that both are read alike.
"""

LAST_LAYER = {"b3": 1536, "lite2": 1280}
"""Width of a trunk's last layer."""

LITE2_REPEATS = (1, 3, 3, 4, 4, 5, 1)
"""Blocks in each stack of EfficientNet-Lite2."""

PIXEL_MEAN = (0.485, 0.456, 0.406)
PIXEL_STD = (0.229, 0.224, 0.225)
"""Scaling of the input, ``((rgb / 255) - mean) / std``: ImageNet's."""


class ClassifierOutput(NamedTuple):
    """Outputs for N cells; the names are those of the ONNX outputs.

    `blast_logit` (N,1); `type_logits` (N,K); `features` (N,F).
    """

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
        # Drawn on the processor, so that the same seed mixes alike on every device.
        share = (
            torch.distributions.Beta(self.alpha, self.alpha).sample((len(x), 1, 1, 1)).to(x.device, x.dtype)
        )
        other = torch.randperm(len(x)).to(x.device)
        mixed_mean = share * mean + (1 - share) * mean[other]
        mixed_std = share * std + (1 - share) * std[other]
        return (x - mean) / std * mixed_std + mixed_mean


class CellClassifier(nn.Module):
    """EfficientNet (arXiv:1905.11946) with a blast head and a type head.

    Input (N,3,S,S) RGB, ``((rgb / 255) - mean) / std``. The trunk's own classification layer is replaced by
    ``blast`` (one logit) and ``types`` (``n_types`` logits), which read the last layer.
    """

    def __init__(
        self,
        n_types: int,
        architecture: Architecture = "b3",
        heads: Heads = "two",
        *,
        dropout: float = 0.3,
        mix_style: float = 0.5,
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.heads = heads
        self.white_point = WhitePoint()
        self.trunk: Any = _b3_trunk() if architecture == "b3" else _lite2_trunk()
        self.mix_style = MixStyle(mix_style)
        self.dropout = nn.Dropout(dropout)
        width = LAST_LAYER[architecture]
        self.blast = nn.Linear(width, 1)
        self.types = nn.Linear(width, n_types)
        for head in (self.blast, self.types):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def stacks(self) -> Iterator[list[Any]]:
        """Give the trunk's blocks, stack by stack."""
        blocks = self.trunk._blocks
        if self.architecture == "b3":
            yield from (list(stack) for stack in blocks)
            return
        first = 0
        for repeats in LITE2_REPEATS:
            yield list(blocks)[first : first + repeats]
            first += repeats

    def features(self, crops: Tensor) -> Tensor:
        """Return the features (N,F) of standardised crops: the last layer's, pooled."""
        trunk = self.trunk
        x = trunk._swish(trunk._bn0(self._convolved("_conv_stem", self.white_point(crops))))
        for position, stack in enumerate(self.stacks()):
            for block in stack:
                x = block(x) if self.architecture == "b3" else block(x, block.drop_connect_rate)
            # Style lives in the first two stacks; later ones carry the label (MixStyle, 4.3).
            x = self.mix_style(x) if position < 2 else x
        x = trunk._swish(trunk._bn1(self._convolved("_conv_head", x)))
        pooled: Tensor = x.mean(dim=(2, 3))
        return pooled

    def forward(self, crops: Tensor) -> ClassifierOutput:
        """Return logits and features of crops (N,3,S,S)."""
        features = self.features(crops)
        dropped = self.dropout(features)
        blast, types = self.blast(dropped), self.types(dropped)
        if self.heads == "flat":  # log odds of one class of a softmax against all others
            blast = blast - torch.logsumexp(types, dim=1, keepdim=True)
        return ClassifierOutput(blast, types, features)

    def _convolved(self, name: str, x: Tensor) -> Tensor:
        """Apply a convolution of the trunk; MONAI keeps its padding in a layer beside it."""
        padding = getattr(self.trunk, f"{name}_padding", None)
        convolved: Tensor = getattr(self.trunk, name)(x if padding is None else padding(x))
        return convolved


def set_exportable(net: CellClassifier) -> CellClassifier:
    """Put ``net`` in evaluation mode with plain activations, which exporters understand; return it."""
    if net.architecture == "b3":
        net.trunk.set_swish(memory_efficient=False)
    return net.eval()


def _b3_trunk() -> Any:
    """Build MONAI's EfficientNet-B3 without its last layer."""
    trunk: Any = EfficientNetBN("efficientnet-b3", pretrained=False, num_classes=1)
    trunk._fc = nn.Identity()
    return trunk


def _lite2_trunk() -> Any:
    """Build EfficientNet-Lite2 without its last layer. Raises MissingExtraError without its package."""
    try:
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise MissingExtraError("EfficientNet-Lite2", "train") from error
    trunk: Any = EfficientNet.from_name("efficientnet-lite2")
    trunk._fc = nn.Identity()
    for block in trunk._blocks:
        block.drop_connect_rate = 0.0
    return trunk
