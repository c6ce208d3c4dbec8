"""Going on from an exported classifier: the same function, trainable again."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from marrowscope.errors import BundleError
from marrowscope.models.bundle import load_bundle
from marrowscope.models.runtime import Network
from marrowscope.synth import draw_cell
from marrowscope.training.classifier.net import CellClassifier
from marrowscope.training.classifier.predictions import as_input
from marrowscope.training.detector.export import ProbabilityHead
from marrowscope.training.detector.yolox import YoloxNano
from marrowscope.training.further import fill_from_layers
from marrowscope.training.onnx_layers import layers_of_onnx

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def crops() -> "Tensor":
    """Thirty-two drawn cells on empty glass."""
    rng = np.random.default_rng(0)
    pixels = np.full((32, 128, 128, 3), 235, np.uint8)
    for crop in pixels:
        cell = draw_cell(rng, "lymphocyte", 0.25).pixels[:120, :120]
        crop[8 : 8 + cell.shape[0], 8 : 8 + cell.shape[1]] = cell
    return as_input(pixels)


def test_a_bundle_s_classifier_computes_the_same_and_can_be_trained(crops: "Tensor") -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    bundle = load_bundle()
    path = bundle.folder / bundle.classifier.file
    torch.manual_seed(0)
    net = CellClassifier(len(bundle.classifier.types))
    fill_from_layers(net, layers_of_onnx(path), crops)
    with torch.no_grad():
        ours = net.eval()(crops)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs = session.run(["type_logits"], {"crops": crops.contiguous().numpy()})[0]
    np.testing.assert_allclose(ours.type_logits.numpy(), theirs, atol=1e-3 * np.abs(theirs).max())

    # The first batch norm recorded what it sees in training mode, where it divides by the batch's deviation.
    seen: list[Tensor] = []
    net.trunk._bn0.register_forward_hook(lambda *args: seen.append(args[2].detach()))
    net(crops)
    net.train()(crops)
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-2, atol=0.05 * float(seen[0].std()))


def test_a_bundle_s_detector_computes_the_same() -> None:
    bundle = load_bundle()
    path = bundle.folder / bundle.detector.file
    torch.manual_seed(0)
    net, images = YoloxNano(), torch.rand(2, 3, 96, 128) * 255
    fill_from_layers(net, layers_of_onnx(path), images)
    with torch.no_grad():
        ours = ProbabilityHead(net).eval()(images).numpy()
    np.testing.assert_allclose(ours, Network(path, 1)(images.numpy())["predictions"], atol=2e-3)


def test_other_types_leave_the_type_head_fresh(crops: "Tensor") -> None:
    bundle = load_bundle()
    layers = layers_of_onnx(bundle.folder / bundle.classifier.file)
    torch.manual_seed(1)
    net = CellClassifier(3)
    fresh = net.types.weight.clone()
    fill_from_layers(net, layers, crops, may_differ="types")
    with pytest.raises(BundleError, match="types of the network"):
        fill_from_layers(CellClassifier(3), layers, crops)
    torch.testing.assert_close(net.types.weight, fresh)
    np.testing.assert_array_equal(net.blast.weight.data.numpy(), layers["blast"][0])


def test_another_network_is_refused(tmp_path: Path, crops: "Tensor") -> None:
    (tmp_path / "x.onnx").write_bytes(b"no network")
    with pytest.raises(BundleError, match="not a network"):
        layers_of_onnx(tmp_path / "x.onnx")
    with pytest.raises(BundleError, match="has no layer trunk"):
        fill_from_layers(CellClassifier(2), {}, crops)
