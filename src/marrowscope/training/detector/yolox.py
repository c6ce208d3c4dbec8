"""YOLOX-Nano in torch: CSPDarknet, path-aggregation neck, decoupled anchor-free head.

After Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (arXiv:2107.08430). Module names follow the official
implementation (Megvii, Apache-2.0), so that its published weights load by name. Depthwise convolutions and a
width of 0.25 make it the "Nano" of the family: 0.9 million parameters.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from marrowscope.errors import InputError

STRIDES: tuple[int, int, int] = (8, 16, 32)
"""Pixels per cell of the three prediction grids."""

BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.03
_BASE_WIDTH = 16
_HEAD_WIDTH = 64
_PRIOR_PROBABILITY = 0.01
"""Initial objectness, so that the many empty anchors do not swamp the first steps."""


class ConvBlock(nn.Module):
    """Convolution, batch norm, SiLU; the spatial size is kept for stride 1."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        return cast("Tensor", self.act(self.bn(self.conv(x))))


class DepthwiseBlock(nn.Module):
    """Depthwise convolution followed by a pointwise one, each with batch norm and SiLU."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.dconv = ConvBlock(inputs, inputs, size, stride, groups=inputs)
        self.pconv = ConvBlock(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        return cast("Tensor", self.pconv(self.dconv(x)))


class Bottleneck(nn.Module):
    """1x1 then depthwise 3x3, with a residual sum when `shortcut`."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvBlock(channels, channels, 1)
        self.conv2 = DepthwiseBlock(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        y = cast("Tensor", self.conv2(self.conv1(x)))
        return x + y if self.shortcut else y


class CrossStage(nn.Module):
    """Cross-stage-partial layer: half of the channels pass `depth` bottlenecks, half go round them."""

    def __init__(self, inputs: int, outputs: int, depth: int, shortcut: bool = True) -> None:
        super().__init__()
        hidden = outputs // 2
        self.conv1 = ConvBlock(inputs, hidden, 1)
        self.conv2 = ConvBlock(inputs, hidden, 1)
        self.conv3 = ConvBlock(2 * hidden, outputs, 1)
        self.m = nn.Sequential(*(Bottleneck(hidden, shortcut) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        return cast("Tensor", self.conv3(torch.cat((self.m(self.conv1(x)), self.conv2(x)), dim=1)))


class SpatialPyramid(nn.Module):
    """Max pooling at three sizes side by side: context at the coarsest level without more convolutions."""

    def __init__(self, inputs: int, outputs: int, sizes: tuple[int, ...] = (5, 9, 13)) -> None:
        super().__init__()
        hidden = inputs // 2
        self.conv1 = ConvBlock(inputs, hidden, 1)
        self.m = nn.ModuleList([nn.MaxPool2d(size, 1, size // 2) for size in sizes])
        self.conv2 = ConvBlock(hidden * (len(sizes) + 1), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        x = self.conv1(x)
        return cast("Tensor", self.conv2(torch.cat([x, *(pool(x) for pool in self.m)], dim=1)))


class Focus(nn.Module):
    """Folds each 2x2 block of pixels into channels: (N, 3, H, W) to (N, 12, H/2, W/2), then a convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = ConvBlock(12, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features (N, C, H, W)."""
        parts = (x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2])
        return cast("Tensor", self.conv(torch.cat(parts, dim=1)))


class Darknet(nn.Module):
    """CSPDarknet backbone; gives the features at strides 8, 16 and 32."""

    def __init__(self, width: int = _BASE_WIDTH) -> None:
        super().__init__()
        self.stem = Focus(width)
        self.dark2 = nn.Sequential(
            DepthwiseBlock(width, 2 * width, 3, 2), CrossStage(2 * width, 2 * width, depth=1)
        )
        self.dark3 = nn.Sequential(
            DepthwiseBlock(2 * width, 4 * width, 3, 2), CrossStage(4 * width, 4 * width, depth=3)
        )
        self.dark4 = nn.Sequential(
            DepthwiseBlock(4 * width, 8 * width, 3, 2), CrossStage(8 * width, 8 * width, depth=3)
        )
        self.dark5 = nn.Sequential(
            DepthwiseBlock(8 * width, 16 * width, 3, 2),
            SpatialPyramid(16 * width, 16 * width),
            CrossStage(16 * width, 16 * width, depth=1, shortcut=False),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the features at strides 8, 16 and 32."""
        fine = self.dark3(self.dark2(self.stem(x)))
        middle = self.dark4(fine)
        return fine, middle, self.dark5(middle)


class Neck(nn.Module):
    """Path-aggregation pyramid over the backbone: top-down, then bottom-up."""

    def __init__(self, width: int = _BASE_WIDTH) -> None:
        super().__init__()
        fine, middle, coarse = 4 * width, 8 * width, 16 * width
        self.backbone = Darknet(width)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.lateral_conv0 = ConvBlock(coarse, middle, 1)
        self.C3_p4 = CrossStage(2 * middle, middle, depth=1, shortcut=False)
        self.reduce_conv1 = ConvBlock(middle, fine, 1)
        self.C3_p3 = CrossStage(2 * fine, fine, depth=1, shortcut=False)
        self.bu_conv2 = DepthwiseBlock(fine, fine, 3, 2)
        self.C3_n3 = CrossStage(2 * fine, middle, depth=1, shortcut=False)
        self.bu_conv1 = DepthwiseBlock(middle, middle, 3, 2)
        self.C3_n4 = CrossStage(2 * middle, coarse, depth=1, shortcut=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the features at strides 8, 16 and 32."""
        fine, middle, coarse = self.backbone(x)
        top = self.lateral_conv0(coarse)
        waist = self.reduce_conv1(self.C3_p4(torch.cat((self.upsample(top), middle), dim=1)))
        out_fine = self.C3_p3(torch.cat((self.upsample(waist), fine), dim=1))
        out_middle = self.C3_n3(torch.cat((self.bu_conv2(out_fine), waist), dim=1))
        out_coarse = self.C3_n4(torch.cat((self.bu_conv1(out_middle), top), dim=1))
        return out_fine, out_middle, out_coarse


class Head(nn.Module):
    """Decoupled head: one branch for the class, one for box and objectness, at each of the three strides."""

    def __init__(self, classes: int, width: int = _BASE_WIDTH) -> None:
        super().__init__()
        hidden = _HEAD_WIDTH
        levels = (4 * width, 8 * width, 16 * width)
        self.stems = nn.ModuleList([ConvBlock(channels, hidden, 1) for channels in levels])
        self.cls_convs = nn.ModuleList([_two_blocks(hidden) for _ in levels])
        self.reg_convs = nn.ModuleList([_two_blocks(hidden) for _ in levels])
        self.cls_preds = nn.ModuleList([nn.Conv2d(hidden, classes, 1) for _ in levels])
        self.reg_preds = nn.ModuleList([nn.Conv2d(hidden, 4, 1) for _ in levels])
        self.obj_preds = nn.ModuleList([nn.Conv2d(hidden, 1, 1) for _ in levels])
        for layer in self.obj_preds:
            bias = float(np.log(_PRIOR_PROBABILITY / (1.0 - _PRIOR_PROBABILITY)))
            nn.init.constant_(cast("Tensor", cast("nn.Conv2d", layer).bias), bias)

    def forward(self, features: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Give the rows of all three levels, (N, A, 5 + classes)."""
        rows = []
        for level, feature in enumerate(features):
            x = self.stems[level](feature)
            by_class = self.cls_preds[level](self.cls_convs[level](x))
            box_features = self.reg_convs[level](x)
            box, objectness = self.reg_preds[level](box_features), self.obj_preds[level](box_features)
            rows.append(torch.cat((box, objectness, by_class), dim=1).flatten(2))
        return torch.cat(rows, dim=2).permute(0, 2, 1)


class YoloxNano(nn.Module):
    """YOLOX-Nano: images (N, 3, H, W) BGR 0-255, sides multiples of 32, to predictions (N, A, 5 + classes).

    A row is [dx, dy, log w, log h, objectness logit, class logits...] of one anchor point, boxes in units of
    the anchor's stride; anchors run over stride 8, 16, 32, each row by row (see `anchor_points`).
    """

    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.backbone = Neck()
        self.head = Head(classes)

    def forward(self, images: Tensor) -> Tensor:
        """Predict; see the class for shapes and units."""
        return cast("Tensor", self.head(self.backbone(images)))


def _two_blocks(channels: int) -> nn.Sequential:
    return nn.Sequential(DepthwiseBlock(channels, channels, 3), DepthwiseBlock(channels, channels, 3))


def anchor_points(height_px: int, width_px: int) -> tuple[Tensor, Tensor]:
    """Give grid positions (A, 2) as column, row in stride units, and strides (A,) px, as predictions run."""
    grids, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(
            torch.arange(height_px // stride), torch.arange(width_px // stride), indexing="ij"
        )
        grid = torch.stack((columns, rows), dim=2).reshape(-1, 2).float()
        grids.append(grid)
        strides.append(torch.full((len(grid),), float(stride)))
    return torch.cat(grids), torch.cat(strides)


def decode_boxes(raw: Tensor, grid: Tensor, strides: Tensor) -> Tensor:
    """Give boxes (..., A, 4), centre x, centre y, width, height in px, from raw rows (..., A, >=4)."""
    centres = (raw[..., :2] + grid) * strides[:, None]
    # A badly aimed first step may ask for an infinite box; e^8 strides is beyond any image.
    sizes = torch.exp(raw[..., 2:4].clamp(max=8.0)) * strides[:, None]
    return torch.cat((centres, sizes), dim=-1)


def load_weights(network: YoloxNano, path: Path) -> list[str]:
    """Load an `.npz` of named arrays, leaving out those of another shape (a head for other classes).

    Returns the names that were left at their initial values. Raises InputError when the file is not such an
    archive or when a name is not one of the network's.
    """
    try:
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable .npz of network weights") from error
    own = network.state_dict()
    unknown = sorted(set(arrays) - set(own))
    if unknown:
        raise InputError(f"{path}: {unknown[0]} is not a parameter of YOLOX-Nano")
    fitting = {name: torch.from_numpy(a) for name, a in arrays.items() if a.shape == tuple(own[name].shape)}
    network.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))
