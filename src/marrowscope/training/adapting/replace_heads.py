"""Other heads on an exported classifier's trunk."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from marrowscope.errors import BundleError

Matrix = npt.NDArray[np.float32]


def replace_heads(source: Path, target: Path, heads: Mapping[str, tuple[Matrix, Matrix]]) -> None:
    """Write the network at ``source`` to ``target`` with the linear layers ``heads`` instead of its own.

    Parameters
    ----------
    source, target : ONNX files
    heads : layer's name -> weight (outputs, F) and bias (outputs,); the number of outputs may change

    Raises
    ------
    BundleError
        The network has no such linear layer.
    """
    model = onnx.load(source)
    graph = model.graph
    gemms = {node.name.strip("/").split("/")[0]: node for node in graph.node if node.op_type == "Gemm"}
    for name, (weight, bias) in heads.items():
        if name not in gemms:
            raise BundleError(f"{source.name} has no linear layer {name}")
        node = gemms[name]
        for position, values in ((1, weight), (2, bias)):
            _put(graph, node.input[position], values.astype(np.float32))
        for output in graph.output:
            if output.name == node.output[0]:
                output.type.tensor_type.shape.dim[1].dim_value = len(bias)
    onnx.checker.check_model(model)
    partial = target.with_name(target.name + ".partial")
    onnx.save(model, partial)
    partial.replace(target)


def _put(graph: onnx.GraphProto, name: str, values: Matrix) -> None:
    """Store values under a name, in single precision; a cast that gave them from half precision goes."""
    casts = [node for node in graph.node if node.op_type == "Cast" and node.output[0] == name]
    old = {name, *(node.input[0] for node in casts)}
    for node in casts:
        graph.node.remove(node)
    for tensor in [t for t in graph.initializer if t.name in old]:
        graph.initializer.remove(tensor)
    graph.initializer.append(numpy_helper.from_array(values, name))
