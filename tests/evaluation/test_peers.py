"""Detectors of others that the benchmark runs: their boxes come back in pixels of the field."""

from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.scripts import script

from marrowscope.domain.geometry import overlaps
from marrowscope.synth import draw_field

FIELD = np.full((240, 320, 3), 230, np.uint8)
"""In a square of 64 px it is 64 x 48 px, 8 px from the top: a fifth of its size."""
CELL = [50.0, 60.0, 100.0, 120.0]  # of the field; in the square 10, 20, 20, 32


@pytest.fixture(scope="module")
def peer() -> ModuleType:
    return script("onnx_peer", "bench/speed")


def network(path: Path, output: np.ndarray, names: str = "", side: int | str = 64) -> Path:
    """Write a network that finds the same on every image."""
    made = numpy_helper.from_array(output.astype(np.float32), "found")
    entry = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])
    result = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(output.shape))
    nodes = [helper.make_node("Identity", ["found"], ["output0"])]
    graph = helper.make_graph(nodes, "peer", [entry], [result], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


def v8(*rows: list[float]) -> np.ndarray:
    """Centre, size and scores of three classes of eight boxes, most of them nothing."""
    found = np.zeros((8, 7), np.float32)
    found[: len(rows)] = rows
    return found.T[None]


def v10(*rows: list[float]) -> np.ndarray:
    """Corners, score and class of eight boxes, most of them nothing."""
    found = np.zeros((8, 6), np.float32)
    found[: len(rows)] = rows
    return found[None]


NAMES = "{0: 'Platelets', 1: 'RBC', 2: 'WBC'}"


@pytest.mark.parametrize("side", [64, "side"])
def test_boxes_of_v8_are_made_final_and_brought_back(
    peer: ModuleType, tmp_path: Path, side: int | str
) -> None:
    rows = [
        [15, 26, 10, 12, 0, 0, 0.9],
        [15.2, 26, 10, 12, 0, 0, 0.7],  # the same cell
        [40, 30, 10, 12, 0, 0.8, 0.1],  # a red cell
    ]
    scale = 64 / 640 if side == "side" else 1.0
    scaled = [[*(value / scale for value in row[:4]), *row[4:]] for row in rows]
    detect = peer.OnnxPeer(network(tmp_path / "v8.onnx", v8(*scaled), NAMES, side))
    assert detect.classes == (2,)
    boxes, scores = detect(FIELD)
    np.testing.assert_allclose(boxes[0], CELL, atol=1e-3)
    np.testing.assert_allclose(scores, [0.9, 0.1])


def test_boxes_of_v10_are_final(peer: ModuleType, tmp_path: Path) -> None:
    rows = [[10, 20, 20, 32, 0.9, 2], [10, 20, 20, 31, 0.7, 2], [40, 30, 50, 42, 0.8, 1]]
    path = network(tmp_path / "v10.onnx", v10(*rows), NAMES)
    boxes, scores = peer.OnnxPeer(path)(FIELD)
    np.testing.assert_allclose(boxes, np.array([CELL, [50, 60, 100, 115]]), atol=1e-3)
    np.testing.assert_allclose(scores, [0.9, 0.7])
    (box,), (score,) = peer.OnnxPeer(path, classes=(1,))(FIELD)
    np.testing.assert_allclose(box, [200, 110, 250, 170], atol=1e-3)
    assert score == pytest.approx(0.8)


def test_without_names_every_class_is_a_leukocyte(peer: ModuleType, tmp_path: Path) -> None:
    rows = [[10, 20, 20, 32, 0.9, 0], [40, 30, 50, 42, 0.8, 1]]
    detect = peer.OnnxPeer(network(tmp_path / "v10.onnx", v10(*rows)))
    assert detect.classes == ()
    assert len(detect(FIELD)[0]) == 2


def test_other_networks_are_refused(peer: ModuleType, tmp_path: Path) -> None:
    detect = peer.OnnxPeer(network(tmp_path / "other.onnx", np.zeros((1, 10), np.float32)))
    with pytest.raises(ValueError, match=r"other.onnx gives \(1, 10\): expected that of YOLOv8 or YOLOv10"):
        detect(FIELD)


def test_otsu_and_watershed_find_drawn_cells() -> None:
    pytest.importorskip("skimage")
    otsu = script("otsu", "bench/speed")
    field = draw_field(3, width=640, height=480, cells=6)
    boxes, scores = otsu.otsu_and_watershed(field.pixels)
    assert len(boxes) == len(scores)
    assert (overlaps(boxes, field.boxes)[0].max(axis=0) > 0.3).mean() > 0.6
    assert len(otsu.otsu_and_watershed(FIELD)[0]) == 0
