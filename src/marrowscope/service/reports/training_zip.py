"""Reviewed cells as a ZIP to train a classifier on."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from marrowscope.datasets.convert import convert
from marrowscope.datasets.corrections import Annotation
from marrowscope.datasets.labelled import labelled_field
from marrowscope.errors import DatasetError
from marrowscope.exports.formats import pack
from marrowscope.service.errors import ConflictError, NotFoundError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.reviews import Answer

_SET = "marrowscope"


@dataclass(frozen=True)
class ReviewedCell:
    """A reviewed cell: its image and box, the type a person named, and µm per pixel where known."""

    image: str
    mpp: float | None
    box: tuple[float, float, float, float]
    cell_type: str


def reviewed_cells(session: Session, analysis: Analysis) -> list[ReviewedCell]:
    """Return the cells that people named in the first reading, in order, without deleted ones.

    Raises
    ------
    ConflictError
        Nobody has named a cell yet.
    """
    rows = session.execute(
        select(Field.sha256, AnalysisField.mpp, Cell, Answer.type)
        .join(Answer, and_(Answer.cell_id == Cell.id, Answer.reading_id == analysis.id))
        .join(Field, Field.id == Cell.field_id)
        .join(
            AnalysisField, and_(AnalysisField.field_id == Field.id, AnalysisField.analysis_id == analysis.id)
        )
        .where(Cell.analysis_id == analysis.id, Answer.type.is_not(None), Answer.deleted.is_(False))
        .order_by(Cell.place, Cell.number)
    )
    found = [
        ReviewedCell(sha256, mpp, cell.box, cell_type)
        for sha256, mpp, cell, cell_type in rows
        if sha256 is not None and cell_type is not None
    ]
    if not found:
        raise ConflictError("nobody has named a cell of this analysis yet: there is nothing to train on")
    return found


def write_training_zip(cells: Sequence[ReviewedCell], group: str, blobs: Blobs, path: Path) -> None:
    """Cut reviewed cells into a ZIP with a folder per type, as `train classifier --data` reads it.

    Parameters
    ----------
    cells : of one patient
    group : keeps the patient's cells together in a split; part of every file's name
    blobs : holds the images
    path : file to write

    Raises
    ------
    NotFoundError
        The images are no longer kept.
    """
    by_image: dict[tuple[str, float | None], list[Annotation]] = {}
    for cell in cells:
        by_image.setdefault((cell.image, cell.mpp), []).append((cell.cell_type, cell.box, False))
    try:
        fields = [
            labelled_field(blobs.path(image), found, f"{_SET}/{group}", _SET, mpp=mpp)
            for (image, mpp), found in by_image.items()
        ]
        with tempfile.TemporaryDirectory() as folder:
            convert(fields, "cells", Path(folder) / "cells")
            pack(Path(folder) / "cells", path)
    except DatasetError as error:
        raise NotFoundError("the images are no longer kept") from error
