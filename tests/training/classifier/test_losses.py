"""The classifier's losses: what each cell teaches, and what it does not."""

import numpy as np
import pytest
import torch

pytest.importorskip("monai")

from marrowscope.training.classifier.losses import classifier_loss, nucleus_loss
from marrowscope.training.classifier.net import CellClassifier
from marrowscope.training.classifier.sampling import Batch

pytestmark = pytest.mark.train


@pytest.fixture
def net() -> CellClassifier:
    torch.manual_seed(0)
    return CellClassifier(2).eval()


def _batch(teaches: bool = True, type_index: int = 0, nucleus: float = 0.4) -> Batch:
    n = 3
    crops = np.random.default_rng(0).integers(0, 255, (n, 32, 32, 3), dtype=np.uint8)
    shape = np.full((n, 2), nucleus, np.float32)
    return Batch(crops, np.zeros(n, bool), np.full(n, type_index), np.full(n, teaches), shape)


def test_a_cell_teaches_only_what_is_known_of_it(net: CellClassifier) -> None:
    known = classifier_loss(net, _batch(), 0.0)
    assert all(term.item() > 0 for term in known)
    blast, types, nucleus = (term.item() for term in known)
    assert known.total.item() == pytest.approx(1.5 * blast + types + 0.3 * nucleus)
    assert classifier_loss(net, _batch(teaches=False), 0.0).blast.item() == 0
    assert classifier_loss(net, _batch(type_index=-1), 0.0).types.item() == 0
    assert classifier_loss(net, _batch(nucleus=float("nan")), 0.0).nucleus.item() == 0


def test_the_nucleus_is_right_at_its_own_logarithms() -> None:
    truth = np.array([[0.5, 0.25], [np.nan, np.nan]], np.float32)
    right = torch.tensor([[np.log(0.5), np.log(1 / 3)], [9.0, 9.0]], dtype=torch.float32)
    assert nucleus_loss(right, truth).item() == pytest.approx(0, abs=1e-6)
    assert nucleus_loss(right + 0.5, truth).item() > 0.5
