"""Labelled cells as a classifier is shown them: the crop, the truth, and the colour beside the cell.

They are cut as an analysis cuts them, by the detector's boxes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.evaluation.statistics.metrics import Floats
from marrowscope.imaging.background import mean_colour_outside
from marrowscope.imaging.crops import crop_cells
from marrowscope.imaging.names import natural_key
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.models.detector import Detector
from marrowscope.models.field_detection import as_found
from marrowscope.models.single_cell import find_single_cell
from marrowscope.models.working_scale import mpp_from_red_cells

_SURROUNDINGS = 2.0  # side of the patch round a cell in which its background is measured


@dataclass(frozen=True, eq=False)
class ShownCell:
    """One cell.

    `crop` (S, S, 3) uint8 RGB; `true_type` a taxonomy name or `leukocyte_not_blast`; `background` (3,).
    """

    crop: npt.NDArray[np.uint8]
    true_type: str
    background: Floats
    group: str
    source: str


def cells_of_folders(
    cells: Sequence[LabelledCell], detector: Detector, settings: ClassifierSettings, mpp: float | None = None
) -> Iterator[ShownCell]:
    """Show single-cell images, the cell in the middle of each.

    They have `mpp` µm a pixel; where that is None, what each file states, if it does.
    """
    for cell in sorted(cells, key=lambda c: natural_key(c.path.as_posix())):
        pixels, stated = cell.with_scale()
        shown = find_single_cell(detector, pixels, mpp or stated)
        yield ShownCell(
            crop_cells(shown.pixels, shown.box[None], settings.input_px, settings.context)[0],
            cell.taxonomy_type,
            _background(shown.pixels, shown.box, settings),
            cell.group,
            cell.source,
        )


def cells_of_fields(
    fields: Sequence[LabelledField],
    detector: Detector,
    settings: ClassifierSettings,
    mpp: float | None = None,
) -> Iterator[ShownCell]:
    """Show the labelled nucleated cells of whole fields that are not to be ignored.

    Fields have `mpp` µm a pixel; where that is None, each is measured by its red cells, and cells of a field
    without them are cut by the labels' boxes.
    """
    for field in sorted(fields, key=lambda f: natural_key(f.path.as_posix())):
        keep = field.is_nucleated & ~field.ignore
        if not keep.any():
            continue
        pixels = field.pixels()
        scale = mpp or mpp_from_red_cells([pixels])
        drawn = field.boxes[keep]
        boxes = drawn if scale is None else as_found(detector, pixels, scale, drawn)
        crops = crop_cells(pixels, boxes, settings.input_px, settings.context)
        for crop, box, row in zip(crops, boxes, np.flatnonzero(keep), strict=True):
            background = _background(pixels, box, settings)
            yield ShownCell(crop, field.labels[row], background, field.group, field.source)


def _background(
    pixels: npt.NDArray[np.uint8], box: npt.NDArray[np.float32], settings: ClassifierSettings
) -> Floats:
    """Return the mean colour round a cell's box (4,)."""
    side = settings.input_px
    margin = round(side * (1 - 1 / _SURROUNDINGS) / 2)
    inside = np.zeros((side, side), dtype=bool)
    inside[margin : side - margin, margin : side - margin] = True
    return mean_colour_outside(crop_cells(pixels, box[None], side, _SURROUNDINGS)[0], inside)
