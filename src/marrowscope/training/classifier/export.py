"""Write a trained classifier as ONNX, weights in half precision, and check it against PyTorch."""

import copy
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch import Tensor

from marrowscope.errors import InferenceError
from marrowscope.training.classifier.net import CellClassifier, set_exportable

OPSET = 17
INPUT = "crops"
OUTPUTS = ("blast_logit", "type_logits", "features")


def export_classifier(net: CellClassifier, path: Path, crops: Tensor, *, half_storage: bool = True) -> float:
    """Write ``net`` to ``path``; return how much half precision moves its logits, over their largest size.

    Input `crops` (N,3,S,S) float32 with N free; outputs `blast_logit` (N,1), `type_logits` (N,K), `features`
    (N,F). With ``half_storage`` large weights are stored as float16 and cast to float32 when
    loaded: half the file, the same arithmetic. `crops` (n,3,S,S), standardised cells, n at least 3, are what
    both are compared on. Raises InferenceError when the full-precision graph strays much
    further from PyTorch in double precision than PyTorch in single precision does: a hardly trained network
    magnifies rounding.
    """
    exported = set_exportable(copy.deepcopy(net))
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but the only one that writes opset 17 without a converter.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            exported, (crops[:2],), partial, dynamo=False, opset_version=OPSET,
            input_names=[INPUT], output_names=list(OUTPUTS),
            dynamic_axes={name: {0: "N"} for name in (INPUT, *OUTPUTS)},
        )  # fmt: skip
    with torch.no_grad():
        single = torch.cat(exported(crops)[:2], dim=1).numpy()
        expected = torch.cat(exported.double()(crops.double())[:2], dim=1).numpy()
    size = max(1.0, float(np.abs(expected).max()))
    rounding = float(np.abs(single - expected).max()) / size
    wrong = float(np.abs(_logits(partial, crops.numpy()) - expected).max()) / size
    if wrong > max(1e-3, 10 * rounding):
        raise InferenceError(f"the exported classifier differs from the trained one by {wrong:.1%}")
    if half_storage:
        model = onnx.load(partial)
        store_in_half(model)
        onnx.checker.check_model(model)
        onnx.save(model, partial)
    moved = float(np.abs(_logits(partial, crops.numpy()) - expected).max()) / size
    partial.replace(path)
    return round(moved, 6)


def store_in_half(model: onnx.ModelProto, smallest: int = 256) -> None:
    """Replace float32 initialisers of at least ``smallest`` values by float16 ones and a cast, in place."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < smallest or np.abs(values).max() > 6e4:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _logits(path: Path, crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Run an exported network: blast and type logits side by side, (N, 1 + K)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return np.concatenate(session.run(list(OUTPUTS[:2]), {INPUT: crops}), axis=1)
