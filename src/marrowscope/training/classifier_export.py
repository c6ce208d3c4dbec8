"""Write a trained classifier as ONNX, weights in half precision, and check it against PyTorch."""

import copy
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

from marrowscope.errors import InferenceError
from marrowscope.training.classifier_net import CellClassifier, set_exportable

OPSET = 17
INPUT = "crops"
OUTPUTS = ("blast_logit", "type_logits", "features")


def export_classifier(
    net: CellClassifier, path: Path, input_px: int, *, half_storage: bool = True, tolerance: float = 0.05
) -> float:
    """Write ``net`` to ``path`` and return the largest difference of its logits from PyTorch's.

    Input `crops` (N,3,S,S) float32 with N free; outputs `blast_logit` (N,1), `type_logits` (N,K), `features`
    (N,F). With ``half_storage`` large weights are stored as float16 and cast to float32 when loaded: half
    the file, the same arithmetic. Raises InferenceError when a logit differs by more than ``tolerance``
    times the logits' spread (at least 1).
    """
    exported = set_exportable(copy.deepcopy(net).cpu().float().to(memory_format=torch.contiguous_format))
    example = torch.randn(2, 3, input_px, input_px, generator=torch.Generator().manual_seed(0))
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated but the only one that writes opset 17 without a converter.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            exported, (example,), partial, dynamo=False, opset_version=OPSET, input_names=[INPUT],
            output_names=list(OUTPUTS), dynamic_axes={name: {0: "N"} for name in (INPUT, *OUTPUTS)},
        )  # fmt: skip
    model = onnx.load(partial)
    if half_storage:
        store_in_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, partial)
    difference = _difference(exported, partial, input_px, tolerance)
    partial.replace(path)
    return difference


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


def _difference(net: CellClassifier, path: Path, input_px: int, tolerance: float) -> float:
    """Compare PyTorch and onnxruntime on three random crops; N differs from the traced N on purpose."""
    crops = torch.randn(3, 3, input_px, input_px, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = net(crops)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    got = session.run(list(OUTPUTS[:2]), {INPUT: crops.numpy()})
    logits = torch.cat([expected.blast_logit, expected.type_logits], dim=1).numpy()
    difference = float(np.abs(np.concatenate(got, axis=1) - logits).max())
    if difference > tolerance * max(1.0, float(logits.std())):
        raise InferenceError(f"the exported classifier differs from the trained one by {difference:.3f}")
    return difference
