"""Reviewing cells: names, deletions, cells the networks missed, comments.

A person's answer never overwrites the networks'. A batch of changes is taken whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marrowscope.domain.cells import FLAG_BORDER
from marrowscope.domain.geometry import border_margin
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import InputError
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses, count, figures
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, LockedError, NotFoundError
from marrowscope.service.review import cells, readings
from marrowscope.service.review.readings import SeenCell
from marrowscope.service.store.analyses import DONE, PERSON, Analysis, AnalysisField, Cell
from marrowscope.service.store.patients import Field
from marrowscope.service.store.reviews import OPEN, Comment, Reading, SecondAnswer
from marrowscope.service.trail import audit

KEEP = "\0keep"
"""As a change's type: it stays as it is. None takes a person's name back."""

_LEAST_SIDE_PX = 2.0
AnyCell = Cell | SeenCell


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
    box: tuple[float, float, float, float]
    type: str


class ChangedMeanwhileError(ConflictError):
    """Somebody else changed cells of the batch; `cells` are these as they are now."""

    def __init__(self, found: Sequence[AnyCell]) -> None:
        number = len(found)
        super().__init__(f"{number} of these cells changed meanwhile; nothing was changed")
        self.cells = found


@dataclass(frozen=True)
class Outcome:
    """Cells as they are after a change, and the revision of their analysis."""

    cells: Sequence[AnyCell]
    revision: int


def change(
    session: Session, actor: Actor, analysis_id: str, changes: Sequence[Change], reading_id: str | None = None
) -> Outcome:
    """Take a batch of changes, all or none of them.

    Raises
    ------
    NotFoundError
        There is no such analysis, reading, or cell of it.
    ForbiddenError
        The reading is somebody else's.
    LockedError
        The analysis is signed, or the reading finished.
    ChangedMeanwhileError
        Cells have other revisions than the reader saw.
    InputError
        A type is not in the taxonomy, or a cell is named twice.
    """
    analysis = locked_for_change(session, analysis_id)
    reading = readings.choose(session, actor, analysis, reading_id)
    _check(changes)
    found = _cells_of(session, analysis, changes)
    hand = _Hand(session, actor, analysis)
    if reading is not None:
        return Outcome(hand.answer_all(reading, found, changes), analysis.revision)
    refuse_locked(analysis)
    _refuse_stale(found, changes)
    changed = [hand.change(cell, wanted) for cell, wanted in zip(found, changes, strict=True)]
    if any(changed):
        touch(session, analysis)
    return Outcome(found, analysis.revision)


def add(
    session: Session, actor: Actor, analysis_id: str, new: NewCell, reading_id: str | None = None
) -> Cell:
    """Add a cell that the networks missed; it is numbered after those of its field.

    Raises
    ------
    NotFoundError
        There is no such analysis, or it has not read this field.
    LockedError
        The analysis is signed.
    ForbiddenError
        The actor's own second reading is open: it names what the networks found, so that readers can be
        compared.
    InputError
        The type is not in the taxonomy, or the box does not lie in the image.
    """
    analysis = locked_for_change(session, analysis_id)
    if readings.choose(session, actor, analysis, reading_id) is not None:
        raise ForbiddenError("a second reading names the cells that were found; it adds none")
    refuse_locked(analysis)
    _known(new.type)
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
    flags = _border_flags(new.box, field, at.mpp)
    last = session.scalar(
        select(func.max(Cell.number)).where(Cell.analysis_id == analysis.id, Cell.field_id == new.field_id)
    )
    counted = taxonomy()[new.type].is_counted and (not flags or count.counts_border_cells(analysis))
    cell = Cell(
        analysis_id=analysis.id,
        field_id=new.field_id,
        place=at.place,
        number=(last or 0) + 1,
        **dict(zip(("x0", "y0", "x1", "y1"), new.box, strict=True)),
        score=1.0,
        probability=1.0,
        p_blast=float(taxonomy()[new.type].is_blast),
        flags=flags,
        origin=PERSON,
        type=new.type,
        counted=counted,
        reviewed_type=new.type,
        reviewed_by=actor.name,
        reviewed_at=now(),
    )
    session.add(cell)
    session.flush()
    touch(session, analysis)
    after = {"type": new.type, "field": new.field_id, "box": list(new.box)}
    audit.record(session, actor, "cell.add", "cell", cell.id, patient_id=analysis.patient_id, after=after)
    return cell


def comments(session: Session, actor: Actor, cell_id: str) -> list[Comment]:
    """Return the remarks on a cell, the oldest first; a blind reader sees their own alone.

    Raises
    ------
    NotFoundError
        There is no such cell.
    """
    cell = cells.get(session, cell_id)
    query = select(Comment).where(Comment.cell_id == cell.id).order_by(Comment.at, Comment.id)
    if readings.open_reading(session, actor, analyses.get(session, cell.analysis_id)) is not None:
        query = query.where(Comment.username == actor.username)
    return list(session.scalars(query))


def comment(session: Session, actor: Actor, cell_id: str, text: str) -> Comment:
    """Remark on a cell; remarks may follow a signature, as they change no figure.

    Raises
    ------
    NotFoundError
        There is no such cell.
    """
    cell = cells.get(session, cell_id)
    analysis = analyses.get(session, cell.analysis_id)
    remark = Comment(cell_id=cell.id, username=actor.username, author=actor.name, text=text)
    session.add(remark)
    session.execute(update(Cell).where(Cell.id == cell.id).values(comments=Cell.comments + 1))
    session.flush()
    # The text itself may name a person; it goes with the patient, the trail stays.
    after = {"comment": remark.id, "characters": len(text)}
    audit.record(session, actor, "cell.comment", "cell", cell.id, patient_id=analysis.patient_id, after=after)
    return remark


def locked_for_change(session: Session, analysis_id: str) -> Analysis:
    """Return an analysis, held until the transaction ends, so that changes follow one another.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        It is not done.
    """
    analysis = session.get(Analysis, analysis_id, with_for_update=True)
    if analysis is None:
        raise NotFoundError("there is no such analysis")
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
    """Note that the count changed: a new revision, and what the worklist shows."""
    session.flush()
    analysis.revision += 1
    analysis.changed_at = analysis.patient.changed_at = now()
    analysis.result = figures.worklist_result(count.counted(session, analysis))


def _check(changes: Sequence[Change]) -> None:
    if len({wanted.id for wanted in changes}) < len(changes):
        raise InputError("a cell is named twice in one batch")
    for wanted in changes:
        if wanted.type is not None and wanted.type != KEEP:
            _known(wanted.type)


def _known(cell_type: str) -> None:
    if cell_type not in taxonomy():
        raise InputError("there is no such cell type; see the taxonomy")


def _cells_of(session: Session, analysis: Analysis, changes: Sequence[Change]) -> list[Cell]:
    rows = session.scalars(
        select(Cell)
        .where(Cell.analysis_id == analysis.id, Cell.id.in_([wanted.id for wanted in changes]))
        .execution_options(populate_existing=True)
    )
    by_id = {cell.id: cell for cell in rows}
    if len(by_id) < len(changes):
        raise NotFoundError("this analysis has no such cell")
    return [by_id[wanted.id] for wanted in changes]


def _refuse_stale(found: Sequence[AnyCell], changes: Sequence[Change]) -> None:
    stale = [cell for cell, wanted in zip(found, changes, strict=True) if cell.revision != wanted.revision]
    if stale:
        raise ChangedMeanwhileError(stale)


@dataclass(frozen=True)
class _Hand:
    """Who changes what, within one transaction."""

    session: Session
    actor: Actor
    analysis: Analysis

    def change(self, cell: Cell, wanted: Change) -> bool:
        """Change a cell of the first reading and tell whether anything is different now."""
        before, after = _before_and_after(cell, wanted)
        if before == after:
            return False
        if after.type is None and cell.model_type is None:
            raise InputError("a cell that a person drew needs a name; delete it instead")
        cell.reviewed_type, cell.deleted = after.type, after.deleted
        cell.type = after.type or cell.model_type or cell.type
        cell.counted = self._counts(cell)
        silent = after == _Words(None, deleted=False)
        cell.reviewed_by, cell.reviewed_at = (None, None) if silent else (self.actor.name, now())
        cell.revision += 1
        audit.record(
            self.session, self.actor, "cell.review", "cell", cell.id, patient_id=self.analysis.patient_id,
            before=asdict(before), after=asdict(after),
        )  # fmt: skip
        return True

    def answer_all(
        self, reading: Reading, found: Sequence[Cell], changes: Sequence[Change]
    ) -> Sequence[SeenCell]:
        """Change answers of a second reading; the first reading and the count stay as they are."""
        if reading.username != self.actor.username:
            raise ForbiddenError("only its own reader changes a reading")
        if reading.status != OPEN:
            raise LockedError("this reading is finished")
        if any(cell.origin == PERSON for cell in found):
            raise NotFoundError("this analysis has no such cell")
        seen = readings.seen_by(self.session, reading, found)
        _refuse_stale(seen, changes)
        for cell, wanted in zip(seen, changes, strict=True):
            self._answer(reading, cell, wanted)
        self.session.flush()
        return readings.seen_by(self.session, reading, found)

    def _answer(self, reading: Reading, cell: SeenCell, wanted: Change) -> None:
        before, after = _before_and_after(cell, wanted)
        if before == after:
            return
        answer = cell.answer
        if answer is None:
            answer = SecondAnswer(reading_id=reading.id, cell_id=cell.cell.id, revision=0)
            self.session.add(answer)
        answer.type, answer.deleted, answer.at = after.type, after.deleted, now()
        answer.revision += 1
        named = {"cell": cell.cell.id}
        audit.record(
            self.session, self.actor, "reading.answer", "reading", reading.id,
            patient_id=self.analysis.patient_id,
            before={**named, **asdict(before)}, after={**named, **asdict(after)},
        )  # fmt: skip

    def _counts(self, cell: Cell) -> bool:
        if cell.origin == PERSON:
            inside = FLAG_BORDER not in cell.flags or count.counts_border_cells(self.analysis)
            return not cell.deleted and taxonomy()[cell.type].is_counted and inside
        return readings.counts(cell, cell.reviewed_type, cell.deleted)


@dataclass(frozen=True)
class _Words:
    """What a reader says of a cell."""

    type: str | None
    deleted: bool


def _before_and_after(cell: AnyCell, wanted: Change) -> tuple[_Words, _Words]:
    before = _Words(cell.reviewed_type, cell.deleted)
    name = before.type if wanted.type == KEEP else wanted.type
    return before, _Words(name, before.deleted if wanted.deleted is None else wanted.deleted)


def _border_flags(box: tuple[float, float, float, float], field: Field, mpp: float | None) -> list[str]:
    x0, y0, x1, y1 = box
    inside = x0 >= 0 and y0 >= 0 and x1 <= field.width and y1 <= field.height
    if not inside or x1 - x0 < _LEAST_SIDE_PX or y1 - y0 < _LEAST_SIDE_PX:
        raise InputError("the box must lie inside the image and span at least two pixels each way")
    margin = border_margin(mpp)
    cut = x0 <= margin or y0 <= margin or x1 >= field.width - margin or y1 >= field.height - margin
    return [FLAG_BORDER] if cut else []
