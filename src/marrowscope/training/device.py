"""Where a training runs, and in which precision."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

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
