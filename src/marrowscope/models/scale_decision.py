"""Which scale to believe: what the file states, what its red cells say, what its leukocytes say.

Each can be wrong. Files carry nominal resolutions, specks pass for red cells, and blasts differ in size. So
none is believed blindly: where two contradict each other, the better one decides and the scale says so.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.imaging.red_cells import SAME_SCALE, VERY_SURE, Circles, find_circles, typical_diameter
from marrowscope.models.detector import Detector
from marrowscope.models.working_scale import (
    PLAUSIBLE_MPP,
    ScaleEvidence,
    cells_at_scale,
    combine,
    scale_from_cells,
    scale_from_red_cells,
)

_AGREE_ROUGHLY = 1.6  # the same for leukocytes, whose size depends on what they are
_TWO_OBJECTIVES = 1.5  # factor between red cells of fields of one size that were taken at two magnifications
_CHECKED_FIELDS = 4  # on which leukocytes are measured, at most
_ENOUGH_CELLS = 8.0  # weighted by the confidence in them: with so many, no further field is looked at

Pixels = npt.NDArray[np.uint8]


class Unsettled(Enum):
    """Why fields of one size have no common scale."""

    NOTHING_KNOWN = auto()
    TWO_OBJECTIVES = auto()
    """They were taken at two magnifications: each must be measured alone."""


def settle_scale(detector: Detector, images: Sequence[FieldImage], threads: int = 1) -> Scale | Unsettled:
    """Return the scale of fields of one size from one camera.

    Parameters
    ----------
    detector : finds leukocytes
    images : a sample of the fields
    threads : that look for red cells at a time
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="circles") as pool:
        circles = list(pool.map(find_circles, [image.pixels for image in images]))
    if _are_two_objectives(circles):
        return Unsettled.TWO_OBJECTIVES
    red_cells = _red_cells(circles)
    stated = _stated(images)
    if stated is not None:
        return _checked(detector, images, Scale(stated, ScaleSource.METADATA), red_cells)
    if red_cells is not None:
        return _confirmed_by_leukocytes(detector, images, red_cells)
    leukocytes = _leukocytes(detector, images)
    return Unsettled.NOTHING_KNOWN if leukocytes is None else Scale(leukocytes, ScaleSource.LEUKOCYTES)


def scale_of_field(image: FieldImage, common: Scale) -> Scale:
    """Return the scale of one field, given that of the fields of its size.

    What a file states counts for itself alone. It is believed where its own red cells agree, or else where
    the other fields do.
    """
    if image.mpp is None or common.source is ScaleSource.GIVEN or _agree(image.mpp, common.mpp, 1.01):
        return common
    red_cells = _red_cells([find_circles(image.pixels)])
    judge = common.mpp if red_cells is None else red_cells.mpp
    if _agree(image.mpp, judge, SAME_SCALE):
        return Scale(image.mpp, ScaleSource.METADATA)
    return replace(common, remark=_contradiction("the file states", image.mpp, common))


def checked_given(mpp: float, images: Sequence[FieldImage]) -> Scale:
    """Return the scale that the user gave; red cells that contradict it are said."""
    red_cells = _red_cells([find_circles(image.pixels) for image in images])
    given = Scale(mpp, ScaleSource.GIVEN)
    if red_cells is None or _agree(mpp, red_cells.mpp, SAME_SCALE):
        return given
    remark = f"given as {mpp:.3g} µm per pixel; by its red cells it would be {red_cells.mpp:.3g}"
    return replace(given, remark=remark)


def _checked(
    detector: Detector, images: Sequence[FieldImage], stated: Scale, red_cells: ScaleEvidence | None
) -> Scale:
    """Compare a stated scale with what the fields show."""
    if red_cells is None:
        looks = _leukocytes_at(detector, images, stated.mpp)
        if looks is None or _agree(stated.mpp, looks, _AGREE_ROUGHLY):
            return stated
        measured = _leukocytes(detector, images)
        if measured is None or _agree(stated.mpp, measured, _AGREE_ROUGHLY):
            return stated
        return _instead(stated, Scale(measured, ScaleSource.LEUKOCYTES))
    if _agree(stated.mpp, red_cells.mpp, SAME_SCALE):
        return stated
    looks = _leukocytes_at(detector, images, stated.mpp)
    if red_cells.weight < VERY_SURE and looks is not None and _agree(stated.mpp, looks, SAME_SCALE):
        remark = (
            f"red cells would make it {red_cells.mpp:.3g} µm per pixel, its leukocytes agree with the file"
        )
        return Scale(stated.mpp, stated.source, remark)
    return _instead(stated, Scale(red_cells.mpp, ScaleSource.RED_CELLS))


