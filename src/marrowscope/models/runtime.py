"""Running networks with onnxruntime, which no other module imports."""

from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from marrowscope.errors import BundleError, InferenceError

ort.set_default_logger_severity(3)  # hides warnings about the hardware


class Network:
    """One network in memory.

    Parameters
    ----------
    path : an ONNX file
    threads : processor threads used inside the network

    Raises
    ------
    BundleError
        The runtime cannot load the file.
    """

    def __init__(self, path: Path, threads: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Memory patterns are kept per input shape, and would accumulate as tiles have many shapes.
        options.enable_mem_pattern = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(path, options, providers=_providers())
        except Exception as error:  # onnxruntime raises private exception types
            raise BundleError(f"{path.name} cannot be loaded as a network: {error}") from error
        self._input = self._session.get_inputs()[0].name
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, batch: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """Run the network, and return its outputs by name.

        Raises
        ------
        InferenceError
            The run failed, for example for lack of memory.
        """
        try:
            values = self._session.run(None, {self._input: batch})
        except Exception as error:  # as above
            raise InferenceError(f"the network failed on a batch of shape {batch.shape}: {error}") from error
        return dict(zip(self.outputs, cast("list[npt.NDArray[np.float32]]", values), strict=True))


def _providers() -> list[str]:
    """Return the execution providers, with a GPU first if onnxruntime supports one."""
    available = ort.get_available_providers()
    return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
