"""A detector of others as an ONNX file, with the outputs of YOLOv8 or YOLOv10.

Such files take one square RGB image, 0 to 1, in which the field lies in grey. YOLOv8 gives (1, 4 + classes,
n): centre, size and the score of every class, before overlapping boxes are removed. YOLOv10 gives (1, n, 6):
corners, score and class of boxes that are final. Names of the classes lie in the file's own notes.
"""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image

from marrowscope.domain.geometry import suppress

Boxes = npt.NDArray[np.float32]
_GREY = 114
_SIDE = 640  # where the file takes any
_SAME = 0.7  # overlap above which two boxes of YOLOv8 are one; its own default
_CALLED = ("wbc", "leuk", "leuc", "white", "neutrophil", "lymphocyte", "blast")
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxPeer:
    """A detector from a file.

    Parameters
    ----------
    path : the ONNX file
    classes : which of its classes are leukocytes; empty for those that are called so, or all without names
    threads : processor threads

    Raises
    ------
    ValueError
        The file's input or output is of another kind.
    """

    def __init__(self, path: Path, classes: tuple[int, ...] = (), threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        entry = self._session.get_inputs()[0]
        if len(entry.shape) != 4 or entry.shape[1] != 3 or entry.type not in _TYPES:
            raise ValueError(
                f"{path.name} takes {entry.type} {entry.shape}: expected (1, 3, side, side) floats"
            )
        self._name, self._type = entry.name, _TYPES[entry.type]
        self._side = entry.shape[2] if isinstance(entry.shape[2], int) else _SIDE
        self._file = path.name
        self.classes = classes or _leukocytes(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """Find leukocytes in (H, W, 3) uint8 RGB; return boxes (n, 4) xyxy px, and scores (n,)."""
        height, width = pixels.shape[:2]
        factor = self._side / max(height, width)
        size = round(width * factor), round(height * factor)
        left, top = (self._side - size[0]) // 2, (self._side - size[1]) // 2
        square = np.full((self._side, self._side, 3), _GREY, np.uint8)
        small = Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)
        square[top : top + size[1], left : left + size[0]] = np.asarray(small)
        batch = np.ascontiguousarray(square.transpose(2, 0, 1)[None] / 255, self._type)
        boxes, scores = self._decoded(np.asarray(self._session.run(None, {self._name: batch})[0], np.float32))
        boxes = (boxes - np.asarray([left, top, left, top], np.float32)) / np.float32(factor)
        return boxes.clip(0, np.asarray([width, height] * 2, np.float32)), scores

    def _decoded(self, output: npt.NDArray[np.float32]) -> tuple[Boxes, npt.NDArray[np.float32]]:
        if output.ndim != 3 or len(output) != 1:
            raise ValueError(f"{self._file} gives {output.shape}: expected that of YOLOv8 or YOLOv10")
        if output.shape[2] == 6 and output.shape[1] != 6:
            found = output[0]
            kept = found[:, 4] > 0
            if self.classes:
                kept &= np.isin(found[:, 5].round(), self.classes)
            return found[kept, :4], found[kept, 4]
        if output.shape[1] < 5:
            raise ValueError(f"{self._file} gives {output.shape}: expected that of YOLOv8 or YOLOv10")
        found = output[0].T
        each = found[:, 4:][:, list(self.classes)] if self.classes else found[:, 4:]
        scores = each.max(axis=1)
        kept = scores > 0.001
        found, scores = found[kept], scores[kept]
        half = found[:, 2:4] / 2
        boxes = np.concatenate([found[:, :2] - half, found[:, :2] + half], axis=1)
        final = suppress(boxes, scores, _SAME, 1.0)
        return boxes[final], scores[final]


def _leukocytes(notes: dict[str, Any]) -> tuple[int, ...]:
    """Return the classes that are called like leukocytes; none where the file names no class."""
    try:
        names = dict(ast.literal_eval(notes.get("names", "{}")))
    except (ValueError, SyntaxError):
        return ()
    called = [number for number, name in names.items() if any(word in str(name).lower() for word in _CALLED)]
    return tuple(sorted(map(int, called)))
