"""One training step of both networks on torch's meta device: a tensor made elsewhere raises."""

import numpy as np
import pytest
import torch

pytest.importorskip("monai")

from marrowscope.training.classifier.losses import classifier_loss
from marrowscope.training.classifier.net import Architecture, CellClassifier
from marrowscope.training.classifier.sampling import Batch
from marrowscope.training.detector import loss as detector_loss
from marrowscope.training.detector.data import Canvas, as_batch
from marrowscope.training.detector.loss import detection_loss
from marrowscope.training.detector.yolox import YoloxNano
from marrowscope.training.loop import descend

pytestmark = pytest.mark.train

META = torch.device("meta")


def cells(types: tuple[int, ...] = (0, 1, -1)) -> Batch:
    n = len(types)
    crops = np.random.default_rng(0).integers(0, 255, (n, 64, 64, 3), dtype=np.uint8)
    return Batch(crops, np.array(types) < 0, np.array(types), np.arange(n) > 0)


def is_everything_there(network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> bool:
    moments = [state["exp_avg"] for state in optimiser.state.values()]
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return bool(moments) and {t.device for t in (*network.parameters(), *gradients, *moments)} == {META}


@pytest.mark.parametrize("architecture", ["b3", "lite2"])
def test_a_step_of_the_classifier(architecture: Architecture) -> None:
    net = CellClassifier(2, architecture, mix_style=1.0).to(META).train()  # styles are always mixed
    for stack in net.stacks():
        for block in stack:
            block.drop_connect_rate = 0.5
    optimiser = torch.optim.AdamW(net.parameters())
    terms = classifier_loss(net, cells(), 0.05, "single")
    assert {term.device for term in (*terms, terms.total)} == {META}
    descend(net, optimiser, terms.total, 5.0)
    assert is_everything_there(net, optimiser)


def test_cells_that_teach_less_take_the_same_way() -> None:
    net = CellClassifier(2, mix_style=1.0).to(META).train()
    assert classifier_loss(net, cells(types=(-1, -1, -1)), 0.0, "single").total.device == META


@pytest.mark.parametrize("with_cells", [True, False])
def test_a_step_of_the_detector(monkeypatch: pytest.MonkeyPatch, with_cells: bool) -> None:
    """Anchors are assigned on the processor, from values, which meta has none of: another network's here."""
    box = np.array([[30.0, 30, 62, 60], [5, 5, 20, 20]] if with_cells else np.zeros((0, 4)), np.float32)
    canvas = Canvas(np.zeros((96, 96, 3), np.uint8), box, np.arange(len(box)) > 0)
    images, targets = as_batch([canvas, canvas])
    assign = detector_loss.assign_batch
    known = YoloxNano()(images).detach()
    monkeypatch.setattr(detector_loss, "assign_batch", lambda _, *rest: assign(known, *rest))
    network = YoloxNano().to(META)
    optimiser = torch.optim.AdamW(network.parameters())
    terms = detection_loss(network(images.to(META)).float(), targets, 96, 96)
    assert {term.device for term in (terms.box, terms.objectness, terms.by_class)} == {META}
    assert bool(terms.assigned) == with_cells
    descend(network, optimiser, terms.total, 10.0)
    assert is_everything_there(network, optimiser)


def test_where_the_loss_is_computed_makes_no_difference() -> None:
    """The assignment is the loss's own: given it, the terms are those of the whole."""
    canvas = Canvas(
        np.zeros((96, 96, 3), np.uint8), np.array([[30.0, 30, 62, 60]], np.float32), np.zeros(1, bool)
    )
    images, targets = as_batch([canvas])
    raw = YoloxNano()(images)
    assigned = detector_loss.assign_batch(raw.detach(), targets, 96, 96)
    assert not assigned.overlaps.requires_grad
    whole = detection_loss(raw, targets, 96, 96)
    torch.testing.assert_close(
        detector_loss._loss_of(raw, assigned, 96, 96).total, whole.total, rtol=0, atol=0
    )
