"""How large a pixel is, and how that is known."""

from dataclasses import dataclass
from enum import StrEnum


class ScaleSource(StrEnum):
    """What a scale rests on."""

    GIVEN = "given"
    """Stated by the user."""
    METADATA = "metadata"
    """Stated in the image file."""
    RED_CELLS = "red cells"
    """Measured on red cells, whose diameter varies least."""
    LEUKOCYTES = "leukocytes"
    """Measured on leukocytes, where no red cells are seen."""
    PATIENT = "patient"
    """Taken from the patient's other fields."""
    ASSUMED = "assumed"
    """Not known; the most common scale is taken."""


_MEASURES_CELLS = {ScaleSource.GIVEN, ScaleSource.METADATA, ScaleSource.RED_CELLS}


@dataclass(frozen=True)
class Scale:
    """Size of a pixel and how it is known.

    Attributes
    ----------
    mpp : micrometres per pixel
    source : what it rests on
    """

    mpp: float
    source: ScaleSource

    @property
    def measures_cells(self) -> bool:
        """Whether cells can be measured by it: a scale taken from the leukocytes' own size says nothing."""
        return self.source in _MEASURES_CELLS


@dataclass(frozen=True)
class SizeScale:
    """The scale of a patient's images of one size: one camera took them.

    Attributes
    ----------
    width, height : pixels
    scale : of these images
    """

    width: int
    height: int
    scale: Scale


ScaleBySize = dict[tuple[int, int], Scale]
"""Image size (width, height) in pixels → scale."""


def listed_scales(scales: ScaleBySize) -> tuple[SizeScale, ...]:
    """Return the scales as a list that can be written down."""
    return tuple(SizeScale(width, height, scale) for (width, height), scale in scales.items())


def scales_by_size(listed: tuple[SizeScale, ...]) -> ScaleBySize:
    """Return the scales that `listed_scales` listed."""
    return {(each.width, each.height): each.scale for each in listed}
