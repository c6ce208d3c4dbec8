"""Carrying readers' answers, comments and requests over to a new analysis of the same patient.

A new analysis finds the cells again. Cells on an image with the same digest whose boxes overlap are the same
cell, and the answer of the earlier analysis' first reading holds for the new one. Answers and comments are
copied; a request to a colleague moves, because it is one thing to do. Carrying is part of the
transaction that ends the new analysis, so that it is never seen half done. When an analysis ends again after
failed fields were retried, what was left behind is tried again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from marrowscope.domain.taxonomy import ARTEFACT
from marrowscope.service.actors import SYSTEM
from marrowscope.service.analyses import count
from marrowscope.service.review.answers import NewCell, draw_cell
from marrowscope.service.review.notes import requests
from marrowscope.service.review.same_cells import same_cells
from marrowscope.service.store.tables.analyses import DONE, NETWORK, PERSON, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import Answer, CarriedCell, Comment, Request
from marrowscope.service.trail import audit

NOT_READ, NOT_FOUND, NOT_NEEDED = "not read", "not found", "not needed"
"""Why nothing was carried over: the image was not read this time, the networks found no cell there, or they
found none where a reader had said that there is none."""


@dataclass(frozen=True)
class LostAnswer:
    """An answer, comments or requests that found no cell in the new analysis.

    Attributes
    ----------
    field, number : the cell in the earlier analysis
    type, deleted : what was said of it
    comments, requests : how many there were
    by : who said so, None where nobody named the cell
    why : `NOT_READ` or `NOT_FOUND`
    """

    field: str
    number: int
    type: str | None
    deleted: bool
    comments: int
    requests: int
    by: str | None
    why: str


@dataclass(frozen=True)
class CarriedOver:
    """What an analysis took over from earlier ones.

    Attributes
    ----------
    carried : cells that took over an answer, comments or requests
    lost : what found no cell
    fields_taken, fields_read : fields whose reading was taken over, and those that were read
    """

    carried: int
    lost: Sequence[LostAnswer]
    fields_taken: int
    fields_read: int


@dataclass(frozen=True)
class ToCarry:
    """What a new analysis of a patient would carry over: numbers of answers, comments, requests on cells."""

    answers: int
    comments: int
    requests: int


@dataclass(frozen=True)
class _EarlierCell:
    """A cell of an earlier analysis with what was said of it; `digest` of its image, number of `requests`."""

    cell: Cell
    answer: Answer | None
    digest: str
    requests: int


def carry_over(session: Session, analysis: Analysis) -> None:
    """Carry the answers and comments of the patient's earlier analysis over to one that is done."""
    previous = _previous(session, analysis)
    if analysis.status != DONE or previous is None:
        return
    known = _known(session, analysis)
    sources = [s for s in _sources(session, previous) if s.cell.id not in known]
    if not sources:
        return
    _carry(session, analysis, previous, sources)
    analysis.result = count.worklist_result(count.counted(session, analysis))
    found = carried_over(session, analysis)
    audit.record(
        session, SYSTEM, "analysis.carry", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"analysis": previous.id}, after={"carried": found.carried, "lost": len(found.lost)},
    )  # fmt: skip


def carried_over(session: Session, analysis: Analysis) -> CarriedOver:
    """Return what became of earlier answers when an analysis was done."""
    carried = session.scalar(
        select(func.count())
        .select_from(CarriedCell)
        .where(CarriedCell.analysis_id == analysis.id, CarriedCell.cell_id.is_not(None))
    )
    rows = session.execute(
        select(Field.name, Cell, Answer, _requests(), CarriedCell.why)
        .join(Cell, Cell.id == CarriedCell.source_id)
        .join(Field, Field.id == Cell.field_id)
        .outerjoin(Answer, _first_answer())
        .where(CarriedCell.analysis_id == analysis.id, CarriedCell.why.in_((NOT_READ, NOT_FOUND)))
        .order_by(Cell.place, Cell.number)
    )
    lost = [_lost(name, cell, answer, asked, why or NOT_FOUND) for name, cell, answer, asked, why in rows]
    read = session.execute(
        select(AnalysisField.taken_from.is_not(None), func.count())
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
        .group_by(AnalysisField.taken_from.is_not(None))
    )
    fields = {bool(is_taken): number for is_taken, number in read}
    return CarriedOver(carried or 0, lost, fields.get(True, 0), fields.get(False, 0))