def _confirmed_by_leukocytes(
    detector: Detector, images: Sequence[FieldImage], red_cells: ScaleEvidence
) -> Scale:
    """Return the scale of the red cells, unless it makes leukocytes of an impossible size."""
    measured = Scale(red_cells.mpp, ScaleSource.RED_CELLS)
    looks = _leukocytes_at(detector, images, red_cells.mpp)
    if looks is not None and _agree(red_cells.mpp, looks, _AGREE_ROUGHLY):
        return measured
    leukocytes = _leukocytes(detector, images)
    if leukocytes is None or _agree(red_cells.mpp, leukocytes, _AGREE_ROUGHLY):
        return measured
    if red_cells.weight >= VERY_SURE:
        return Scale(
            measured.mpp, measured.source, _contradiction("the leukocytes suggest", leukocytes, measured)
        )
    better = Scale(leukocytes, ScaleSource.LEUKOCYTES)
    return Scale(
        better.mpp, better.source, _contradiction("what looks like red cells suggests", red_cells.mpp, better)
    )


def _instead(stated: Scale, measured: Scale) -> Scale:
    return replace(measured, remark=_contradiction("the files state", stated.mpp, measured))


def _contradiction(claim: str, mpp: float, believed: Scale) -> str:
    return f"{claim} {mpp:.3g} µm per pixel; {believed.mpp:.3g} is used, from {_WITNESS[believed.source]}"


_WITNESS = {
    ScaleSource.GIVEN: "the user",
    ScaleSource.METADATA: "the files",
    ScaleSource.RED_CELLS: "the red cells",
    ScaleSource.LEUKOCYTES: "the leukocytes",
    ScaleSource.PATIENT: "the patient's other fields",
    ScaleSource.ASSUMED: "an assumption",
}


def _stated(images: Sequence[FieldImage]) -> float | None:
    """Return what the files state, where most of them do and agree."""
    stated = sorted(image.mpp for image in images if image.mpp is not None)
    if 2 * len(stated) <= len(images):
        return None
    middle = stated[len(stated) // 2]
    return middle if all(_agree(each, middle, SAME_SCALE) for each in stated) else None


def _red_cells(circles: Sequence[Circles]) -> ScaleEvidence | None:
    return scale_from_red_cells(typical_diameter(circles))


def _are_two_objectives(circles: Sequence[Circles]) -> bool:
    """Return whether the fields fall into two groups by the size of their red cells, at least two in each."""
    each = [_red_cells([one]) for one in circles]
    sizes = np.sort([found.mpp for found in each if found is not None])
    if len(sizes) < 4:
        return False
    gaps = sizes[1:] / sizes[:-1]
    split = int(gaps.argmax()) + 1
    low, high = sizes[:split], sizes[split:]
    if min(len(low), len(high)) < 2 or np.median(high) / np.median(low) < _TWO_OBJECTIVES:
        return False
    return bool(low[-1] / low[0] < SAME_SCALE and high[-1] / high[0] < SAME_SCALE)


def _leukocytes_at(detector: Detector, images: Sequence[FieldImage], mpp: float) -> float | None:
    """Return what the leukocytes that are found at a scale say it is; None where none are found."""
    evidence: list[ScaleEvidence] = []
    for image in images[:_CHECKED_FIELDS]:
        found = cells_at_scale(detector, image.pixels, mpp)
        if found is not None:
            evidence.append(found)
        if sum(each.weight for each in evidence) >= _ENOUGH_CELLS:
            break
    return combine(evidence)


def _leukocytes(detector: Detector, images: Sequence[FieldImage]) -> float | None:
    found = (scale_from_cells(detector, image.pixels) for image in images)
    mpp = combine([each for each in found if each is not None])
    return None if mpp is None else float(np.clip(mpp, *PLAUSIBLE_MPP))


def _agree(one: float, other: float, factor: float) -> bool:
    return 1 / factor <= one / other <= factor
