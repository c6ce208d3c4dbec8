"""The classifier's losses: what each cell teaches, and what it does not."""

import numpy as np
import pytest
import torch

pytest.importorskip("monai")

from marrowscope.training.classifier.losses import classifier_loss
from marrowscope.training.classifier.net import CellClassifier
from marrowscope.training.classifier.sampling import Batch

pytestmark = pytest.mark.train


@pytest.fixture
def net() -> CellClassifier:
    torch.manual_seed(0)
    return CellClassifier(2).eval()


def _batch(teaches: bool = True, type_index: int = 0) -> Batch:
    n = 3
    crops = np.random.default_rng(0).integers(0, 255, (n, 32, 32, 3), dtype=np.uint8)
    return Batch(crops, np.zeros(n, bool), np.full(n, type_index), np.full(n, teaches))


def test_a_cell_teaches_only_what_is_known_of_it(net: CellClassifier) -> None:
    known = classifier_loss(net, _batch(), 0.0)
    assert all(term.item() > 0 for term in known)
    blast, types = (term.item() for term in known)
    assert known.total.item() == pytest.approx(1.5 * blast + types)
    assert classifier_loss(net, _batch(teaches=False), 0.0).blast.item() == 0
    assert classifier_loss(net, _batch(type_index=-1), 0.0).types.item() == 0
