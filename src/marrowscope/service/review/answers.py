"""Answering: naming and deleting cells, and drawing those that the networks missed.

An answer never overwrites what the networks said. A batch of changes is taken whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from marrowscope.codec import from_json
from marrowscope.domain.cells import FLAG_BORDER
from marrowscope.domain.patient import FieldReading
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses, count
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, LockedError, NotFoundError
from marrowscope.service.review import cells, readings
from marrowscope.service.review.cells import AnsweredCell, UnnamedCell
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.analyses import DONE, PERSON, Analysis, AnalysisField, Cell
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.reviews import FIRST, LEARNER, OPEN, Answer, CarriedCell, Reading
from marrowscope.service.trail import audit

KEEP = "\0keep"
"""As a change's type: it stays as it is. None takes a person's type back."""

Box = tuple[float, float, float, float]
_LEAST_SIDE_PX = 2.0


@dataclass(frozen=True)
class Change:
    """What a reader says of a cell now; `revision` is that of the cell they saw."""

    id: str
    revision: int
    type: str | None = KEEP
    deleted: bool | None = None


@dataclass(frozen=True)
class NewCell:
    """A cell that the networks missed; `box` in pixels of the field's image."""

    field_id: str
    box: Box
    type: str


class ChangedMeanwhileError(ConflictError):
    """Somebody else changed cells of the batch; `cells` are these as they are now."""

    def __init__(self, found: Sequence[AnsweredCell]) -> None:
        number = len(found)
        super().__init__(f"{number} of these cells have changed since; nothing was changed")
        self.cells = found


@dataclass(frozen=True)
class ChangedCells:
    """Cells as they are after a change, and the revision of their analysis."""

    cells: Sequence[AnsweredCell]
    revision: int


def change(
    session: Session, actor: Actor, analysis_id: str, changes: Sequence[Change], reading_id: str | None = None
) -> ChangedCells:
    """Apply a batch of changes, all or none of them.

    Raises
    ------
    NotFoundError
        There is no such analysis, reading, or cell of it.
    ForbiddenError
        The reading is somebody else's.
    LockedError
        The analysis is signed and this is its first reading, or the reading is finished.
    ChangedMeanwhileError
        Cells have other revisions than the reader saw.
    InputError
        A type is not in the taxonomy, or a cell is named twice.
    """
    analysis = locked_for_change(session, analysis_id)
    reading = readings.choose(session, actor, analysis, reading_id)
    _refuse_closed(actor, reading)
    _check(changes)
    ids = [wanted.id for wanted in changes]
    found = cells.chosen(session, reading, ids)
    if reading.kind == FIRST:
        refuse_replaced(session, analysis)
    _refuse_stale(found, changes)
    given = [(cell, _after(cell, wanted)) for cell, wanted in zip(found, changes, strict=True)]
    differing = [(cell, after) for cell, after in given if after != _before(cell)]
    _write(session, actor, reading, differing)
    if reading.kind == FIRST and differing:
        touch(session, analysis)
    return ChangedCells(cells.chosen(session, reading, ids), analysis.revision)


def add(
    session: Session, actor: Actor, analysis_id: str, new: NewCell, reading_id: str | None = None
) -> AnsweredCell:
    """Add a cell that the networks missed; it is numbered after those of its field.

    Raises
    ------
    NotFoundError
        There is no such analysis, or it has not read this field.
    LockedError
        The analysis is signed.
    ForbiddenError
        The reading is a blind one: it names what was found, so that readers can be compared.
    InputError
        The type is not in the taxonomy, or the box does not lie in the image.
    """
    analysis = locked_for_change(session, analysis_id)
    reading = readings.choose(session, actor, analysis, reading_id)
    if reading.kind != FIRST:
        raise ForbiddenError("a blind reading names the cells that were found; it adds none")
    _refuse_closed(actor, reading)
    refuse_replaced(session, analysis)
    _refuse_unknown(new.type)
    cell = draw_cell(session, analysis, new)
    session.add(
        Answer(reading_id=reading.id, cell_id=cell.id, type=new.type, username=actor.username, by=actor.name)
    )
    touch(session, analysis)
    after = {"type": new.type, "field": new.field_id, "box": list(new.box)}
    audit.record(session, actor, "cell.add", "cell", cell.id, patient_id=analysis.patient_id, after=after)
    return cells.chosen(session, reading, [cell.id])[0]


