"""What is known of one occasion on which a control slide was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from marrowscope.analysis.control.changes import Change

BLASTS = "blast"
"""As a measure: the share of blasts of any type; of other types, the measure is their identifier."""


class ImageMeasure(StrEnum):
    """A figure of an occasion's images."""

    CONTRAST = "contrast"
    """Depth of the stain: grey levels between the empty slide and the darkest nuclei."""
    TINT = "tint"
    """Red minus blue of the empty slide: stain left on it, the buffer, or the white balance."""
    LIGHT = "light"
    """Brightness of the empty slide: lamp and exposure."""
    SCALE = "scale"
    """Micrometres per pixel."""
    SHARPNESS = "sharpness"
    """Focus and optics."""


@dataclass(frozen=True)
class Counted:
    """One reader's count: `cells` by measure, and the number `counted` they are a share of."""

    cells: Mapping[str, int]
    counted: int


@dataclass(frozen=True)
class Occasion:
    """One reading of a control slide's images.

    Attributes
    ----------
    id : of the analysis
    patient : whose images they are; a slide that is photographed anew is another patient
    images : digests of the images that were read
    bundle : digest of the networks
    figures : of the images; those that are not known are missing
    networks : their count
    readers : counts of the people who read them, by name
    changes : by measure, how the networks' names differ from an earlier reading of the same images by another
        bundle; empty where there is none
    """

    id: str
    patient: str
    images: frozenset[str]
    bundle: str
    figures: Mapping[ImageMeasure, float]
    networks: Counted
    readers: Mapping[str, Counted] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
