"""Naming cells with EfficientNet-B3 and two heads: blast or not, and if not, which type.

The joint probability of a type is the product of both heads, P(not blast) · P(type | not blast). The
probabilities of a cell sum to one.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from marrowscope.domain.cells import CellPredictions
from marrowscope.imaging.crops import crop_cells
from marrowscope.models.bundle import Bundle, ClassifierSettings, class_names
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.runtime import Network

BATCH = 32  # larger batches cost memory and are no faster on a CPU

Probabilities = npt.NDArray[np.float32]


class Classifier:
    """The classifier of a bundle, with its settings.

    Parameters
    ----------
    bundle : a verified bundle
    threads : processor threads
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.settings: ClassifierSettings = bundle.classifier
        self.classes = class_names(self.settings)
        self._network = Network(bundle.folder / self.settings.file, threads)
        space = self.settings.feature_space
        self._space = FeatureSpace.load(bundle.folder / space) if space else None

    def __call__(self, pixels: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32]) -> CellPredictions:
        """Name the cells of a field.

        Parameters
        ----------
        pixels : (H, W, 3) uint8 RGB, the original image, from which crops are cut at full resolution
        boxes : (n, 4) float32 xyxy in its pixels
        """
        parts = [
            self.predict_crops(
                crop_cells(pixels, boxes[i : i + BATCH], self.settings.input_px, self.settings.context)
            )
            for i in range(0, len(boxes), BATCH)
        ]
        if not parts:
            return CellPredictions(np.zeros((0, len(self.classes)), np.float32), np.zeros(0, bool))
        return CellPredictions(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.is_unfamiliar for part in parts]),
        )

    def predict_crops(self, crops: npt.NDArray[np.uint8]) -> CellPredictions:
        """Return the predictions for one batch of crops (n, S, S, 3) uint8 RGB in the bundle's input size."""
        outputs = self._network(normalised(crops, self.settings))
        probabilities = joint_probabilities(
            outputs["blast_logit"][:, 0] / self.settings.blast_temperature,
            outputs["type_logits"] / self.settings.type_temperature,
        )
        if self._space is None:
            return CellPredictions(probabilities, np.zeros(len(crops), bool))
        return CellPredictions(probabilities, self._space.is_unfamiliar(outputs["features"]))


def normalised(crops: npt.NDArray[np.uint8], settings: ClassifierSettings) -> npt.NDArray[np.float32]:
    """Convert crops (n, S, S, 3) uint8 to the network's input (n, 3, S, S) float32."""
    mean = np.asarray(settings.mean, np.float32)
    std = np.asarray(settings.std, np.float32)
    values = (crops.astype(np.float32) / np.float32(255) - mean) / std
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)


def joint_probabilities(
    blast_logits: npt.NDArray[np.float32], type_logits: npt.NDArray[np.float32]
) -> Probabilities:
    """Combine both heads' calibrated logits, (n,) and (n, k).

    Returns
    -------
    (n, 1 + k) probabilities, blast first, rows sum to 1
    """
    p_blast = expit(blast_logits.astype(np.float64))[:, None]
    return np.concatenate(
        [p_blast, (1 - p_blast) * softmax(type_logits.astype(np.float64), axis=1)], axis=1
    ).astype(np.float32)
