"""Cells that several fields show because the fields overlap.

Two fields overlap if they hold the same cells at the same distances, and hardly any others where they
overlap. Whether two cells are the same is told by their likeness: the correlation of their squares once
illumination and fine detail are taken away. Small dark nuclei look alike in every field; the other cells tell
them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

_SIDE_PX: Final = 32
_FINEST_PX, _COARSEST_PX = 0.7, 6.0  # standard deviations of the two filters, on a sketch of `_SIDE_PX`

_BLOCKS: Final = 8  # along a side of a sketch
_ROUNDING: Final = 0.001
_SURELY_SAME: Final = 0.97
"""Likeness from which one cell alone tells that two fields overlap."""
_PERHAPS_SAME: Final = 0.90
"""Likeness from which two or more cells at the same distances tell it."""
_LEAST_SHARED: Final = 0.6
"""Of the cells that lie whole in both fields if these overlap, the least part that both show there."""
_SAME_PLACE: Final = 0.3
"""Largest distance of two places that are the same, over the side of the cell."""


@dataclass(frozen=True, eq=False)
class FieldCells:
    """The cells of one field, as they are compared.

    Attributes
    ----------
    size : width and height of the image in pixels
    boxes : (n, 4) float, x0 y0 x1 y1 in its pixels
    sketches : (n, d) float32, see `cell_sketches`
    is_counted : (n,) bool, cells that the field counts: only these make a cell of another field a repetition
    """

    size: tuple[int, int]
    boxes: npt.NDArray[np.float32]
    sketches: npt.NDArray[np.float32]
    is_counted: npt.NDArray[np.bool_]

    @cached_property
    def coarse(self) -> npt.NDArray[np.float32]:
        """The sums of blocks over their side, (n, 64): a projection of the sketches."""
        shape = (len(self.sketches), _BLOCKS, _SIDE_PX // _BLOCKS, _BLOCKS, _SIDE_PX // _BLOCKS)
        sums = self.sketches.reshape(shape).sum(axis=(2, 4)) * (_BLOCKS / _SIDE_PX)
        return np.asarray(sums.reshape(len(sums), _BLOCKS**2), np.float32)


def cell_sketches(squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return what is kept of cells to compare them.

    Parameters
    ----------
    squares : (n, s, s) uint8 grey, a cell in the middle of each; `s` is a multiple of 32

    Returns
    -------
    (n, 1024) float32; every row has mean 0 and norm 1, or is zero for an even square
    """
    n, side = squares.shape[:2]
    step = side // _SIDE_PX
    small = squares.reshape(n, _SIDE_PX, step, _SIDE_PX, step).mean(axis=(2, 4), dtype=np.float32)
    band = gaussian_filter(small, (0, _FINEST_PX, _FINEST_PX)) - gaussian_filter(
        small, (0, _COARSEST_PX, _COARSEST_PX)
    )
    rows = band.reshape(n, _SIDE_PX**2)
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(norms > 1e-3, rows / np.maximum(norms, 1e-3), 0).astype(np.float32)


class RepeatedCells:
    """Finds the cells that several fields of a patient show.

    What it found is remembered: where fields are added at the end, only these are compared.
    """

    def __init__(self) -> None:
        self._fields: list[tuple[Hashable, FieldCells, npt.NDArray[np.bool_]]] = []

    def __call__(
        self, fields: Sequence[tuple[Hashable, Callable[[], FieldCells]]]
    ) -> tuple[npt.NDArray[np.bool_], ...]:
        """Return, for every field, which of its cells a field before it shows and counts, too.

        Only fields of one size are compared: those of one camera at one magnification. A cell that the
        earlier field does not count, because its edge cuts it, is no repetition.

        Parameters
        ----------
        fields : what identifies a field, and what makes its cells
        """
        unchanged = 0
        for (key, *_), (other, _) in zip(self._fields, fields, strict=False):
            if key != other:
                break
            unchanged += 1
        known = {key: cells for key, cells, _ in self._fields}
        self._fields = self._fields[:unchanged]
        for key, make in fields[unchanged:]:
            cells = known[key] if key in known else make()
            self._fields.append((key, cells, self._repeated(cells)))
        return tuple(is_repeated for *_, is_repeated in self._fields)

    def _repeated(self, field: FieldCells) -> npt.NDArray[np.bool_]:
        """Return which cells of a field those before it show, too."""
        is_repeated = np.zeros(len(field.boxes), bool)
        others = [
            (cells, cells.is_counted | again)
            for _, cells, again in self._fields
            if cells.size == field.size and len(cells.boxes)
        ]
        if not others or not len(field.boxes):
            return is_repeated
        for number in _possible(field, [cells for cells, _ in others]):
            other, is_told = others[number]
            shift = _shift(field, other, field.sketches @ other.sketches.T)
            if shift is not None and is_told.any():
                is_repeated |= _same_places(field.boxes - np.tile(shift, 2), other.boxes[is_told])
        return is_repeated


def _possible(field: FieldCells, others: Sequence[FieldCells]) -> Iterator[int]:
    """Yield the numbers of the fields that may show a cell of this one.

    Two sketches are never nearer to each other than what is left of them at a quarter of the resolution,
    which is quickly compared.
    """
    coarse = np.concatenate([other.coarse for other in others])
    norms = np.square(coarse).sum(axis=1)
    distances = np.square(field.coarse).sum(axis=1)[:, None] + norms - 2 * field.coarse @ coarse.T
    near = (distances <= 2 - 2 * _PERHAPS_SAME + _ROUNDING).any(axis=0)
    ends = np.cumsum([len(other.boxes) for other in others])
    for number, own in enumerate(np.split(near, ends[:-1])):
        if own.any():
            yield number


def _shift(
    field: FieldCells, other: FieldCells, alike: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Return by how much a field is shifted against another one, pixels (x, y); None without overlap."""
    rows, columns = np.nonzero(alike >= _PERHAPS_SAME)
    if not len(rows):
        return None
    likeness = alike[rows, columns]
    shifts = _centres(field.boxes)[rows] - _centres(other.boxes)[columns]
    best = int(np.argmax(likeness))
    agree = np.hypot(*(shifts - shifts[best]).T) <= _SAME_PLACE * _sides(field.boxes)[rows]
    number = min(len(set(rows[agree])), len(set(columns[agree])))
    if number < 2 and likeness[best] < _SURELY_SAME:
        return None
    shift = np.asarray(np.average(shifts[agree], axis=0, weights=likeness[agree]), np.float32)
    return shift if _is_shared(field, other, shift) else None


def _is_shared(field: FieldCells, other: FieldCells, shift: npt.NDArray[np.float32]) -> bool:
    """Return whether two fields show the same cells in the part that they share if they are so shifted."""
    whole = shared = 0
    for one, another, step in ((field, other, -shift), (other, field, shift)):
        boxes = one.boxes + np.tile(step, 2)
        is_inside = (boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < np.array(another.size)).all(axis=1)
        whole += int(is_inside.sum())
        shared += int((is_inside & _same_places(boxes, another.boxes)).sum())
    return shared >= _LEAST_SHARED * whole


def _same_places(boxes: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    distances = np.hypot(*np.moveaxis(_centres(boxes)[:, None] - _centres(others)[None], -1, 0))
    return np.asarray((distances <= _SAME_PLACE * _sides(boxes)[:, None]).any(axis=1), bool)


def _centres(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)


def _sides(boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1), np.float32)
