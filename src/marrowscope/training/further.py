"""Train a bundle's network further: weights from its ONNX file, batch norms made trainable again.

An exported network has its batch norms folded into the convolutions. Copied beside batch norms that do
nothing, folded weights compute the same in evaluation mode but are wrecked in training mode, where a batch
norm divides by the deviation of the batch. So every convolution is first scaled to the size it has in a fresh
network, and the batch norm behind it undoes that and records mean and deviation on real images: the same
function, with the conditioning of a fresh network.
"""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from marrowscope.errors import BundleError
from marrowscope.training.batch_norm import record_batch_statistics
from marrowscope.training.onnx_layers import Layers

_FOLDED = (
    ("conv", "bn"),  # YOLOX-Nano
    ("_conv_stem", "_bn0"), ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"),
    ("_conv_head", "_bn1"),
)  # fmt: skip
"""Convolutions and the batch norm behind each, by their names beside each other in a module."""


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
            weight, bias = layers[name]
            return torch.from_numpy(weight), torch.from_numpy(bias)
    return None
