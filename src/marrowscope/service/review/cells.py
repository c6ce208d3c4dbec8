"""The cells of an analysis as a reading has them: listed in pages, found one by one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import FLAG_BORDER, FLAG_REPEATED
from marrowscope.domain.counting import belongs_to, counts_in_differential
from marrowscope.domain.taxonomy import ARTEFACT, UNCLASSIFIED
from marrowscope.service.analyses import analyses, count
from marrowscope.service.errors import NotFoundError
from marrowscope.service.images import patients
from marrowscope.service.paging import read_cursor, write_cursor
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.analyses import NETWORK, AnalysisField, Cell
from marrowscope.service.store.tables.reviews import FIRST, LEARNER, OPEN, SECOND, Answer, Comment, Reading

Order = Literal["number", "confidence"]
_FEW = 200


class GivenAnswer(NamedTuple):
    """The visible columns of an `Answer`, cheaper to load in thousands than database objects."""

    type: str | None
    deleted: bool
    by: str
    at: datetime
    revision: int

    @property
    def is_given(self) -> bool:
        """Whether a person named a type or deleted the cell."""
        return self.type is not None or self.deleted


class UnnamedCell(NamedTuple):
    """A cell as a learner sees it: where it is, without anything that tells what it was named."""

    id: str
    analysis_id: str
    field_id: str
    number: int
    box: tuple[float, float, float, float]
    flags: list[str]
    origin: str
    score: float = 1.0
    probability: float = 0.0
    p_blast: float = 0.0
    model_type: str | None = None
    model_counted: bool = False
    second_type: str | None = None
    second_probability: float | None = None


class AnsweredCell(NamedTuple):
    """A cell as one reading has it.

    Attributes
    ----------
    cell : as the networks found it or a person drew it; unnamed for a learner
    answer : what the reading says of it, None where it says nothing yet
    comments : how many its reader may see
    count_border_cells : whether cells cut by the image's edge count in this analysis
    specimen : stated for the patient; it says which types count
    """

    cell: Cell | UnnamedCell
    answer: GivenAnswer | None
    comments: int
    count_border_cells: bool
    specimen: Specimen

    @property
    def reviewed_type(self) -> str | None:
        """The type a person named, if any."""
        return None if self.answer is None else self.answer.type

    @property
    def type(self) -> str:
        """The type in force: the person's, else the networks'."""
        unnamed = UNCLASSIFIED if isinstance(self.cell, UnnamedCell) else ARTEFACT
        return self.reviewed_type or self.cell.model_type or unnamed

    @property
    def deleted(self) -> bool:
        """Whether a person says that there is no cell."""
        return self.answer is not None and self.answer.deleted

    @property
    def name(self) -> str:
        """What readers are compared by: the type in force, or artefact where a person deleted the cell."""
        return ARTEFACT if self.deleted else self.type

    @property
    def counted(self) -> bool:
        """Whether the cell is in the differential of this reading."""
        if self.deleted or not belongs_to(self.type, self.specimen):
            return False
        if self.reviewed_type is None:
            return self.cell.model_counted
        return counts_in_differential(
            self.reviewed_type,
            at_border=FLAG_BORDER in self.cell.flags,
            is_repeated=FLAG_REPEATED in self.cell.flags,
            count_border_cells=self.count_border_cells,
        )

    @property
    def reviewed_by(self) -> str | None:
        """The name of the person who answered, None once the answer is taken back."""
        return self.answer.by if self.answer is not None and self.answer.is_given else None

    @property
    def reviewed_at(self) -> datetime | None:
        """When they answered."""
        return self.answer.at if self.answer is not None and self.answer.is_given else None

    @property
    def revision(self) -> int:
        """How often the answer was changed."""
        return 0 if self.answer is None else self.answer.revision


def page(
    session: Session,
    reading: Reading,
    *,
    field: str | None = None,
    cell_type: str | None = None,
    order: Order = "number",
    limit: int = 1000,
    cursor: str | None = None,
) -> tuple[list[AnsweredCell], str | None]:
    """Return cells as a reading has them, and the cursor of the next page.

    Parameters
    ----------
    field : only cells of this field
    cell_type : only cells whose type in force is this
    order : by field and number, or the surest first; a learner's always by field and number

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    if reading.kind == LEARNER:
        order = "number"
    query = _cells_of(reading).limit(limit + 1)
    if field is not None:
        query = query.where(Cell.field_id == field)
    if cell_type is not None:
        query = query.where(_is_of_type(reading, cell_type))
    if order == "number":
        query = query.order_by(Cell.place, Cell.number)
        if cursor is not None:
            query = query.where(tuple_(Cell.place, Cell.number) > _place(cursor, int, int))
    else:
        query = query.order_by(Cell.probability.desc(), Cell.id.desc())
        if cursor is not None:
            query = query.where(tuple_(Cell.probability, Cell.id) < _place(cursor, float, str))
    found = session.scalars(query).all()
    answered = _answered(session, reading, found[:limit])
    if len(found) <= limit:
        return answered, None
    last = found[limit - 1]
    place = (last.place, last.number) if order == "number" else (last.probability, last.id)
    return answered, write_cursor(*place)


