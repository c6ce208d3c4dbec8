"""The assignment of anchors to cells and the loss on cases small enough to know."""

import pytest
import torch

from marrowscope.training.detector.loss import (
    CellTargets,
    assign_anchors,
    detection_loss,
    paired_iou,
)
from marrowscope.training.detector.yolox import anchor_points

pytestmark = pytest.mark.train

Box = tuple[float, float, float, float]


def targets(
    *boxes: tuple[float, float, float, float], ignored: tuple[bool, ...] | None = None
) -> CellTargets:
    flags = ignored if ignored is not None else (False,) * len(boxes)
    return CellTargets(torch.tensor(boxes).reshape(-1, 4), torch.tensor(flags, dtype=torch.bool))


def perfect_prediction(
    side: int, box: tuple[float, float, float, float], certainty: float = 8.0
) -> torch.Tensor:
    """Raw rows in which every anchor within reach of the box's centre predicts the box."""
    grid, strides = anchor_points(side, side)
    raw = torch.zeros(1, len(grid), 6)
    centre = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    size = torch.tensor([box[2] - box[0], box[3] - box[1]])
    raw[0, :, :2] = centre / strides[:, None] - grid
    raw[0, :, 2:4] = torch.log(size / strides[:, None])
    near = (((grid + 0.5) * strides[:, None] - centre).abs() < 1.5 * strides[:, None]).all(dim=1)
    raw[0, :, 4:] = torch.where(near, certainty, -certainty)[:, None]
    return raw


def test_overlap_of_known_boxes() -> None:
    first = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 10.0]])
    second = torch.tensor([[5.0, 0.0, 15.0, 10.0], [20.0, 20.0, 30.0, 30.0]])
    assert paired_iou(first, second).tolist() == pytest.approx([1 / 3, 0.0])


def test_each_cell_gets_its_own_best_anchors() -> None:
    centres = torch.tensor([[12.0, 12.0], [20.0, 12.0], [28.0, 12.0], [60.0, 60.0]])
    strides = torch.full((4,), 8.0)
    cells = torch.tensor([[4.0, 4.0, 20.0, 20.0], [20.0, 4.0, 36.0, 20.0]])
    predicted = torch.stack((cells[0], cells[0], cells[1], cells[1]))
    found = assign_anchors(cells, predicted, torch.full((4,), 0.5), centres, strides)
    owner = dict(zip(found.anchors.tolist(), found.cells.tolist(), strict=True))
    # The last anchor predicts the second cell perfectly but lies too far from its centre.
    assert owner == {0: 0, 1: 0, 2: 1}
    assert found.overlaps[0] == pytest.approx(1.0)


def test_a_contested_anchor_serves_one_cell() -> None:
    centres, strides = torch.tensor([[16.0, 16.0]]), torch.tensor([8.0])
    cells = torch.tensor([[8.0, 8.0, 24.0, 24.0], [9.0, 9.0, 27.0, 27.0]])
    found = assign_anchors(cells, cells[:1], torch.tensor([0.5]), centres, strides)
    assert found.anchors.tolist() == [0]
    assert found.cells.tolist() == [0]


def test_a_cell_no_anchor_reaches_is_no_error() -> None:
    found = assign_anchors(
        torch.tensor([[90.0, 90.0, 99.0, 99.0]]),
        torch.tensor([[0.0, 0.0, 8.0, 8.0]]),
        torch.tensor([0.5]),
        torch.tensor([[4.0, 4.0]]),
        torch.tensor([8.0]),
    )
    assert len(found.anchors) == len(found.cells) == 0


def test_right_predictions_cost_little_and_wrong_ones_much() -> None:
    box = (40.0, 40.0, 72.0, 72.0)
    right = detection_loss(perfect_prediction(128, box), [targets(box)], 128, 128)
    moved = detection_loss(perfect_prediction(128, box), [targets((52.0, 40.0, 84.0, 72.0))], 128, 128)
    assert right.box.item() == pytest.approx(0.0, abs=1e-5)
    assert right.by_class.item() == pytest.approx(0.0, abs=1e-2)
    assert moved.box.item() > 0.5


def test_an_empty_field_has_only_objectness_to_lose() -> None:
    raw = torch.full((1, len(anchor_points(64, 64)[0]), 6), -6.0, requires_grad=True)
    terms = detection_loss(raw, [targets()], 64, 64)
    assert terms.assigned == 0
    assert terms.box.item() == terms.by_class.item() == 0.0
    terms.total.backward()  # type: ignore[no-untyped-call]  # torch types it not
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()


def test_what_is_ignored_costs_nothing_when_found() -> None:
    box = (40.0, 40.0, 72.0, 72.0)
    raw = perfect_prediction(128, box)
    blamed = detection_loss(raw, [targets()], 128, 128)
    forgiven = detection_loss(raw, [targets(box, ignored=(True,))], 128, 128)
    assert forgiven.objectness.item() < 0.5 * blamed.objectness.item()
