"""The cells of an analysis: listed in pages, found one by one."""

from typing import Any, Literal

from sqlalchemy import and_, func, select, tuple_
from sqlalchemy.orm import Session

from marrowscope.service.errors import NotFoundError
from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.store.analyses import NETWORK, Analysis, AnalysisField, Cell
from marrowscope.service.store.reviews import Reading, SecondAnswer

Order = Literal["number", "confidence"]


def page(
    session: Session,
    analysis: Analysis,
    *,
    field: str | None = None,
    cell_type: str | None = None,
    order: Order = "number",
    limit: int = 1000,
    cursor: str | None = None,
    reading: Reading | None = None,
) -> tuple[list[Cell], str | None]:
    """Return cells of an analysis and the cursor of the next page.

    Parameters
    ----------
    field : only cells of this field
    cell_type : only cells whose type in force is this
    order : by field and number, or the surest first
    reading : a second reading whose types are in force, None for the first

    Raises
    ------
    InputError
        The cursor is none of this list.
    """
    query = select(Cell).where(Cell.analysis_id == analysis.id).limit(limit + 1)
    if field is not None:
        query = query.where(Cell.field_id == field)
    if reading is not None:
        query = query.where(Cell.origin == NETWORK)
    if cell_type is not None and reading is None:
        query = query.where(Cell.type == cell_type)
    elif cell_type is not None and reading is not None:
        own = and_(SecondAnswer.cell_id == Cell.id, SecondAnswer.reading_id == reading.id)
        query = query.outerjoin(SecondAnswer, own)
        query = query.where(func.coalesce(SecondAnswer.type, Cell.model_type) == cell_type)
    by_number = order == "number"
    if by_number:
        query = query.order_by(Cell.place, Cell.number)
    else:
        query = query.order_by(Cell.probability.desc(), Cell.id.desc())
    if cursor is not None and by_number:
        query = query.where(tuple_(Cell.place, Cell.number) > _place(cursor, int, int))
    elif cursor is not None:
        query = query.where(tuple_(Cell.probability, Cell.id) < _place(cursor, float, str))
    found = list(session.scalars(query))
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    place = (last.place, last.number) if by_number else (last.probability, last.id)
    return found[:limit], write_cursor(*place)


def get(session: Session, cell_id: str) -> Cell:
    """Return a cell.

    Raises
    ------
    NotFoundError
        There is none.
    """
    cell = session.get(Cell, cell_id)
    if cell is None:
        raise NotFoundError("there is no such cell")
    return cell


def sheet_of(session: Session, analysis_id: str, field_id: str) -> str:
    """Return the digest of a field's gallery sheet.

    Raises
    ------
    NotFoundError
        The field was not read, or has no cells.
    """
    digest = session.scalar(
        select(AnalysisField.gallery).where(
            AnalysisField.analysis_id == analysis_id, AnalysisField.field_id == field_id
        )
    )
    if digest is None:
        raise NotFoundError("there is no sheet of this field's cells")
    return digest


def is_on_sheet(cell: Cell) -> bool:
    """Tell whether a cell has its square on the field's gallery sheet."""
    return cell.origin == NETWORK


def _place(cursor: str, *kinds: type) -> Any:
    return tuple_(*read_cursor(cursor, *kinds))
