"""Readings: the first, which all reviewers share, and blind second ones; how far two of them agree.

The first reading exists from the start and has the identifier of its analysis. While a second reading is
open its reader sees the networks' names and their own, never the first reading's; nobody else sees theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from marrowscope.analysis.kappa import Agreement, agreement
from marrowscope.domain.cells import FLAG_BORDER
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, NotFoundError
from marrowscope.service.store.analyses import DONE, NETWORK, PERSON, Analysis, Cell
from marrowscope.service.store.reviews import FINISHED, OPEN, Comment, Reading, SecondAnswer
from marrowscope.service.trail import audit

FIRST, SECOND = "first", "second"
BLIND = "finish your own reading first: until then it is blind to the others"


@dataclass(frozen=True)
class ReadingView:
    """A reading as it is listed; `cells` are those its reader has answered."""

    id: str
    analysis_id: str
    reader: str | None
    kind: str
    status: str
    cells: int


@dataclass(frozen=True)
class SeenCell:
    """A cell as a second reading has it: the networks' word, and its reader's own."""

    cell: Cell
    reader: str
    answer: SecondAnswer | None
    comments: int

    def __getattr__(self, name: str) -> object:
        """Return what does not depend on who reads."""
        return getattr(self.cell, name)

    @property
    def reviewed_type(self) -> str | None:
        """The reader's own word."""
        return None if self.answer is None else self.answer.type

    @property
    def type(self) -> str:
        """The reader's word, else the networks'."""
        return self.reviewed_type or self.cell.model_type or self.cell.type

    @property
    def deleted(self) -> bool:
        """Whether the reader says that there is no cell."""
        return self.answer is not None and self.answer.deleted

    @property
    def counted(self) -> bool:
        """Whether the cell counts by this reading."""
        return counts(self.cell, self.reviewed_type, self.deleted)

    @property
    def reviewed_by(self) -> str | None:
        """The reader, once they have said something."""
        return None if self._silent else self.reader

    @property
    def reviewed_at(self) -> datetime | None:
        """When they said it."""
        return None if self._silent or self.answer is None else self.answer.at

    @property
    def revision(self) -> int:
        """How often the reader changed their answer."""
        return 0 if self.answer is None else self.answer.revision

    @property
    def _silent(self) -> bool:
        return self.answer is None or (self.answer.type is None and not self.answer.deleted)


def counts(cell: Cell, reviewed_type: str | None, deleted: bool) -> bool:
    """Tell whether a cell counts, given what a person says of it; as `analysis.reviewed` counts it."""
    if deleted:
        return False
    if reviewed_type is None:
        return cell.model_counted
    inside = cell.model_counted or FLAG_BORDER not in cell.flags
    return taxonomy()[reviewed_type].is_counted and inside


def choose(session: Session, actor: Actor, analysis: Analysis, reading_id: str | None) -> Reading | None:
    """Return the reading an actor asks for, None for the first; nobody sees what they must not.

    Parameters
    ----------
    reading_id : None is the actor's own open reading where there is one, else the first

    Raises
    ------
    NotFoundError
        The analysis has no such reading.
    ForbiddenError
        The reading is somebody else's and open, or the actor's own is open and this is another.
    """
    own = open_reading(session, actor, analysis)
    if reading_id is None or (own is not None and reading_id == own.id):
        return own
    asked = None if reading_id == analysis.id else session.get(Reading, reading_id)
    if reading_id != analysis.id and (asked is None or asked.analysis_id != analysis.id):
        raise NotFoundError("this analysis has no such reading")
    if own is not None:
        raise ForbiddenError(BLIND)
    if asked is not None and asked.status == OPEN:
        raise ForbiddenError("this reading is not finished; until then only its reader sees it")
    return asked


def open_reading(session: Session, actor: Actor, analysis: Analysis) -> Reading | None:
    """Return the actor's own open second reading, None where there is none."""
    return session.scalar(
        select(Reading).where(
            Reading.analysis_id == analysis.id, Reading.username == actor.username, Reading.status == OPEN
        )
    )


def blind_to(session: Session, actor: Actor) -> frozenset[str]:
    """Return the analyses whose first reading an actor must not see: those of their own open readings."""
    own = select(Reading.analysis_id).where(Reading.username == actor.username, Reading.status == OPEN)
    return frozenset(session.scalars(own))


def refuse_blind(session: Session, actor: Actor, analysis: Analysis) -> None:
    """Refuse an actor whose own reading is open, where the first reading would be seen or changed.

    Raises
    ------
    ForbiddenError
        It is open.
    """
    if open_reading(session, actor, analysis) is not None:
        raise ForbiddenError(BLIND)


def hidden_from(session: Session, actor: Actor, patient_id: str) -> list[str]:
    """Return the open readings of a patient whose answers an actor must not see: all but their own.

    Raises
    ------
    ForbiddenError
        The actor's own is open: what others did about the patient would show what they said.
    """
    found = session.scalars(
        select(Reading)
        .join(Analysis, Analysis.id == Reading.analysis_id)
        .where(Analysis.patient_id == patient_id, Reading.status == OPEN)
    ).all()
    if any(reading.username == actor.username for reading in found):
        raise ForbiddenError(BLIND)
    return [reading.id for reading in found]


def listed(session: Session, analysis: Analysis) -> list[ReadingView]:
    """Return all readings of an analysis, the first one first."""
    said_something = or_(Cell.reviewed_type.is_not(None), Cell.deleted.is_(True), Cell.origin == PERSON)
    first = session.scalar(
        select(func.count()).select_from(Cell).where(Cell.analysis_id == analysis.id, said_something)
    )
    seconds = session.scalars(
        select(Reading).where(Reading.analysis_id == analysis.id).order_by(Reading.opened_at, Reading.id)
    )
    status = FINISHED if analysis.locked else OPEN
    return [
        ReadingView(analysis.id, analysis.id, None, FIRST, status, first or 0),
        *(view(session, reading) for reading in seconds),
    ]


