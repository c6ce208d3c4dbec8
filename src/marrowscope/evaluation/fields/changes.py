"""Simulated changes of camera, lamp and stain on the same field."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marrowscope.evaluation.fields.reading import Pixels
from marrowscope.evaluation.statistics.metrics import Floats
from marrowscope.imaging.background import slide_colour
from marrowscope.imaging.scale import resample

HAEMATOXYLIN_EOSIN_REST: Floats = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
"""Optical density of three dyes (rows) in red, green and blue light.

Ruifrok AC, Johnston DA. Quantification of histochemical staining by color deconvolution. Anal Quant Cytol
Histol 2001;23:291; rounded as in scikit-image's `rgb_from_hed`. On a Romanowsky stain the first row takes
most of the azure of nuclei and the second most of the eosin; the third (there: diaminobenzidine) holds what
is left and stays.
"""


@dataclass(frozen=True)
class FieldChange:
    """One change of a field: its name for print, how it is made, and by what it multiplies each side."""

    name: str
    apply: Callable[[Pixels], Pixels]
    size: float = 1.0


def brightened(pixels: Pixels, factor: float) -> Pixels:
    """Multiply every value; what exceeds white is white, as in a camera."""
    return np.asarray(np.clip(pixels.astype(np.float64) * factor, 0, 255).round(), dtype=np.uint8)


def stained(pixels: Pixels, haematoxylin: float, eosin: float) -> Pixels:
    """Multiply the amounts of two dyes in a field (H, W, 3); empty glass keeps its colour.

    Dyes add up in optical density against the colour of the empty slide (Beer-Lambert), where
    `HAEMATOXYLIN_EOSIN_REST` parts them.
    """
    glass = np.maximum(slide_colour(pixels.astype(np.float32)).astype(np.float64), 1.0)
    density = -np.log(np.maximum(pixels, 1) / glass)
    amounts = density @ np.linalg.inv(HAEMATOXYLIN_EOSIN_REST)
    changed = (amounts * (haematoxylin, eosin, 1.0)) @ HAEMATOXYLIN_EOSIN_REST
    return np.asarray(np.clip(glass * np.exp(-changed), 0, 255).round(), dtype=np.uint8)


FIELD_CHANGES = (
    FieldChange("half size", lambda pixels: resample(pixels, 0.5), 0.5),
    FieldChange("double size", lambda pixels: resample(pixels, 2.0), 2.0),
    FieldChange("20 % darker", lambda pixels: brightened(pixels, 0.8)),
    FieldChange("20 % brighter", lambda pixels: brightened(pixels, 1.2)),
    FieldChange("haematoxylin +15 %, eosin -15 %", lambda pixels: stained(pixels, 1.15, 0.85)),
    FieldChange("haematoxylin -15 %, eosin +15 %", lambda pixels: stained(pixels, 0.85, 1.15)),
)
"""Changes on which a count should not depend."""
