"""The weights of an exported network, read from its ONNX file; needs onnx, and no torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from marrowscope.errors import BundleError

Array = npt.NDArray[np.float32]
Layers = dict[str, tuple[Array, Array]]
"""Layer's name -> weight and bias."""


def layers_of_onnx(path: Path) -> Layers:
    """Read the weights of every convolution and linear layer of an exported network.

    Raises BundleError when the file is no network.
    """
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # onnx and protobuf raise families of their own
        raise BundleError(f"{path.name} is not a network that can be read: {error}") from error
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:  # half-precision storage: the cast's output is what layers name
        if node.op_type == "Cast" and node.input[0] in stored:
            stored[node.output[0]] = stored[node.input[0]]
    return {
        _layer_name(node.name): (_array(stored[node.input[1]]), _array(stored[node.input[2]]))
        for node in graph.node
        if node.op_type in {"Conv", "Gemm"}
    }


def _layer_name(node: str) -> str:
    """Turn `/_blocks.0/_blocks.0.1/_se_reduce/Conv` into `_blocks.0.1._se_reduce`."""
    parts: list[str] = []
    for scope in node.strip("/").split("/")[:-1]:
        if parts and scope.startswith(parts[-1] + "."):
            parts[-1] = scope
        else:
            parts.append(scope)
    return ".".join(parts)


def _array(values: npt.NDArray[np.generic]) -> Array:
    return np.array(values, dtype=np.float32)
