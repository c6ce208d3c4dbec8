"""The size of a pixel, and its source."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marrowscope.errors import InputError

LEAST_MPP: Final = 0.005
LARGEST_MPP: Final = 5
"""Micrometres per pixel between which a scale can be stated."""

SCALE_DISPUTED = "scale_disputed"
"""Flag of a field whose scale some evidence contradicts (`Scale.remark`)."""


class ScaleSource(StrEnum):
    """Where a scale comes from."""

    GIVEN = "given"
    """Stated by the user."""
    METADATA = "metadata"
    """Stated in the image file."""
    RED_CELLS = "red cells"
    """Measured on red cells, the cells whose diameter varies least."""
    LEUKOCYTES = "leukocytes"
    """Measured on leukocytes, because no red cells were seen."""
    PATIENT = "patient"
    """Taken from the patient's other fields."""
    ASSUMED = "assumed"
    """Not known; the most common scale is used."""


@dataclass(frozen=True)
class Scale:
    """The size of a pixel, and its source.

    Attributes
    ----------
    mpp : micrometres per pixel
    source : where the value comes from
    remark : evidence that contradicts this scale, as a sentence; empty where there is none
    """

    mpp: float
    source: ScaleSource
    remark: str = ""

    @property
    def tells_large_cells(self) -> bool:
        """Whether it tells which cells are too large for leukocytes: not if their own size gave it."""
        known = ScaleSource.GIVEN, ScaleSource.METADATA, ScaleSource.RED_CELLS
        return self.source in known and not self.remark


@dataclass(frozen=True)
class SizeScale:
    """The scale of a patient's images of one size, which are taken to come from one camera.

    Attributes
    ----------
    width, height : pixels
    scale : of these images
    """

    width: int
    height: int
    scale: Scale


def checked_mpp(mpp: float | None) -> float | None:
    """Return micrometres per pixel as they were stated, or None if they were not.

    Raises
    ------
    InputError
        No microscope has this scale.
    """
    if mpp is not None and not LEAST_MPP <= mpp <= LARGEST_MPP:
        known = f"{LEAST_MPP:g} to {LARGEST_MPP:g}"
        raise InputError(f"mpp is {mpp:.3g} µm per pixel: expected {known}")
    return mpp


def mpp_of_optics(objective: float, camera_um: float) -> float:
    """Return micrometres per pixel of a camera behind an objective, without further lenses between them.

    Parameters
    ----------
    objective : magnification, such as 100
    camera_um : side of one of the camera's pixels in µm, from its data sheet
    """
    return camera_um / objective


ScaleBySize = dict[tuple[int, int], Scale]
"""Image size (width, height) in pixels → scale."""


def listed_scales(scales: ScaleBySize) -> tuple[SizeScale, ...]:
    """Return the scales as a list that can be stored."""
    return tuple(SizeScale(width, height, scale) for (width, height), scale in scales.items())


def scales_by_size(listed: tuple[SizeScale, ...]) -> ScaleBySize:
    """Return the mapping from which `listed_scales` made the list."""
    return {(each.width, each.height): each.scale for each in listed}
