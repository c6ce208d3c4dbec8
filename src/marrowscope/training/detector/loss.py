"""Training loss of the detector: SimOTA assignment of anchors to cells, then box, objectness and class terms.

After Ge et al. (arXiv:2107.08430, section 2.1) and, for the assignment, "OTA" (arXiv:2103.14259): every cell
claims the few anchors near its centre that predict it best; how many follows from how well they already fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from marrowscope.training.detector.yolox import anchor_points, decode_boxes

_CENTRE_RADIUS_STRIDES = 1.5
_CANDIDATES = 10
_IOU_COST = 3.0
_BOX_WEIGHT = 5.0


@dataclass(frozen=True)
class CellTargets:
    """The cells of one image: `boxes` (n, 4) xyxy px; `ignore` (n,) bool, neither right nor wrong to find."""

    boxes: Tensor
    ignore: Tensor


@dataclass(frozen=True)
class Assignment:
    """Anchors (k,) that stand for a cell, the cell (k,) of each, and their overlap (k,) with it."""

    anchors: Tensor
    cells: Tensor
    overlaps: Tensor


@dataclass(frozen=True)
class LossTerms:
    """The scalar terms of one batch, each already divided by the number of assigned anchors."""

    box: Tensor
    objectness: Tensor
    by_class: Tensor
    assigned: int

    @property
    def total(self) -> Tensor:
        """The weighted sum that is minimised."""
        return _BOX_WEIGHT * self.box + self.objectness + self.by_class


def corners(boxes: Tensor) -> Tensor:
    """Boxes (..., 4) from centre x, centre y, width, height to x1, y1, x2, y2."""
    half = boxes[..., 2:] / 2
    return torch.cat((boxes[..., :2] - half, boxes[..., :2] + half), dim=-1)


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of corner boxes (..., 4) with (..., 4), broadcast."""
    top_left = torch.maximum(first[..., :2], second[..., :2])
    bottom_right = torch.minimum(first[..., 2:], second[..., 2:])
    overlap = (bottom_right - top_left).clamp(min=0).prod(dim=-1)
    areas = (first[..., 2:] - first[..., :2]).prod(dim=-1) + (second[..., 2:] - second[..., :2]).prod(dim=-1)
    return overlap / (areas - overlap).clamp(min=1e-6)


@torch.no_grad()
def assign_anchors(
    cells: Tensor, predicted: Tensor, scores: Tensor, centres: Tensor, strides: Tensor
) -> Assignment:
    """SimOTA for one image: which anchors stand for which cell.

    `cells` (n, 4) and `predicted` (A, 4) are corner boxes in px, `scores` (A,) the predicted probability of a
    cell, `centres` (A, 2) and `strides` (A,) the anchor points in px. An anchor serves one cell at most.
    """
    cell_centres = (cells[:, :2] + cells[:, 2:]) / 2
    reach = _CENTRE_RADIUS_STRIDES * strides
    near = ((cell_centres[:, None] - centres[None]).abs() < reach[None, :, None]).all(dim=2)
    candidates = near.any(dim=0).nonzero().squeeze(1)
    if len(candidates) == 0:
        empty = candidates.new_zeros(0)
        return Assignment(empty, empty, predicted.new_zeros(0))
    near = near[:, candidates]
    overlaps = paired_iou(cells[:, None], predicted[candidates][None])
    cost = -torch.log(scores[candidates].clamp(min=1e-6))[None] - _IOU_COST * torch.log(overlaps + 1e-8)
    cost = cost + 1e6 * ~near
    matched = _cheapest(cost, overlaps) & near
    _keep_one_cell(matched, cost)
    chosen = matched.any(dim=0).nonzero().squeeze(1)
    owner = matched[:, chosen].float().argmax(dim=0)
    return Assignment(candidates[chosen], owner, overlaps[owner, chosen])


def _cheapest(cost: Tensor, overlaps: Tensor) -> Tensor:
    """For each cell its k cheapest anchors; k is the sum of its best overlaps, at least one."""
    best = overlaps.topk(min(_CANDIDATES, overlaps.shape[1]), dim=1).values
    wanted = best.sum(dim=1).int().clamp(min=1)
    rank = cost.argsort(dim=1).argsort(dim=1)
    return rank < wanted[:, None]


def _keep_one_cell(matched: Tensor, cost: Tensor) -> None:
    """Leave each contested anchor (in place) to the cell it fits at least cost."""
    contested = (matched.sum(dim=0) > 1).nonzero().squeeze(1)
    if len(contested):
        winner = cost[:, contested].argmin(dim=0)
        matched[:, contested] = False
        matched[winner, contested] = True


def detection_loss(raw: Tensor, targets: list[CellTargets], height_px: int, width_px: int) -> LossTerms:
    """Loss of raw predictions (N, A, 6) against the cells of N images of `height_px` x `width_px`."""
    grid, strides = anchor_points(height_px, width_px)
    centres = (grid + 0.5) * strides[:, None]
    predicted = corners(decode_boxes(raw, grid, strides))
    scores = (raw[..., 4].detach().sigmoid() * raw[..., 5].detach().sigmoid()).sqrt()
    wanted = torch.zeros_like(raw[..., 4])
    counted = torch.ones_like(wanted)
    box_terms, class_terms, assigned = [], [], 0
    for index, target in enumerate(targets):
        counted[index] = _outside(centres, target.boxes[target.ignore])
        cells = target.boxes[~target.ignore]
        if len(cells) == 0:
            continue
        found = assign_anchors(cells, predicted[index].detach(), scores[index], centres, strides)
        wanted[index, found.anchors] = 1.0
        counted[index, found.anchors] = 1.0
        overlap = paired_iou(predicted[index, found.anchors], cells[found.cells])
        box_terms.append((1.0 - overlap.square()).sum())
        logits = raw[index, found.anchors, 5]
        class_terms.append(
            functional.binary_cross_entropy_with_logits(logits, found.overlaps, reduction="sum")
        )
        assigned += len(found.anchors)
    share = 1.0 / max(assigned, 1)
    objectness = functional.binary_cross_entropy_with_logits(raw[..., 4], wanted, counted, reduction="sum")
    none = raw.sum() * 0.0
    return LossTerms(
        sum(box_terms, none) * share, objectness * share, sum(class_terms, none) * share, assigned
    )


def _outside(points: Tensor, boxes: Tensor) -> Tensor:
    """1.0 for each of the points (A, 2) that lies in none of the boxes (n, 4), else 0.0."""
    if len(boxes) == 0:
        return torch.ones(len(points))
    inside = (points[:, None] >= boxes[None, :, :2]) & (points[:, None] <= boxes[None, :, 2:])
    return 1.0 - inside.all(dim=2).any(dim=1).float()