def draw_cell(session: Session, analysis: Analysis, new: NewCell) -> Cell:
    """Put a cell that a person drew after those of its field; it needs an answer that names it.

    Raises
    ------
    NotFoundError
        The analysis has not read this field.
    InputError
        The box does not lie in the image.
    """
    row = session.execute(
        select(AnalysisField, Field)
        .join(Field)
        .where(
            AnalysisField.analysis_id == analysis.id,
            AnalysisField.field_id == new.field_id,
            AnalysisField.status == DONE,
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError("this analysis has not read such a field")
    at, field = row
    last = session.scalar(
        select(func.max(Cell.number)).where(Cell.analysis_id == analysis.id, Cell.field_id == new.field_id)
    )
    cell = Cell(
        analysis_id=analysis.id,
        field_id=new.field_id,
        place=at.place,
        number=(last or 0) + 1,
        **dict(zip(("x0", "y0", "x1", "y1"), new.box, strict=True)),
        score=1.0,
        probability=1.0,
        p_blast=float(taxonomy()[new.type].is_blast),
        flags=_border_flags(new.box, field, at),
        origin=PERSON,
    )
    session.add(cell)
    session.flush()
    return cell


def locked_for_change(session: Session, analysis_id: str) -> Analysis:
    """Return an analysis, held until the transaction ends, so that changes follow one another.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        It is not done.
    """
    analysis = row_of(session, Analysis, analysis_id, "analysis", is_held=True)
    if analysis.status != DONE:
        raise ConflictError(f"this analysis is {analysis.status}: there is nothing to review yet")
    return analysis


def refuse_locked(analysis: Analysis) -> None:
    """Refuse to change a signed analysis.

    Raises
    ------
    LockedError
        It is signed.
    """
    if analysis.locked:
        raise LockedError("this analysis is signed; an amendment opens it again")


def touch(session: Session, analysis: Analysis) -> None:
    """Record that the count changed: a new revision, and what the worklist shows."""
    session.flush()
    renew(analysis)
    analysis.result = count.worklist_result(count.counted(session, analysis))


def renew(analysis: Analysis) -> None:
    """Record that what is to be signed changed, whether in the count or beside it: a new revision."""
    analysis.revision += 1
    analysis.changed_at = analysis.patient.changed_at = now()


def _refuse_closed(actor: Actor, reading: Reading) -> None:
    if reading.kind != FIRST and reading.username != actor.username:
        raise ForbiddenError("only its own reader changes a reading")
    if reading.status != OPEN:
        signed = "this analysis is signed; an amendment opens it again"
        raise LockedError(signed if reading.kind == FIRST else "this reading is finished")


def refuse_replaced(session: Session, analysis: Analysis) -> None:
    """Refuse to answer or sign where a newer analysis has taken the answers over, or needs none.

    One that was signed is open for the sake of its next version: there the answer counts. A newer analysis
    that is read again after failures has the answers already.

    Raises
    ------
    ConflictError
        A newer analysis of the patient is done, or was.
    """
    has_carried = exists().where(CarriedCell.analysis_id == Analysis.id)
    newer = select(Analysis.id).where(
        Analysis.patient_id == analysis.patient_id,
        Analysis.created_at > analysis.created_at,
        or_(Analysis.status == DONE, has_carried),
    )
    if not analysis.version and session.scalar(newer.limit(1)) is not None:
        raise ConflictError("a newer analysis of this patient has replaced this one; continue there")


def _check(changes: Sequence[Change]) -> None:
    if len({wanted.id for wanted in changes}) < len(changes):
        raise InputError("a cell is named twice in one batch")
    for wanted in changes:
        if wanted.type is not None and wanted.type != KEEP:
            _refuse_unknown(wanted.type)


def _refuse_unknown(cell_type: str) -> None:
    if cell_type not in taxonomy():
        raise InputError("there is no such cell type; see the taxonomy")


def _refuse_stale(found: Sequence[AnsweredCell], changes: Sequence[Change]) -> None:
    stale = [cell for cell, wanted in zip(found, changes, strict=True) if cell.revision != wanted.revision]
    if stale:
        raise ChangedMeanwhileError(stale)


def _before(cell: AnsweredCell) -> dict[str, Any]:
    return {"type": cell.reviewed_type, "deleted": cell.deleted}


def _after(cell: AnsweredCell, wanted: Change) -> dict[str, Any]:
    after = _before(cell)
    if wanted.type != KEEP:
        after["type"] = wanted.type
    if wanted.deleted is not None:
        after["deleted"] = wanted.deleted
    if after["type"] is None and cell.cell.origin == PERSON:
        raise InputError("a cell that a person drew needs a type; delete it instead")
    return after


def _write(
    session: Session, actor: Actor, reading: Reading, given: Sequence[tuple[AnsweredCell, dict[str, Any]]]
) -> None:
    """Write answers that differ from the stored ones."""
    ids = [cell.cell.id for cell, _ in given]
    query = select(Answer).where(Answer.reading_id == reading.id, Answer.cell_id.in_(ids))
    known = {answer.cell_id: answer for answer in session.scalars(query)}
    for cell, after in given:
        answer = known.get(cell.cell.id)
        if answer is None:
            answer = Answer(reading_id=reading.id, cell_id=cell.cell.id, revision=0)
            session.add(answer)
        answer.type, answer.deleted = after["type"], after["deleted"]
        answer.username, answer.by, answer.at = actor.username, actor.name, now()
        answer.carried_from = None
        answer.revision += 1
        _record(session, actor, reading, cell.cell, before=_before(cell), after=after)
    session.flush()


def _record(
    session: Session,
    actor: Actor,
    reading: Reading,
    cell: Cell | UnnamedCell,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """Record a change of an answer; entries of an open second reading are hidden from others.

    What a learner says is no part of the case, nor of its history.
    """
    if reading.kind == LEARNER:
        return
    if reading.kind == FIRST:
        action, kind, subject = "cell.review", "cell", cell.id
    else:
        action, kind, subject = "reading.answer", "reading", reading.id
        before, after = {"cell": cell.id, **before}, {"cell": cell.id, **after}
    patient = analyses.get(session, reading.analysis_id).patient_id
    audit.record(session, actor, action, kind, subject, patient_id=patient, before=before, after=after)


def _border_flags(box: Box, field: Field, at: AnalysisField) -> list[str]:
    """Return the flag of a cell drawn over the edge of the field's picture, as of one that is found."""
    x0, y0, x1, y1 = box
    inside = x0 >= 0 and y0 >= 0 and x1 <= field.width and y1 <= field.height
    if not inside or x1 - x0 < _LEAST_SIDE_PX or y1 - y0 < _LEAST_SIDE_PX:
        raise InputError("the box must lie inside the image and span at least two pixels each way")
    is_cut = from_json(at.reading, FieldReading).is_cut(np.asarray([box], np.float32))
    return [FLAG_BORDER] if is_cut.any() else []
