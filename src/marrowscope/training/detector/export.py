"""The trained detector as an ONNX file that the inference side runs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn

from marrowscope.errors import MarrowscopeError
from marrowscope.models.runtime import Network
from marrowscope.training.detector.yolox import YoloxNano

OPSET = 17


class ParityError(MarrowscopeError):
    """The exported file does not compute what the trained network does."""


class ProbabilityHead(nn.Module):
    """The network with its last two columns as probabilities, as the inference side expects them."""

    def __init__(self, network: YoloxNano) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Give rows [dx, dy, log w, log h, objectness, class], (N, A, 6), of images (N, 3, H, W)."""
        raw = self.network(images)
        return torch.cat((raw[..., :4], raw[..., 4:].sigmoid()), dim=-1)


def export_detector(network: YoloxNano, path: Path) -> Path:
    """Write `network` to `path` as ONNX, opset 17, with free batch, height and width (multiples of 32).

    Input `images` (N, 3, H, W) float32 BGR 0-255; output `predictions` (N, A, 6), boxes undecoded in stride
    units, objectness and class after the sigmoid. The file appears whole or not at all.
    """
    model = ProbabilityHead(network).eval()
    partial = path.with_suffix(".partial")
    with warnings.catch_warnings():
        # The exporter that traces (the one without a second compiler behind it) is called legacy.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (torch.zeros(1, 3, 64, 96),),
            str(partial),
            input_names=["images"],
            output_names=["predictions"],
            dynamic_axes={"images": {0: "n", 2: "height", 3: "width"}, "predictions": {0: "n", 1: "anchors"}},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(partial))
    return partial.replace(path)


def check_parity(
    network: YoloxNano, path: Path, images: npt.NDArray[np.float32], tolerance: float = 1e-3
) -> float:
    """Give the largest difference between the exported file and `network` on images (N, 3, H, W).

    Raises ParityError above `tolerance`.
    """
    with torch.no_grad():
        expected = ProbabilityHead(network).eval()(torch.from_numpy(images)).numpy()
    actual = Network(path, threads=1)(images)["predictions"]
    difference = float(np.abs(expected - actual).max())
    if not difference <= tolerance:
        raise ParityError(f"{path}: differs from the trained network by {difference:.2g}")
    return difference
