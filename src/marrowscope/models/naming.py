"""Naming cells by their probabilities: thresholds, flags, and which cells are counted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import (
    FLAG_BORDER,
    FLAG_UNCERTAIN,
    FLAG_UNCERTAIN_BLAST,
    FLAG_UNFAMILIAR,
    CellPredictions,
    Cells,
    Detections,
)
from marrowscope.domain.counting import counts_in_differential
from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, taxonomy
from marrowscope.models.bundle import ClassifierSettings, class_names


def name_cells(
    detections: Detections,
    predictions: CellPredictions,
    settings: ClassifierSettings,
    at_border: npt.NDArray[np.bool_],
    *,
    count_border_cells: bool = False,
) -> Cells:
    """Name every detected cell and decide whether it counts.

    A cell is a blast if its blast probability reaches the bundle's threshold. Otherwise it has the most
    likely other type, if that is likely enough among the types other than blasts, or else is unclassified.
    A cell whose blast probability lies in the bundle's uncertain range is flagged, whatever it is called.

    An unclassified cell still counts as a nucleated cell, unless it is more likely of a type that does not
    count, such as a platelet: leaving doubtful cells out would inflate the blast share.

    Parameters
    ----------
    detections : n cells in pixels of the original image
    predictions : of the classifier
    settings : thresholds and types of the bundle
    at_border : (n,) cells cut by the image's edge
    count_border_cells : count cut cells as well
    """
    probabilities = predictions.probabilities
    p_blast = probabilities[:, 0]
    is_blast = p_blast >= settings.blast_threshold
    least, most = settings.uncertain_blast
    unsure = (p_blast >= least) & (p_blast < most)
    conditional = probabilities[:, 1:] / np.maximum(1 - p_blast, 1e-6)[:, None]
    best = conditional.argmax(axis=1) if len(conditional) else np.zeros(0, np.intp)
    certain = np.take_along_axis(conditional, best[:, None], axis=1)[:, 0] >= settings.type_threshold
    nucleated = conditional[:, [taxonomy()[name].is_counted for name in settings.types]].sum(axis=1) >= 0.5

    names, flags, counted = [], [], []
    for i in range(len(detections)):
        name = BLAST if is_blast[i] else settings.types[best[i]] if certain[i] else UNCLASSIFIED
        names.append(name)
        counted.append(
            counts_in_differential(
                name,
                at_border=bool(at_border[i]),
                count_border_cells=count_border_cells,
                is_nucleated=bool(nucleated[i]),
            )
        )
        marks = (
            (FLAG_BORDER, bool(at_border[i])),
            (FLAG_UNCERTAIN, name == UNCLASSIFIED),
            (FLAG_UNCERTAIN_BLAST, bool(unsure[i])),
            (FLAG_UNFAMILIAR, bool(predictions.is_unfamiliar[i])),
        )
        flags.append(tuple(flag for flag, holds in marks if holds))
    likeliest = probabilities[np.arange(len(best)), 1 + best]
    second_types, second_probability = _second_guesses(probabilities, names, settings)
    return Cells(
        boxes=detections.boxes,
        scores=detections.scores,
        cell_types=tuple(names),
        probability=np.where(is_blast, p_blast, likeliest).astype(np.float32),
        p_blast=p_blast.astype(np.float32),
        is_blast=is_blast,
        is_counted=np.asarray(counted, bool),
        flags=tuple(flags),
        second_types=second_types,
        second_probability=second_probability,
    )


def _second_guesses(
    probabilities: npt.NDArray[np.float32], names: Sequence[str], settings: ClassifierSettings
) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Return each cell's most likely type other than the one it is named by, and its probability."""
    classes = class_names(settings)
    others = np.array([[name != given for name in classes] for given in names], bool)
    left = np.where(others.reshape(probabilities.shape), probabilities, -1)
    best = left.argmax(axis=1) if len(names) else np.zeros(0, np.intp)
    return tuple(classes[i] for i in best), probabilities[np.arange(len(best)), best].astype(np.float32)
