"""Training loss of the detector: SimOTA assignment of anchors to cells, then box, objectness and class terms.

After Ge et al. (arXiv:2107.08430, section 2.1) and, for the assignment, "OTA" (arXiv:2103.14259): every cell
claims the few anchors near its centre that predict it best; how many follows from how well they already fit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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
class BatchAssignment:
    """The anchors of N images that stand for cells, as columns, and what is wanted of all anchors.

    `images`, `anchors` (k,) indices; `cells` (k, 4) corner boxes px, `overlaps` (k,) with these; `wanted`
    (N, A) 1.0 where an anchor stands for a cell, `counted` (N, A) 0.0 where finding one is neither right nor
    wrong.
    """

    images: Tensor
    anchors: Tensor
    cells: Tensor
    overlaps: Tensor
    wanted: Tensor
    counted: Tensor

    def to(self, device: torch.device) -> BatchAssignment:
        """Give the same on a device."""
        return BatchAssignment(*(getattr(self, one.name).to(device) for one in fields(self)))


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

    def numbers(self) -> dict[str, float]:
        """Give the terms for a record."""
        terms = {"loss": self.total, "box": self.box, "objectness": self.objectness, "class": self.by_class}
        return {**{name: term.item() for name, term in terms.items()}, "assigned": float(self.assigned)}


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
    """Loss of raw predictions (N, A, 6) against the cells of N images of `height_px` x `width_px`.

    Which anchor stands for which cell is settled on the processor, whatever device `raw` lies on: that needs
    many small steps, each as long as the last one's values. The loss itself is computed where `raw` lies.
    """
    assigned = assign_batch(raw.detach(), targets, height_px, width_px)
    return _loss_of(raw, assigned.to(raw.device), height_px, width_px)


@torch.no_grad()
def assign_batch(raw: Tensor, targets: list[CellTargets], height_px: int, width_px: int) -> BatchAssignment:
    """Settle on the processor which anchors of raw predictions (N, A, 6) stand for which cells."""
    raw = raw.cpu()
    grid, strides = anchor_points(height_px, width_px)
    centres = (grid + 0.5) * strides[:, None]
    predicted = corners(decode_boxes(raw, grid, strides))
    scores = (raw[..., 4].sigmoid() * raw[..., 5].sigmoid()).sqrt()
    wanted = torch.zeros_like(raw[..., 4])
    counted = torch.ones_like(wanted)
    images, anchors, cells, overlaps = [], [], [], []
    for index, target in enumerate(targets):
        counted[index] = _outside(centres, target.boxes[target.ignore])
        boxes = target.boxes[~target.ignore]
        if len(boxes) == 0:
            continue
        found = assign_anchors(boxes, predicted[index], scores[index], centres, strides)
        wanted[index, found.anchors] = 1.0
        counted[index, found.anchors] = 1.0
        images.append(torch.full_like(found.anchors, index))
        anchors.append(found.anchors)
        cells.append(boxes[found.cells])
        overlaps.append(found.overlaps)
    if not images:
        nothing = torch.zeros(0, dtype=torch.long)
        return BatchAssignment(nothing, nothing, raw.new_zeros(0, 4), raw.new_zeros(0), wanted, counted)
    columns = (torch.cat(images), torch.cat(anchors), torch.cat(cells), torch.cat(overlaps))
    return BatchAssignment(*columns, wanted, counted)


def _loss_of(raw: Tensor, assigned: BatchAssignment, height_px: int, width_px: int) -> LossTerms:
    """Compute the terms where `raw` and `assigned` lie."""
    grid, strides = (part.to(raw.device) for part in anchor_points(height_px, width_px))
    chosen = assigned.images, assigned.anchors
    boxes = corners(decode_boxes(raw, grid, strides))[chosen]
    box = (1.0 - paired_iou(boxes, assigned.cells).square()).sum()
    cross_entropy = functional.binary_cross_entropy_with_logits
    by_class = cross_entropy(raw[..., 5][chosen], assigned.overlaps, reduction="sum")
    objectness = cross_entropy(raw[..., 4], assigned.wanted, assigned.counted, reduction="sum")
    share = 1.0 / max(len(assigned.anchors), 1)
    return LossTerms(box * share, objectness * share, by_class * share, len(assigned.anchors))


def _outside(points: Tensor, boxes: Tensor) -> Tensor:
    """1.0 for each of the points (A, 2) that lies in none of the boxes (n, 4), else 0.0."""
    if len(boxes) == 0:
        return torch.ones(len(points))
    inside = (points[:, None] >= boxes[None, :, :2]) & (points[:, None] <= boxes[None, :, 2:])
    return 1.0 - inside.all(dim=2).any(dim=1).float()