def to_carry(session: Session, patient: Patient) -> ToCarry:
    """Return what a new analysis of a patient would carry over."""
    previous = _latest_reviewed(session, patient.id)
    sources = [] if previous is None else _sources(session, previous)
    return ToCarry(
        answers=sum(source.answer is not None and source.answer.is_given for source in sources),
        comments=sum(source.cell.comments for source in sources),
        requests=sum(source.requests for source in sources),
    )


def _carry(session: Session, analysis: Analysis, previous: Analysis, sources: Sequence[_EarlierCell]) -> None:
    fields = _fields_by_digest(session, analysis)
    same = _same_cells(session, analysis, previous, sources, fields)
    answered = set(session.scalars(select(Answer.cell_id).where(Answer.reading_id == analysis.id)))
    for source in sources:
        target = same.get(source.cell.id)
        if target is None:
            target = _drawn_again(session, analysis, source, fields)
        elif target.id in answered:  # by a later answer, which stays
            target = None
        if target is not None:
            _give(session, analysis, source, target)
        why = None if target is not None else _why(source, fields)
        row = CarriedCell(analysis_id=analysis.id, source_id=source.cell.id, why=why)
        row.cell_id = None if target is None else target.id
        session.merge(row)
    session.flush()


def _previous(session: Session, analysis: Analysis) -> Analysis | None:
    """Return the latest earlier analysis of the patient that has answers or comments."""
    return _latest_reviewed(session, analysis.patient_id, before=analysis)


def _latest_reviewed(session: Session, patient_id: str, before: Analysis | None = None) -> Analysis | None:
    is_reviewed = or_(
        exists().where(Answer.reading_id == Analysis.id),
        exists().where(CarriedCell.analysis_id == Analysis.id),
        exists().where(Cell.analysis_id == Analysis.id, Cell.comments > 0),
        exists().where(Cell.analysis_id == Analysis.id, Request.cell_id == Cell.id),
    )
    is_earlier = true() if before is None else Analysis.created_at < before.created_at
    query = select(Analysis).where(Analysis.patient_id == patient_id, is_reviewed, is_earlier)
    return session.scalars(query.order_by(Analysis.created_at.desc()).limit(1)).first()


def _sources(session: Session, previous: Analysis) -> list[_EarlierCell]:
    """Return the cells of an analysis with answers or comments, and those it could not take over itself."""
    left = select(CarriedCell.source_id).where(
        CarriedCell.analysis_id == previous.id, CarriedCell.cell_id.is_(None)
    )
    is_asked = exists().where(Request.cell_id == Cell.id)
    is_given = or_(Answer.type.is_not(None), Answer.deleted.is_(True), Cell.comments > 0, is_asked)
    own = and_(Cell.analysis_id == previous.id, is_given)
    rows = session.execute(
        select(Cell, Answer, Field.sha256, _requests())
        .join(Field, Field.id == Cell.field_id)
        .outerjoin(Answer, _first_answer())
        .where(or_(own, Cell.id.in_(left)), ~_is_withdrawn())
        .order_by(Cell.analysis_id != previous.id, Cell.place, Cell.number)
    )
    return [_EarlierCell(cell, answer, digest or "", number) for cell, answer, digest, number in rows]


def _requests() -> ScalarSelect[int]:
    """Select the number of requests about a cell."""
    return select(func.count()).select_from(Request).where(Request.cell_id == Cell.id).scalar_subquery()


def _first_answer() -> ColumnElement[bool]:
    """Return the condition that an answer is that of a cell's first reading."""
    return and_(Answer.cell_id == Cell.id, Answer.reading_id == Cell.analysis_id)


def _is_withdrawn() -> ColumnElement[bool]:
    """Return the condition that a person drew a cell and deleted it again: nothing of it is carried over."""
    return and_(Cell.origin == PERSON, func.coalesce(Answer.deleted, False).is_(True))


def _known(session: Session, analysis: Analysis) -> set[str]:
    """Return the cells whose answers this analysis has taken over already."""
    query = select(CarriedCell.source_id).where(
        CarriedCell.analysis_id == analysis.id, CarriedCell.cell_id.is_not(None)
    )
    return set(session.scalars(query))


def _fields_by_digest(session: Session, analysis: Analysis) -> dict[str, str]:
    """Return the field of every image that this analysis has read."""
    rows = session.execute(
        select(Field.sha256, Field.id)
        .join(AnalysisField, AnalysisField.field_id == Field.id)
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status == DONE)
    )
    return {digest: field_id for digest, field_id in rows if digest is not None}