def chosen(session: Session, reading: Reading, ids: Sequence[str]) -> list[AnsweredCell]:
    """Return the cells with these identifiers, in their order, as they are in the database now.

    Raises
    ------
    NotFoundError
        The analysis, or this reading of it, has no such cell.
    """
    query = _cells_of(reading).where(Cell.id.in_(ids)).execution_options(populate_existing=True)
    by_id = {cell.id: cell for cell in session.scalars(query)}
    if len(by_id) < len(ids):
        raise NotFoundError("this analysis has no such cell")
    return _answered(session, reading, [by_id[each] for each in ids])


def every(session: Session, reading: Reading) -> list[AnsweredCell]:
    """Return all cells of a reading, by field and number."""
    query = _cells_of(reading).order_by(Cell.place, Cell.number)
    return _answered(session, reading, session.scalars(query).all())


def said(session: Session, reading_id: str, *, with_carried: bool = True) -> dict[str, str]:
    """Return what people said of cells in a reading: a type, or artefact where there is no cell.

    Parameters
    ----------
    with_carried : answers that were carried over from an earlier analysis, too
    """
    query = select(Answer.cell_id, Answer.type, Answer.deleted)
    query = query.where(Answer.reading_id == reading_id, Answer.given())
    if not with_carried:
        query = query.where(Answer.carried_from.is_(None))
    rows = session.execute(query)
    return {cell: ARTEFACT if deleted or name is None else name for cell, name, deleted in rows}


def get(session: Session, cell_id: str) -> Cell:
    """Return a cell.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Cell, cell_id, "cell")


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


def boxes_on_sheet(
    session: Session, analysis_id: str, field_id: str
) -> list[tuple[float, float, float, float]]:
    """Return the boxes of the cells on a field's gallery sheet, in order."""
    query = select(Cell.x0, Cell.y0, Cell.x1, Cell.y1).where(
        Cell.analysis_id == analysis_id, Cell.field_id == field_id, Cell.origin == NETWORK
    )
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in session.execute(query.order_by(Cell.number))]


def is_on_sheet(cell: Cell) -> bool:
    """Return whether a cell has its square on the field's gallery sheet."""
    return cell.origin == NETWORK


def _cells_of(reading: Reading) -> "Select[Cell]":
    """Select the cells of a reading.

    A second one has none of the cells that people drew. A learner's has those that people answered: of the
    others nobody but the networks said what they are.
    """
    query = select(Cell).where(Cell.analysis_id == reading.analysis_id)
    if reading.kind == LEARNER:
        by_people = select(Answer.cell_id).where(Answer.reading_id == reading.analysis_id, Answer.given())
        return query.where(Cell.id.in_(by_people))
    return query.where(Cell.origin == NETWORK) if reading.kind == SECOND else query


def _is_of_type(reading: Reading, cell_type: str) -> ColumnElement[bool]:
    # Not an outer join: until PostgreSQL has gathered statistics of a fresh reading it would compare every
    # cell with every answer.
    named = select(Answer.cell_id).where(Answer.reading_id == reading.id, Answer.type.is_not(None))
    in_force = literal(cell_type == UNCLASSIFIED) if reading.kind == LEARNER else Cell.model_type == cell_type
    by_network = and_(in_force, Cell.id.not_in(named))
    return or_(Cell.id.in_(named.where(Answer.type == cell_type)), by_network)


def _answered(session: Session, reading: Reading, found: Sequence[Cell]) -> list[AnsweredCell]:
    """Show cells as a reading has them.

    While a blind reading is open only its reader's own comments are counted: a comment of another reader
    would draw attention to the cell.
    """
    analysis = analyses.get(session, reading.analysis_id)
    count_border_cells = count.counts_border_cells(analysis)
    specimen = patients.details_of(analysis.patient).specimen
    answers = _answers_by_cell(session, reading, found)
    own = _own_comments(session, reading) if reading.kind != FIRST and reading.status == OPEN else None
    return [
        AnsweredCell(
            cell=_unnamed(cell) if reading.kind == LEARNER else cell,
            answer=answers.get(cell.id),
            comments=cell.comments if own is None else own.get(cell.id, 0),
            count_border_cells=count_border_cells,
            specimen=specimen,
        )
        for cell in found
    ]


def _unnamed(cell: Cell) -> UnnamedCell:
    at_border = [flag for flag in cell.flags if flag == FLAG_BORDER]
    return UnnamedCell(
        cell.id, cell.analysis_id, cell.field_id, cell.number, cell.box, at_border, cell.origin
    )


def _answers_by_cell(session: Session, reading: Reading, found: Sequence[Cell]) -> dict[str, GivenAnswer]:
    query = select(Answer.cell_id, Answer.type, Answer.deleted, Answer.by, Answer.at, Answer.revision).where(
        Answer.reading_id == reading.id
    )
    if len(found) <= _FEW:  # for more, listing them takes longer than reading all answers
        query = query.where(Answer.cell_id.in_([cell.id for cell in found]))
    return {cell_id: GivenAnswer._make(answer) for cell_id, *answer in session.execute(query)}


def _own_comments(session: Session, reading: Reading) -> dict[str, int]:
    """Count the comments of a reading's reader by cell."""
    rows = session.execute(
        select(Comment.cell_id, func.count())
        .join(Cell, Cell.id == Comment.cell_id)
        .where(Cell.analysis_id == reading.analysis_id, Comment.username == reading.username)
        .group_by(Comment.cell_id)
    )
    return dict(rows.all())


def _place(cursor: str, *kinds: type) -> Any:
    return tuple_(*read_cursor(cursor, *kinds))
