"""Detection of leukocytes with YOLOX-Nano (Ge et al., arXiv:2107.08430)."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import Detections
from marrowscope.domain.geometry import suppress
from marrowscope.models.bundle import Bundle, DetectorSettings, load_bundle
from marrowscope.models.runtime import Network

STRIDES = (8, 16, 32)
PAD_VALUE = 114  # grey of YOLOX's letterbox
_LARGEST_LOG_SIDE = 8.0  # larger values are not cells, and their exp would overflow


class Detector:
    """The detector of a bundle, with its settings.

    Parameters
    ----------
    bundle : a verified bundle
    threads : processor threads
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.settings: DetectorSettings = bundle.detector
        self._network = Network(bundle.folder / self.settings.file, threads)

    def __call__(self, pixels: npt.NDArray[np.uint8], score_threshold: float | None = None) -> Detections:
        """Find leukocytes in one tile at working scale.

        Parameters
        ----------
        pixels : (H, W, 3) uint8 RGB at the bundle's working scale
        score_threshold : least confidence, by default that of the bundle

        Returns
        -------
        Detections in pixels of the tile, clipped to it, most confident first
        """
        threshold = self.settings.score_threshold if score_threshold is None else score_threshold
        return find_leukocytes(self._network, self.settings, pixels, threshold)


def built_in_detector() -> Detector:
    """Load the detector of the built-in bundle."""
    return Detector(load_bundle("builtin"))


def find_leukocytes(
    network: Network, settings: DetectorSettings, pixels: npt.NDArray[np.uint8], score_threshold: float
) -> Detections:
    """Run an exported detector on RGB pixels (H, W, 3) at its working scale, like `Detector`."""
    height, width = pixels.shape[:2]
    predictions = network(network_input(pixels))["predictions"]
    boxes, scores = decode_predictions(predictions[0], *padded_size(height, width), score_threshold)
    boxes[:, 0::2] = boxes[:, 0::2].clip(0, width)
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, height)
    solid = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= 1
    boxes, scores = boxes[solid], scores[solid]
    kept = suppress(boxes, scores, settings.nms_iou, settings.nms_ios)
    return Detections(boxes[kept], scores[kept])


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Return the input size for an image: height and width rounded up to multiples of the largest stride."""
    stride = STRIDES[-1]
    return -(-height // stride) * stride, -(-width // stride) * stride


def network_input(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return an RGB image padded with grey at the right and bottom: (1, 3, H', W') float32, BGR, 0..255."""
    height, width = pixels.shape[:2]
    batch = np.full((1, 3, *padded_size(height, width)), PAD_VALUE, np.float32)
    batch[0, :, :height, :width] = pixels[:, :, ::-1].transpose(2, 0, 1)
    return batch


def decode_predictions(
    predictions: npt.NDArray[np.float32], height: int, width: int, score_threshold: float = 0.0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Turn raw predictions into boxes in pixels.

    Parameters
    ----------
    predictions : (A, 6): centre offset and log size in strides, objectness, class score
    height, width : of the network's input in pixels
    score_threshold : least confidence of the boxes returned

    Returns
    -------
    boxes (n, 4) float32 xyxy, scores (n,) float32
    """
    scores = np.asarray(predictions[:, 4] * predictions[:, 5], np.float32)
    kept = np.flatnonzero(scores >= score_threshold)
    predictions, scores = predictions[kept], scores[kept]
    cells, strides = (each[kept] for each in _anchors(height, width))
    centres = (predictions[:, :2] + cells) * strides
    halves = np.exp(np.minimum(predictions[:, 2:4], _LARGEST_LOG_SIDE)) * strides / 2
    boxes = np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)
    return boxes, scores


@lru_cache(16)
def _anchors(height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return grid cells (A, 2) and strides (A, 1) of all levels, in the order of the network's output."""
    cells, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([xs.ravel(), ys.ravel()], axis=1))
        strides.append(np.full((xs.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
