"""From probabilities to named cells: thresholds, doubt, and what enters the count."""

import numpy as np
import numpy.typing as npt

from marrowscope.domain.cells import (
    FLAG_BORDER,
    FLAG_UNCERTAIN,
    FLAG_UNFAMILIAR,
    CellAnswers,
    Cells,
    Detections,
)
from marrowscope.domain.counting import counts_in_differential
from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, taxonomy
from marrowscope.models.bundle import ClassifierSettings


def name_cells(
    detections: Detections,
    answers: CellAnswers,
    settings: ClassifierSettings,
    at_border: npt.NDArray[np.bool_],
    *,
    count_border_cells: bool = False,
) -> Cells:
    """Name every detected cell and say whether it counts.

    A cell is a blast when its blast probability reaches the bundle's threshold. Otherwise it has the
    likeliest other type, if that is likely enough among the types that are not blasts; if not, it is
    unclassified. An unclassified cell still counts as a nucleated cell unless it is more likely one of the
    kinds that do not count (a platelet, say): leaving doubtful cells out would inflate the blast share.

    Parameters
    ----------
    detections : n cells in pixels of the original image
    answers : of the classifier
    settings : thresholds and types of the bundle
    at_border : (n,) cells cut by the image's edge
    count_border_cells : count cut cells too
    """
    probabilities = answers.probabilities
    p_blast = probabilities[:, 0]
    is_blast = p_blast >= settings.blast_threshold
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
        said = (
            (FLAG_BORDER, bool(at_border[i])),
            (FLAG_UNCERTAIN, name == UNCLASSIFIED),
            (FLAG_UNFAMILIAR, bool(answers.is_unfamiliar[i])),
        )
        flags.append(tuple(word for word, holds in said if holds))
    likeliest = probabilities[np.arange(len(best)), 1 + best]
    return Cells(
        boxes=detections.boxes,
        scores=detections.scores,
        cell_types=tuple(names),
        probability=np.where(is_blast, p_blast, likeliest).astype(np.float32),
        p_blast=p_blast.astype(np.float32),
        is_blast=is_blast,
        is_counted=np.asarray(counted, bool),
        flags=tuple(flags),
    )
