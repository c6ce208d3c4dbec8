"""Labelled cells as a classifier is shown them: the crop, the truth, and the colour beside the cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.datasets.outline import cell_outline, trimmed
from marrowscope.domain.geometry import longer_sides
from marrowscope.evaluation.statistics.metrics import Floats
from marrowscope.imaging.background import mean_colour_outside
from marrowscope.imaging.crops import crop_cells
from marrowscope.imaging.names import natural_key
from marrowscope.models.working_scale import mpp_from_red_cells

SMALLEST_OUTLINED_PX = 64  # the outline needs that many pixels
_SURROUNDINGS = 2.0  # side of the patch round a field's cell in which its background is measured


@dataclass(frozen=True, eq=False)
class ShownCell:
    """One cell.

    `crop` (S, S, 3) uint8 RGB; `side_um` longer side in µm, 0 where not known; `true_type` a taxonomy name or
    `leukocyte_not_blast`; `background` (3,).
    """

    crop: npt.NDArray[np.uint8]
    side_um: float
    true_type: str
    background: Floats
    group: str
    source: str


def cells_of_folders(
    cells: Sequence[LabelledCell], size_px: int, context: float, mpp: float | None = None
) -> Iterator[ShownCell]:
    """Show single-cell images, each cut round its outline, or round its middle half.

    They have `mpp` µm a pixel; where that is None, what each file states, if it does.
    """
    for cell in sorted(cells, key=lambda c: natural_key(c.path.as_posix())):
        pixels, stated = cell.with_scale()
        box, mask = _box_and_mask(pixels)
        yield ShownCell(
            crop_cells(pixels, box[None], size_px, context)[0],
            float(longer_sides(box[None])[0] * (mpp or stated or 0.0)),
            cell.taxonomy_type,
            mean_colour_outside(pixels, mask),
            cell.group,
            cell.source,
        )


def cells_of_fields(
    fields: Sequence[LabelledField], size_px: int, context: float, mpp: float | None = None
) -> Iterator[ShownCell]:
    """Show the labelled nucleated cells of whole fields that are not to be ignored.

    Fields have `mpp` µm a pixel; where that is None, each is measured by its red cells.
    """
    for field in sorted(fields, key=lambda f: natural_key(f.path.as_posix())):
        keep = field.is_nucleated & ~field.ignore
        if not keep.any():
            continue
        pixels = field.pixels()
        boxes = field.boxes[keep]
        crops = crop_cells(pixels, boxes, size_px, context)
        around = crop_cells(pixels, boxes, size_px, _SURROUNDINGS)
        sides = longer_sides(boxes) * ((mpp or mpp_from_red_cells([pixels])) or 0.0)
        inside = _inside_of_box(size_px)
        for index, row in enumerate(np.flatnonzero(keep)):
            yield ShownCell(
                crops[index],
                float(sides[index]),
                field.labels[row],
                mean_colour_outside(around[index], inside),
                field.group,
                field.source,
            )


def _box_and_mask(pixels: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    height, width = pixels.shape[:2]
    outline = cell_outline(pixels) if min(height, width) >= SMALLEST_OUTLINED_PX else None
    if outline is not None:
        mask = trimmed(outline.mask, outline.nucleus)  # as in training
        rows, columns = np.nonzero(mask)
        tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return np.asarray(tight, np.float32), mask
    box = np.array([width / 4, height / 4, 3 * width / 4, 3 * height / 4], dtype=np.float32)
    mask = np.zeros((height, width), dtype=bool)
    mask[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = True
    return box, mask


def _inside_of_box(size_px: int) -> npt.NDArray[np.bool_]:
    """Mark the cell's box in a patch of `_SURROUNDINGS` times its side."""
    mask = np.zeros((size_px, size_px), dtype=bool)
    margin = round(size_px * (1 - 1 / _SURROUNDINGS) / 2)
    mask[margin : size_px - margin, margin : size_px - margin] = True
    return mask
