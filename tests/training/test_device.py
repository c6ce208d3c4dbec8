"""Precision while training: mixed where asked for or a graphics processor is there, single otherwise."""

import pytest
import torch

from marrowscope.training.device import Precision, precision_context

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("single", torch.float32), ("auto", torch.float32), ("mixed", torch.bfloat16)],
)
def test_a_processor_computes_in_single_precision_unless_told(
    precision: Precision, expected: torch.dtype
) -> None:
    layer = torch.nn.Linear(4, 2)
    with precision_context(torch.device("cpu"), precision):
        output = layer(torch.ones(1, 4))
    assert output.dtype is expected
    output.float().sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype is torch.float32
