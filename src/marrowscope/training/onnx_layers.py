"""Train a bundle's network further: weights from its ONNX file, batch norms made trainable again.

An exported network has its batch norms folded into the convolutions. Copied beside batch norms that do
nothing, folded weights compute the same in evaluation mode but are wrecked in training mode, where a batch
norm divides by the deviation of the batch. So every convolution is first scaled to the size it has in a fresh
network, and the batch norm behind it undoes that and records mean and deviation on real images: the same
function, with the conditioning of a fresh network.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from marrowscope.errors import BundleError
from marrowscope.training.batch_norm import record_batch_statistics

Layers = dict[str, tuple[Tensor, Tensor]]
"""Layer's name -> weight and bias."""

_FOLDED = (
    ("conv", "bn"),  # YOLOX-Nano
    ("_conv_stem", "_bn0"), ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"),
    ("_conv_head", "_bn1"),
)  # fmt: skip
"""Convolutions and the batch norm behind each, by their names beside each other in a module."""


def layers_of_onnx(path: Path) -> Layers:
    """Read the weights of every convolution and linear layer of an exported network.

    Raises BundleError when the file is no network.
    """
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # onnx and protobuf raise families of their own
        raise BundleError(f"{path.name} is not a network that can be read: {error}") from error
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:  # half-precision storage: the cast's output is what layers name
        if node.op_type == "Cast" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    return {
        _layer_name(node.name): (_tensor(stored[node.input[1]]), _tensor(stored[node.input[2]]))
        for node in graph.node
        if node.op_type in {"Conv", "Gemm"}
    }


@torch.no_grad()
def fill_from_layers(net: nn.Module, layers: Layers, images: Tensor, *, may_differ: str = "") -> None:
    """Give ``net`` the weights of an exported network; in evaluation mode it then computes the same.

    What the exported network does not have is left as it is, and so is the layer ``may_differ`` where its
    shape is another (a head for other types). Batch norms are recorded on `images`, the network's input
    (N,3,S,S). Raises BundleError when the layers are another network's.
    """
    behind = dict(_norms_behind(net))
    for name, module in net.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        found = _found(layers, name)
        if found is None and name in behind:
            raise BundleError(f"the network to start from has no layer {name}")
        if found is None:
            continue
        weight, bias = found
        if weight.shape != module.weight.shape:
            if name == may_differ:
                continue
            raise BundleError(f"layer {name} of the network to start from has another shape")
        if isinstance(module, nn.Conv2d) and name in behind:
            _unfold(module, behind[name], weight, bias)
        else:
            module.weight.copy_(weight)
            cast("Tensor", module.bias).copy_(bias)
    record_batch_statistics(net, images)


def _unfold(conv: nn.Conv2d, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> None:
    """Scale a folded convolution to its fresh size and let the batch norm undo it."""
    fresh = conv.weight.flatten(1).norm(dim=1).mean()
    scale = fresh / weight.flatten(1).norm(dim=1).clamp(min=1e-6)
    conv.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    cast("Tensor", norm.running_mean).zero_()
    cast("Tensor", norm.running_var).fill_(1.0 - norm.eps)
    norm.weight.copy_(1.0 / scale)
    norm.bias.copy_(bias)


def _norms_behind(net: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """Name each convolution that a batch norm follows, with the batch norm."""
    for name, module in net.named_modules():
        children = dict(module.named_children())
        for conv, norm in _FOLDED:
            if conv in children and isinstance(children.get(norm), nn.BatchNorm2d):
                yield f"{name}.{conv}".removeprefix("."), cast("nn.BatchNorm2d", children[norm])


def _found(layers: Layers, module: str) -> tuple[Tensor, Tensor] | None:
    """Look a module up: scopes name it from where it was called, not from the root."""
    for name in (module, module.removeprefix("trunk."), f"network.{module}"):
        if name in layers:
            return layers[name]
    return None


def _layer_name(node: str) -> str:
    """Turn `/_blocks.0/_blocks.0.1/_se_reduce/Conv` into `_blocks.0.1._se_reduce`."""
    parts: list[str] = []
    for scope in node.strip("/").split("/")[:-1]:
        if parts and scope.startswith(parts[-1] + "."):
            parts[-1] = scope
        else:
            parts.append(scope)
    return ".".join(parts)


def _tensor(values: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