def view(session: Session, reading: Reading) -> ReadingView:
    """Show a second reading."""
    cells = session.scalar(
        select(func.count())
        .select_from(SecondAnswer)
        .where(
            SecondAnswer.reading_id == reading.id,
            or_(SecondAnswer.type.is_not(None), SecondAnswer.deleted.is_(True)),
        )
    )
    return ReadingView(reading.id, reading.analysis_id, reading.reader, SECOND, reading.status, cells or 0)


def begin(session: Session, actor: Actor, analysis_id: str) -> Reading:
    """Open a second, blind reading of one's own.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ConflictError
        It is not done, the actor took part in the first reading, or has read it already.
    """
    analysis = analyses.get(session, analysis_id)
    if analysis.status != DONE:
        raise ConflictError(f"this analysis is {analysis.status}: there is nothing to read yet")
    before = session.scalar(
        select(Reading.id).where(Reading.analysis_id == analysis.id, Reading.username == actor.username)
    )
    if before is not None:
        raise ConflictError("you have read this analysis a second time already")
    took_part = session.scalar(
        select(Cell.id).where(Cell.analysis_id == analysis.id, Cell.reviewed_by == actor.name).limit(1)
    )
    if took_part is not None:
        raise ConflictError("you took part in the first reading; a second one needs other eyes")
    reading = Reading(analysis_id=analysis.id, username=actor.username, reader=actor.name)
    session.add(reading)
    session.flush()
    audit.record(
        session, actor, "reading.open", "reading", reading.id, patient_id=analysis.patient_id,
        after={"status": OPEN},
    )  # fmt: skip
    return reading


def finish(session: Session, actor: Actor, reading_id: str) -> Reading:
    """Close one's own second reading; it cannot be opened again.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        It is somebody else's.
    ConflictError
        It is finished.
    """
    reading = session.get(Reading, reading_id)
    if reading is None:
        raise NotFoundError("there is no such reading")
    if reading.username != actor.username:
        raise ForbiddenError("only its own reader finishes a reading")
    if reading.status != OPEN:
        raise ConflictError("this reading is finished already")
    reading.status, reading.finished_at = FINISHED, now()
    analysis = analyses.get(session, reading.analysis_id)
    audit.record(
        session, actor, "reading.finish", "reading", reading.id, patient_id=analysis.patient_id,
        before={"status": OPEN}, after={"status": FINISHED, "cells": view(session, reading).cells},
    )  # fmt: skip
    return reading


def seen_by(session: Session, reading: Reading, cells: Sequence[Cell]) -> list[SeenCell]:
    """Show cells as a second reading has them; what other people drew is not among them.

    While it is open its reader's own remarks alone are counted: that somebody stopped at a cell tells, too.
    """
    answers = session.scalars(select(SecondAnswer).where(SecondAnswer.reading_id == reading.id))
    by_cell = {answer.cell_id: answer for answer in answers}
    own = _remarks(session, reading) if reading.status == OPEN else None
    return [
        SeenCell(c, reading.reader, by_cell.get(c.id), c.comments if own is None else own.get(c.id, 0))
        for c in cells
        if c.origin == NETWORK
    ]


def _remarks(session: Session, reading: Reading) -> dict[str, int]:
    """Count the remarks of a reading's reader by cell."""
    rows = session.execute(
        select(Comment.cell_id, func.count())
        .join(Cell, Cell.id == Comment.cell_id)
        .where(Cell.analysis_id == reading.analysis_id, Comment.username == reading.username)
        .group_by(Comment.cell_id)
    )
    return dict(rows.all())


@dataclass(frozen=True)
class Comparison:
    """The first reading against a second one.

    Attributes
    ----------
    readers : both, in this order
    all_cells : on every cell of the networks, by the name in force in each reading
    answered : on those cells alone that both readers have answered themselves
    """

    readers: tuple[str, str]
    all_cells: Agreement
    answered: Agreement


def compare(session: Session, actor: Actor, analysis_id: str, reading_id: str | None = None) -> Comparison:
    """Compare the first reading with a finished second one, the latest for None.

    Raises
    ------
    NotFoundError
        There is no such analysis or finished reading.
    ForbiddenError
        The actor's own reading is open, or the one asked for is.
    """
    analysis = analyses.get(session, analysis_id)
    refuse_blind(session, actor, analysis)
    if reading_id is None:
        second = session.scalars(
            select(Reading)
            .where(Reading.analysis_id == analysis.id, Reading.status == FINISHED)
            .order_by(Reading.finished_at.desc())
        ).first()
    else:
        second = choose(session, actor, analysis, reading_id)
    if second is None:
        raise NotFoundError("no second reading of this analysis is finished")
    found = session.scalars(select(Cell).where(Cell.analysis_id == analysis.id, Cell.origin == NETWORK)).all()
    seen = seen_by(session, second, found)
    pairs = [(_word(cell), _word(answer)) for cell, answer in zip(found, seen, strict=True)]
    both = [
        pair
        for pair, cell, s in zip(pairs, found, seen, strict=True)
        if (cell.reviewed_type is not None or cell.deleted) and s.reviewed_by is not None
    ]
    return Comparison(("First reading", second.reader), _agreement(pairs), _agreement(both))


def _agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    return agreement([one for one, _ in pairs], [other for _, other in pairs])


def _word(cell: Cell | SeenCell) -> str:
    return ARTEFACT if cell.deleted else cell.type