def _same_cells(
    session: Session,
    analysis: Analysis,
    previous: Analysis,
    sources: Sequence[_EarlierCell],
    fields: Mapping[str, str],
) -> dict[str, Cell]:
    """Return, by cell of an earlier analysis, the same cell as the networks found it now.

    All cells of the previous analysis are paired, those of which nobody said anything, too: an answer must
    not fall to the cell beside its own. What was left behind earlier chooses among the rest.
    """
    query = select(Cell).where(Cell.analysis_id == analysis.id, Cell.origin == NETWORK)
    now: dict[str, list[Cell]] = {}
    for cell in session.scalars(query.order_by(Cell.place, Cell.number)):
        now.setdefault(cell.field_id, []).append(cell)
    rows = session.execute(
        select(Cell, Field.sha256)
        .join(Field, Field.id == Cell.field_id)
        .outerjoin(Answer, _first_answer())
        .where(Cell.analysis_id == previous.id, ~_is_withdrawn())
        .order_by(Cell.place, Cell.number)
    )
    own = [(cell, digest or "") for cell, digest in rows]
    left = [(each.cell, each.digest) for each in sources if each.cell.analysis_id != previous.id]
    found: dict[str, Cell] = {}
    for earlier in (own, left):
        taken = {cell.id for cell in found.values()}
        free = {field: [cell for cell in cells if cell.id not in taken] for field, cells in now.items()}
        found |= {one.id: other for one, other in same_cells(_by_field(earlier, fields), free)}
    return found


def _by_field(earlier: Iterable[tuple[Cell, str]], fields: Mapping[str, str]) -> dict[str, list[Cell]]:
    """Group cells of earlier analyses by the field that shows their image now."""
    found: dict[str, list[Cell]] = {}
    for cell, digest in earlier:
        if digest in fields:
            found.setdefault(fields[digest], []).append(cell)
    return found


def _drawn_again(
    session: Session, analysis: Analysis, source: _EarlierCell, fields: Mapping[str, str]
) -> Cell | None:
    """Draw a cell again that a person drew and the networks still do not find."""
    if source.cell.origin != PERSON or source.digest not in fields:
        return None
    named = ARTEFACT if source.answer is None else source.answer.type or ARTEFACT
    return draw_cell(session, analysis, NewCell(fields[source.digest], source.cell.box, named))


def _give(session: Session, analysis: Analysis, source: _EarlierCell, target: Cell) -> None:
    """Copy answer and comments, with their author and time; requests move."""
    after: dict[str, object] = {}
    answer = source.answer
    if answer is not None and answer.is_given:
        session.add(
            Answer(
                reading_id=analysis.id,
                cell_id=target.id,
                type=answer.type,
                deleted=answer.deleted,
                username=answer.username,
                by=answer.by,
                at=answer.at,
                carried_from=answer.carried_from or source.cell.analysis_id,
            )
        )
        after = {"type": answer.type, "deleted": answer.deleted, "by": answer.username}
    if source.cell.comments:
        after["comments"] = _copy_comments(session, source.cell, target)
    if moved := requests.move(session, source.cell, target):
        after["requests"] = moved
    audit.record(
        session, SYSTEM, "cell.carry", "cell", target.id, patient_id=analysis.patient_id,
        before={"analysis": source.cell.analysis_id, "cell": source.cell.id}, after=after,
    )  # fmt: skip


def _copy_comments(session: Session, source: Cell, target: Cell) -> int:
    found = session.scalars(select(Comment).where(Comment.cell_id == source.id)).all()
    for comment in found:
        session.add(
            Comment(
                cell_id=target.id,
                username=comment.username,
                author=comment.author,
                text=comment.text,
                at=comment.at,
            )
        )
    target.comments += len(found)
    return len(found)


def _why(source: _EarlierCell, fields: Mapping[str, str]) -> str:
    if source.digest not in fields:
        return NOT_READ
    is_said = source.cell.comments or source.requests
    is_agreed = source.answer is not None and source.answer.deleted and not is_said
    return NOT_NEEDED if is_agreed else NOT_FOUND


def _lost(field: str, cell: Cell, answer: Answer | None, asked: int, why: str) -> LostAnswer:
    given = answer if answer is not None and answer.is_given else None
    return LostAnswer(
        field=field,
        number=cell.number,
        type=None if given is None else given.type,
        deleted=given is not None and given.deleted,
        comments=cell.comments,
        requests=asked,
        by=None if given is None else given.by,
        why=why,
    )
