"""Lists of rows, the newest first, page by page."""

from collections.abc import Sequence
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Row, Select, tuple_
from sqlalchemy.orm import Session

from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.exchange import Delivery
from marrowscope.service.store.tables.patients import Patient

_First = TypeVar("_First", Patient, Analysis, Delivery)
_More = TypeVarTuple("_More")


def newest_first(
    session: Session,
    query: "Select[_First, *_More]",
    table: type[_First],
    *,
    limit: int,
    cursor: str | None,
) -> "tuple[Sequence[Row[_First, *_More]], str | None]":
    """Return a page of rows, the newest first, and the cursor of the next page.

    Parameters
    ----------
    query : selects rows of `table` as its first column, in no order
    limit : how many rows a page has
    cursor : where the page before ended; one whose row was deleted leads to the first page

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    query = query.order_by(table.created_at.desc(), table.id.desc()).limit(limit + 1)
    if cursor is not None:
        (last,) = read_cursor(cursor, str)
        before = session.get(table, last)
        if before is not None:
            query = query.where(tuple_(table.created_at, table.id) < tuple_(before.created_at, before.id))
    rows = session.execute(query).all()
    return rows[:limit], write_cursor(rows[limit - 1][0].id) if len(rows) > limit else None
