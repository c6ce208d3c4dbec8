"""Cells with a reader's answers in force.

The networks' cells are never changed: `apply_answers` returns new ones, and both readings are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from marrowscope.domain.cells import (
    FLAG_ADDED,
    FLAG_BORDER,
    FLAG_DELETED,
    FLAG_REPEATED,
    FLAG_REVIEWED,
    FLAG_UNCERTAIN,
    FLAG_UNCERTAIN_BLAST,
    FLAG_UNFAMILIAR,
    Cells,
)
from marrowscope.domain.counting import counts_in_differential
from marrowscope.domain.patient import FieldReading
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy

_SETTLED = {
    FLAG_UNCERTAIN,
    FLAG_UNCERTAIN_BLAST,
    FLAG_UNFAMILIAR,
}  # doubts of the networks, removed by a reader's answer


@dataclass(frozen=True)
class Answer:
    """A reader's answer for a detected cell.

    Attributes
    ----------
    cell_type : type named by the reader, None if they named none
    is_deleted : the reader marked it as not a cell
    """

    cell_type: str | None = None
    is_deleted: bool = False

    @property
    def is_given(self) -> bool:
        """Whether there is an answer at all."""
        return self.is_deleted or self.cell_type is not None


@dataclass(frozen=True)
class AddedCell:
    """A cell that a reader drew: ``x0, y0, x1, y1`` in pixels of the image, and its type."""

    box: tuple[float, float, float, float]
    cell_type: str
    is_deleted: bool = False


def apply_answers(cells: Cells, answers: Mapping[int, Answer], *, count_border_cells: bool = False) -> Cells:
    """Return the cells with the answers in force, row for row.

    Whether a named cell counts depends on its type, and on whether the image's edge cuts it; the networks'
    doubts about it are removed. A deleted cell becomes an artefact, which does not count, and keeps its row
    so that the numbering does not change.

    Parameters
    ----------
    cells : n cells as the networks named them
    answers : row (from 0) → the reader's answer
    count_border_cells : whether cells cut by the image's edge count
    """
    given = {row: answer for row, answer in answers.items() if answer.is_given}
    if not given:
        return cells
    names, flags = list(cells.cell_types), list(cells.flags)
    probability, p_blast = cells.probability.copy(), cells.p_blast.copy()
    is_blast, is_counted = cells.is_blast.copy(), cells.is_counted.copy()
    for row, answer in given.items():
        names[row] = ARTEFACT if answer.is_deleted else answer.cell_type or names[row]
        kept = tuple(flag for flag in flags[row] if flag not in _SETTLED)
        flags[row] = (*kept, FLAG_DELETED if answer.is_deleted else FLAG_REVIEWED)
        is_blast[row] = taxonomy()[names[row]].is_blast
        is_counted[row] = counts_in_differential(
            names[row],
            at_border=FLAG_BORDER in kept,
            is_repeated=FLAG_REPEATED in kept,
            count_border_cells=count_border_cells,
        )
        probability[row], p_blast[row] = 1.0, float(is_blast[row])
    return replace(
        cells,
        cell_types=tuple(names),
        flags=tuple(flags),
        probability=probability,
        p_blast=p_blast,
        is_blast=is_blast,
        is_counted=is_counted,
    )


def added_cells(
    added: Sequence[AddedCell], field: FieldReading, *, count_border_cells: bool = False
) -> Cells:
    """Return the cells that a reader drew in a field, in order, with a score of 1."""
    if not added:
        return Cells.empty()
    boxes = np.asarray([cell.box for cell in added], np.float32)
    cut = field.is_cut(boxes)
    names = [ARTEFACT if cell.is_deleted else cell.cell_type for cell in added]
    is_blast = np.asarray([taxonomy()[name].is_blast for name in names], bool)
    is_counted = [
        counts_in_differential(name, at_border=bool(at_edge), count_border_cells=count_border_cells)
        for name, at_edge in zip(names, cut, strict=True)
    ]
    return Cells(
        boxes=boxes,
        scores=np.ones(len(added), np.float32),
        cell_types=tuple(names),
        probability=np.ones(len(added), np.float32),
        p_blast=is_blast.astype(np.float32),
        is_blast=is_blast,
        is_counted=np.asarray(is_counted, bool),
        flags=tuple(
            (FLAG_BORDER,) * bool(at_edge) + (FLAG_DELETED if cell.is_deleted else FLAG_ADDED,)
            for at_edge, cell in zip(cut, added, strict=True)
        ),
    )


def reviewed_field(
    field: FieldReading,
    answers: Mapping[int, Answer],
    added: Sequence[AddedCell] = (),
    *,
    count_border_cells: bool = False,
) -> FieldReading:
    """Return a field with a reader's answers in force; cells they drew follow the detected ones."""
    named = apply_answers(field.cells, answers, count_border_cells=count_border_cells)
    drawn = added_cells(added, field, count_border_cells=count_border_cells)
    return replace(field, cells=Cells.concatenate([named, drawn]) if added else named)
