"""The score from which a box counts, chosen on validating fields: as few false boxes as recall allows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from marrowscope.evaluation.statistics.matching import Found, Truth, match_fields
from marrowscope.models.bundle import DetectorSettings
from marrowscope.models.detector import find_leukocytes
from marrowscope.models.runtime import Network
from marrowscope.training.detector.data import CachedField
from marrowscope.training.detector.sources import ValidationSet
from marrowscope.training.detector.validation import shown

ZOOMS = (0.6, 1.0, 1.6)
"""Sizes at which every field is shown: the scale of an image is estimated, and may be off."""

CANDIDATES = np.arange(30, 71) / 100
"""Scores to choose from; recall at the lowest of them is what others are compared with."""

MOST_LOST = 0.01
"""Part of a validating set's cells that a higher score may lose."""


def operating_score(
    network: Network, settings: DetectorSettings, validation: Sequence[ValidationSet]
) -> tuple[float, dict[str, dict[str, float]]] | None:
    """Choose the score of an exported detector and give the recall there, by set and zoom.

    None when the sets hold no cell.
    """
    curves = {one.name: recall_curves(network, settings, one) for one in validation if _cells(one)}
    if not curves:
        return None
    chosen = highest_affordable(list(curves.values()))
    return float(CANDIDATES[chosen]), {
        name: {f"{zoom}x": round(float(c[row, chosen]), 4) for row, zoom in enumerate(ZOOMS)}
        for name, c in curves.items()
    }


def highest_affordable(curves: Sequence[npt.NDArray[np.float64]]) -> int:
    """Return which of `CANDIDATES` to take, given each set's recall (zooms, candidates).

    The highest at which no set loses more than `MOST_LOST` of its cells against the lowest, mean over zooms.
    """
    lost = [curve[0] - curve for curve in (c.mean(axis=0) for c in curves)]
    return int(np.flatnonzero(np.max(lost, axis=0) <= MOST_LOST + 1e-9)[-1])


def recall_curves(
    network: Network, settings: DetectorSettings, validation: ValidationSet
) -> npt.NDArray[np.float64]:
    """Return the recall on one set (zooms, candidates)."""
    truth = [Truth(field.boxes, field.ignore) for field in validation.fields]
    rows = []
    for zoom in ZOOMS:
        found = [_found(network, settings, field, zoom) for field in validation.fields]
        scores = match_fields(truth, found, validation.match_iou).cell_score
        rows.append((scores[:, None] >= CANDIDATES).mean(axis=0))
    return np.stack(rows)


def _found(network: Network, settings: DetectorSettings, field: CachedField, zoom: float) -> Found:
    """Run the network on a field shown at the working scale times zoom; boxes in px of the field."""
    pixels, scale = shown(field, zoom)
    found = find_leukocytes(network, settings, pixels, float(CANDIDATES[0]))
    return Found(found.boxes * scale, found.scores)


def _cells(validation: ValidationSet) -> int:
    return sum(int((~field.ignore).sum()) for field in validation.fields)
