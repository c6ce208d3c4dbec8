"""Which cells of two analyses are the same: cells on one image whose boxes overlap."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from marrowscope.domain.geometry import OF_ONE_CELL, Boxes, pair_by_overlap
from marrowscope.service.store.tables.analyses import Cell


def same_cells(
    earlier: Mapping[str, Sequence[Cell]], now: Mapping[str, Sequence[Cell]]
) -> Iterator[tuple[Cell, Cell]]:
    """Pair cells one to one, the best overlap first.

    Parameters
    ----------
    earlier, now : cells of two analyses by image: anything that names it in both
    """
    for image, cells in earlier.items():
        others = now.get(image, ())
        for one, other in pair_by_overlap(_boxes(cells), _boxes(others), OF_ONE_CELL):
            yield cells[one], others[other]


def _boxes(cells: Iterable[Cell]) -> Boxes:
    return np.asarray([cell.box for cell in cells], np.float32).reshape(-1, 4)
