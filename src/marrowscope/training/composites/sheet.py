"""The sheet cells are laid on: pixels, the light under them, and which cell lies where."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marrowscope.training.composites.cutouts import CLEAR

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Flags = NDArray[np.bool_]

# A cell is boxed while so much of it lies inside the field...
MIN_INSIDE = 0.25
# ...and lies clear of all its neighbours together to at least this share.
MIN_CLEAR = 0.65
# Boxes of two cells side by side; more would be two labels for one cell.
MAX_BOX_IOU = 0.40


@dataclass(slots=True)
class LaidCell:
    """A cell on the sheet: centre, radius, unclipped box xyxy, area, and its parts inside and clear (px).

    `ignore`: neither right nor wrong to find.
    """

    row: float
    column: float
    radius: float
    box: tuple[float, float, float, float]
    area: int
    inside: int
    clear: int
    ignore: bool = False


class Sheet:
    """A square field under composition. `pixels` and `light` are (size, size, 3) uint8."""

    def __init__(self, pixels: Pixels, light: Pixels) -> None:
        self.pixels = pixels.copy()
        self.size = pixels.shape[0]
        self._light = light
        self._owner = np.full(pixels.shape[:2], -1, dtype=np.int16)
        self._cells: list[LaidCell] = []

    @property
    def covered(self) -> int:
        """Pixels under cells."""
        return sum(cell.inside for cell in self._cells)

    def any_cell(self, rng: np.random.Generator) -> LaidCell | None:
        """Pick one of the cells laid so far; None on an empty sheet."""
        return self._cells[int(rng.integers(len(self._cells)))] if self._cells else None

    def boxes(self) -> tuple[Boxes, Flags]:
        """(n, 4) xyxy px, clipped, of the cells with at least a quarter inside, and which (n,) to ignore."""
        kept = [cell for cell in self._cells if cell.inside >= MIN_INSIDE * cell.area]
        boxes = np.array([cell.box for cell in kept], dtype=np.float32).reshape(-1, 4)
        return np.clip(boxes, 0, self.size), np.array([cell.ignore for cell in kept], dtype=bool)

    def lay(self, patch: Pixels, row: float, column: float) -> None:
        """Lay something that is no cell, centred there."""
        place = self._place(patch, row, column)
        if place is not None:
            self._blend(patch[place[1]], place[0])

    def lay_beneath(self, patch: Pixels, row: float, column: float, max_hidden: float) -> bool:
        """Lay something under whatever is there, unless more than `max_hidden` of it would be hidden."""
        place = self._place(patch, row, column)
        if place is None:
            return False
        window, part = place
        seen = patch[part]
        solid = seen[..., 3] > 127
        taken = self._owner[window] != -1
        if (solid & taken).sum() > max_hidden * max(1, int(solid.sum())):
            return False
        self._blend(seen, window, keep=taken)
        self._owner[window][solid & ~taken] = -2
        return True

    def lay_cell(
        self, patch: Pixels, row: float, column: float, max_overlap: float, *, ignore: bool = False
    ) -> bool:
        """Lay a cell there if it crowds no other; return whether it was laid."""
        place = self._place(patch, row, column)
        if place is None:
            return False
        window, part = place
        seen = patch[part]
        solid = seen[..., 3] > 127
        owner = self._owner[window]
        under = owner[solid]
        shared = np.bincount(under[under >= 0], minlength=len(self._cells))
        cell = _measure(patch, row, column, inside=int(solid.sum()))
        cell.ignore = ignore
        if cell.inside == 0 or not self._has_room(cell, shared, max_overlap):
            return False
        for index in np.flatnonzero(shared):
            self._cells[index].clear -= int(shared[index])
        cell.clear -= int(shared.sum())
        self._blend(seen, window, through=owner >= 0)
        owner[solid] = len(self._cells)
        self._cells.append(cell)
        return True

    def _has_room(self, cell: LaidCell, shared: NDArray[np.intp], max_overlap: float) -> bool:
        for index in np.flatnonzero(shared):
            other = self._cells[index]
            if shared[index] > max_overlap * min(cell.area, other.area):
                return False
            if other.clear - shared[index] < MIN_CLEAR * other.area:
                return False
        if cell.area - shared.sum() < MIN_CLEAR * cell.area:
            return False
        return all(_iou(cell.box, other.box) <= MAX_BOX_IOU for other in self._cells)

    def _place(
        self, patch: Pixels, row: float, column: float
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
        """Give the part of the sheet and the part of the patch that meet; None where they do not."""
        height, width = patch.shape[:2]
        top, left = round(row - height / 2), round(column - width / 2)
        bottom, right = min(top + height, self.size), min(left + width, self.size)
        first_row, first_column = max(top, 0), max(left, 0)
        if bottom <= first_row or right <= first_column:
            return None
        window = (slice(first_row, bottom), slice(first_column, right))
        return window, (slice(first_row - top, bottom - top), slice(first_column - left, right - left))

    def _blend(
        self,
        patch: Pixels,
        window: tuple[slice, slice],
        keep: NDArray[np.bool_] | None = None,
        through: NDArray[np.bool_] | None = None,
    ) -> None:
        """Let the light through the patch, softly at its edge.

        Pixels of `keep` stay; those of `through` only darken, as where one cell lies on another: the pale
        rim of neither may cut a bright line across the pair.
        """
        alpha = patch[..., 3:].astype(np.float32) / np.float32(255)
        if keep is not None:
            alpha = alpha * ~keep[..., None]
        lit = np.minimum(self._light[window] * (patch[..., :3] / np.float32(CLEAR)), np.float32(255))
        under = self.pixels[window]
        blended = under + alpha * (lit - under)
        if through is not None and through.any():
            blended = np.where(through[..., None], np.minimum(blended, under), blended)
        self.pixels[window] = blended


def _measure(patch: Pixels, row: float, column: float, inside: int) -> LaidCell:
    """Give the cell as it would lie, from the solid part of its patch."""
    solid = patch[..., 3] > 127
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    area = int(solid.sum())
    if area == 0:
        return LaidCell(row, column, 0.0, (0.0, 0.0, 0.0, 0.0), 0, 0, 0)
    top, left = round(row - patch.shape[0] / 2), round(column - patch.shape[1] / 2)
    box = (
        float(left + columns[0]),
        float(top + rows[0]),
        float(left + columns[-1] + 1),
        float(top + rows[-1] + 1),
    )
    return LaidCell(row, column, float(np.sqrt(area / np.pi)), box, area, inside, area)


def _iou(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return both / (sum(areas) - both)
