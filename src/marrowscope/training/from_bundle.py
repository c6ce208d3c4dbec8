"""Go on training the classifier of a bundle: weights out of its ONNX file, batch norms made trainable again.

An exported network has its batch norms folded into the convolutions. Copied beside batch norms that do
nothing, folded weights compute the same in evaluation mode but are wrecked in training mode, where a batch
norm divides by the deviation of the batch. So every convolution is first scaled to the size it has in a fresh
network, and the batch norm behind it records mean and deviation on real crops and gives both back: the same
function, with the same conditioning as at the start of a training.
"""

# ruff: noqa: SLF001 - MONAI gives the layers of its trunk private names

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from marrowscope.errors import BundleError
from marrowscope.training.classifier_net import CellClassifier

Weights = dict[str, tuple[Tensor, Tensor]]
"""Layer's name in `CellClassifier` -> weight and bias."""


def layers_of_onnx(path: Path) -> Weights:
    """Read the weights of every convolution and linear layer of an exported classifier.

    Raises BundleError when the file is no network.
    """
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # onnx and protobuf raise families of their own
        raise BundleError(f"{path.name} is not a network that can be read: {error}") from error
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:  # half-precision storage: the cast's output is what layers name
        if node.op_type == "Cast" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]].astype(np.float32)
    return {
        _layer_name(node.name): (_tensor(stored[node.input[1]]), _tensor(stored[node.input[2]]))
        for node in graph.node
        if node.op_type in {"Conv", "Gemm"}
    }


@torch.no_grad()
def fill_from_layers(net: CellClassifier, layers: Weights, crops: Sequence[Tensor]) -> None:
    """Give ``net`` the weights of an exported classifier; in evaluation mode it then computes the same.

    A type head for other types than the network's is left as it is, and so is what the exported network
    does not have. `crops` are batches (N,3,S,S) on which batch norms are recorded. Raises BundleError when
    the layers are not EfficientNet-B3's.
    """
    behind = dict(_norms_behind(net))
    for name, module in net.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        if name not in layers:
            if name in behind:
                raise BundleError(f"the network to go on from has no layer {name}")
            continue
        weight, bias = layers[name]
        if weight.shape != module.weight.shape:
            if name == "types":
                continue
            raise BundleError(f"layer {name} of the network to go on from has another shape")
        if isinstance(module, nn.Conv2d) and name in behind:
            _unfold(module, behind[name], weight, bias)
        else:
            module.weight.copy_(weight)
            if module.bias is not None:
                module.bias.copy_(bias)
    _record(net, [norm for _, norm in behind.items()], crops)


def _unfold(conv: nn.Conv2d, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> None:
    """Scale a folded convolution to its fresh size and let the batch norm undo it."""
    fresh = conv.weight.flatten(1).norm(dim=1).mean()
    scale = fresh / weight.flatten(1).norm(dim=1).clamp(min=1e-6)
    conv.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    norm.running_mean.zero_()  # type: ignore[union-attr]
    norm.running_var.fill_(1.0 - norm.eps)  # type: ignore[union-attr]
    norm.weight.copy_(1.0 / scale)
    norm.bias.copy_(bias)


def _record(net: CellClassifier, norms: list[nn.BatchNorm2d], crops: Sequence[Tensor]) -> None:
    """Move each batch norm's output scale and shift into recorded statistics: the function stays."""
    sums: dict[nn.Module, list[Tensor]] = {norm: [] for norm in norms}

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0]
        sums[module].append(torch.stack([x.mean(dim=(0, 2, 3)), x.pow(2).mean(dim=(0, 2, 3))]))

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    net.eval()
    for batch in crops:
        net(batch)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        mean, square = torch.stack(sums[norm]).mean(dim=0)
        variance = (square - mean * mean).clamp(min=1e-8)
        gain, shift = norm.weight.clone(), norm.bias.clone()
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]
        norm.weight.copy_(gain * torch.sqrt(variance + norm.eps))
        norm.bias.copy_(shift + gain * mean)


def _norms_behind(net: CellClassifier) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """Name each convolution that a batch norm follows, with the batch norm."""
    trunk = net.trunk
    yield "trunk._conv_stem", trunk._bn0
    yield "trunk._conv_head", trunk._bn1
    for i, stack in enumerate(trunk._blocks):
        for position, block in stack.named_children():
            for conv, norm in _pairs(block):
                yield f"trunk._blocks.{i}.{position}.{conv}", getattr(block, norm)


def _pairs(block: Any) -> Iterator[tuple[str, str]]:
    if block.expand_ratio != 1:
        yield "_expand_conv", "_bn0"
    yield "_depthwise_conv", "_bn1"
    yield "_project_conv", "_bn2"


def _layer_name(node: str) -> str:
    """Turn `/_blocks.0/_blocks.0.1/_se_reduce/Conv` into `trunk._blocks.0.1._se_reduce`."""
    *scopes, layer = node.strip("/").split("/")[:-1]
    if layer.startswith("_"):
        return ".".join(["trunk", *scopes[-1:], layer])
    return ".".join([*scopes, layer])


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
