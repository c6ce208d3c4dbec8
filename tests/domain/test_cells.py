"""Columns of cells and their row view."""

import numpy as np
import pytest

from marrowscope.domain.cells import Cells, Detections


def some_cells(n: int, cell_type: str = "lymphocyte", *, is_blast: bool = False) -> Cells:
    return Cells(
        boxes=np.tile(np.asarray([[0, 0, 10, 10]], np.float32), (n, 1)),
        scores=np.full(n, 0.9, np.float32),
        cell_types=(cell_type,) * n,
        probability=np.full(n, 0.8, np.float32),
        p_blast=np.full(n, 0.7 if is_blast else 0.1, np.float32),
        is_blast=np.full(n, is_blast),
        is_counted=np.ones(n, bool),
        flags=((),) * n,
    )


def test_joining_keeps_order_and_rows() -> None:
    joined = Cells.concatenate([some_cells(2), Cells.empty(), some_cells(1, "blast", is_blast=True)])
    assert joined.cell_types == ("lymphocyte", "lymphocyte", "blast")
    assert joined[2].is_blast
    assert [cell.cell_type for cell in joined] == list(joined.cell_types)
    assert len(Cells.concatenate([])) == 0


def test_columns_of_different_length_are_refused() -> None:
    cells = some_cells(2)
    with pytest.raises(ValueError, match=r"scores has shape \(1,\), expected \(2,\)"):
        Detections(cells.boxes, cells.scores[:1])
    with pytest.raises(ValueError, match="flags has 1 rows, expected 2"):
        Cells(**{**vars(cells), "flags": ((),)})


def test_a_row_selection_of_detections() -> None:
    found = Detections(np.arange(12, dtype=np.float32).reshape(3, 4), np.asarray([0.1, 0.5, 0.9], np.float32))
    assert found[found.scores > 0.4].scores.tolist() == pytest.approx([0.5, 0.9])
    assert len(Detections.empty()) == 0
