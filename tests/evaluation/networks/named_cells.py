"""Cells as a reading names them, for tests of what is computed from readings."""

import numpy as np

from marrowscope.domain.cells import FLAG_UNFAMILIAR, Cells
from marrowscope.domain.taxonomy import BLAST


def cells(blasts: int, others: int, unfamiliar: int = 0) -> Cells:
    """Counted cells: blasts of probability 0.9, then lymphocytes of 0.1; the first ones unfamiliar."""
    return cells_of([0.9] * blasts + [0.1] * others, unfamiliar=unfamiliar)


def cells_of(p_blast: list[float], counted: list[bool] | None = None, unfamiliar: int = 0) -> Cells:
    """Cells of given blast probabilities, blasts from one half."""
    n, p = len(p_blast), np.array(p_blast, np.float32)
    return Cells(
        boxes=np.tile(np.array([[2, 2, 8, 8]], np.float32), (n, 1)),
        scores=np.ones(n, np.float32),
        cell_types=tuple(BLAST if value >= 0.5 else "lymphocyte" for value in p_blast),
        probability=np.maximum(p, 1 - p),
        p_blast=p,
        is_blast=p >= 0.5,
        is_counted=np.array(counted if counted is not None else [True] * n, bool),
        flags=tuple((FLAG_UNFAMILIAR,) if i < unfamiliar else () for i in range(n)),
    )
