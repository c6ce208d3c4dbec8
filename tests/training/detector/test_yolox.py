"""The network against the published export of it, and its handling of weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marrowscope.errors import InputError
from marrowscope.imaging.crops import crop_cells
from marrowscope.models.runtime import Network
from marrowscope.training.batch_norm import record_batch_statistics
from marrowscope.training.detector.yolox import (
    YoloxNano,
    anchor_points,
    decode_boxes,
    load_weights,
)

pytestmark = pytest.mark.train


def smear(shared_data: Path, size_px: int) -> np.ndarray:
    """One real field as network input (1, 3, size, size)."""
    with Image.open(shared_data / "fields/bccd/JPEGImages/BloodImage_00007.jpg") as image:
        pixels = np.array(image.convert("RGB"))
    whole = np.array([[80, 0, 560, 480]], dtype=np.float32)
    return (
        crop_cells(pixels, whole, size_px, context=1.0)[:, :, :, ::-1]
        .transpose(0, 3, 1, 2)
        .astype(np.float32)
    )


def published(shared_data: Path, classes: int) -> YoloxNano:
    network = YoloxNano(classes)
    load_weights(network, shared_data / "weights/yolox_nano_coco_bn.npz")
    return network.eval()


def test_computes_what_the_published_export_does(shared_data: Path) -> None:
    images = smear(shared_data, 416)
    reference = next(iter(Network(shared_data / "weights/yolox_nano_coco_416.onnx", 1)(images).values()))
    with torch.no_grad():
        raw = published(shared_data, 80)(torch.from_numpy(images))
    ours = torch.cat((raw[..., :4], raw[..., 4:].sigmoid()), dim=-1).numpy()
    assert ours.shape == reference.shape == (1, 3549, 85)
    difference = np.abs(ours - reference)
    # The arrays were made from the export by un-folding its batch norms, which rounded offsets by up to 0.03.
    assert difference.mean() < 1e-3
    assert np.quantile(difference, 0.9999) < 0.1
    assert difference[..., 4:].max() < 0.1


def test_one_class_head_keeps_everything_else(shared_data: Path) -> None:
    network = YoloxNano(1)
    left = load_weights(network, shared_data / "weights/yolox_nano_coco_bn.npz")
    expected = {f"head.cls_preds.{level}.{kind}" for level in range(3) for kind in ("weight", "bias")}
    assert set(left) == expected


def test_recorded_statistics_change_no_output_but_agree_with_training_mode(shared_data: Path) -> None:
    network = published(shared_data, 1)
    images = torch.from_numpy(smear(shared_data, 256))
    with torch.no_grad():
        before = network(images)
        record_batch_statistics(network, images)
        after = network(images)
        network.train()
        in_training = network(images)
    assert torch.allclose(before, after, atol=2e-2)
    assert torch.allclose(after, in_training, atol=5e-2)


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", strange=np.zeros(3))
    with pytest.raises(InputError, match="strange is not a parameter"):
        load_weights(YoloxNano(), tmp_path / "other.npz")
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(InputError, match="not a readable"):
        load_weights(YoloxNano(), tmp_path / "text.npz")


def test_anchors_run_row_by_row_from_fine_to_coarse() -> None:
    grid, strides = anchor_points(64, 96)
    assert len(grid) == 8 * 12 + 4 * 6 + 2 * 3
    assert grid[1].tolist() == [1.0, 0.0]
    assert grid[12].tolist() == [0.0, 1.0]
    assert strides[[0, 96, 120]].tolist() == [8.0, 16.0, 32.0]
    raw = torch.zeros(1, len(grid), 6)
    raw[0, 13, :4] = torch.tensor([0.5, 0.25, 0.0, float(np.log(2.0))])
    assert decode_boxes(raw, grid, strides)[0, 13].tolist() == pytest.approx([12.0, 10.0, 8.0, 16.0])
