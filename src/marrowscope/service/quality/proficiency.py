"""Proficiency: signed cases that are served blind to learners, and how well they named the cells.

A learner's reading is of the kind `LEARNER`: neither the networks' names nor the signed ones are shown, and
nothing of it enters the case's count, agreement or history. It holds the cells that people named before the
case was signed.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.analysis.agreement.score import Score, score
from marrowscope.service.accounts.users import find_user
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, NotFoundError
from marrowscope.service.review import cells, readings
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.store.tables.analyses import Analysis, Cell
from marrowscope.service.store.tables.patients import Field, Patient
from marrowscope.service.store.tables.reviews import FINISHED, LEARNER, OPEN, Answer, Reading, Version
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class Missed:
    """A cell that the learner named otherwise than it was signed."""

    cell: Cell
    field: str
    signed: str
    named: str


@dataclass(frozen=True)
class Test:
    """A learner's reading of a signed case.

    Attributes
    ----------
    reading, patient : of which the reading is
    cells, named : served, and named by the learner
    score : on the named cells, None before the reading is finished
    """

    reading: Reading
    patient: Patient
    cells: int
    named: int
    score: Score | None


def learners(session: Session) -> list[tuple[str, str]]:
    """Return user name and name of everybody who may be served a case."""
    rows = session.execute(select(User.username, User.name).where(User.active.is_(True)).order_by(User.name))
    return [(username, name) for username, name in rows]


def serve(session: Session, actor: Actor, analysis_id: str, username: str) -> Test:
    """Serve a signed case to a learner.

    Raises
    ------
    NotFoundError
        There is no such analysis or user.
    ConflictError
        It is not signed, nobody named cells of it, or the learner took part in reading it.
    """
    analysis = analyses.get(session, analysis_id)
    if not analysis.locked:
        raise ConflictError("only a signed case can be served: sign it first")
    learner = find_user(session, username)
    if not learner.active:
        raise ConflictError("this account is no longer active")
    if learner.username == actor.username:
        raise ConflictError("serve the case to somebody else: you can look up its signed names")
    _refuse_who_knows(session, analysis, learner.username)
    reading = Reading(
        analysis_id=analysis.id, kind=LEARNER, username=learner.username, reader=learner.name, status=OPEN
    )
    session.add(reading)
    session.flush()
    made = _test(session, reading)
    if not made.cells:
        raise ConflictError("nobody named cells of this case, so there is nothing to compare a learner with")
    after = {"analysis": analysis.id, "learner": learner.username, "cells": made.cells}
    audit.record(session, actor, "proficiency.serve", "proficiency", reading.id, after=after)
    return made


def _refuse_who_knows(session: Session, analysis: Analysis, username: str) -> None:
    of_patient = select(Analysis.id).where(Analysis.patient_id == analysis.patient_id)
    took_part = (
        select(Answer.cell_id).where(Answer.reading_id.in_(of_patient), Answer.username == username),
        select(Version.id).where(Version.analysis_id.in_(of_patient), Version.username == username),
        select(Reading.id).where(Reading.analysis_id.in_(of_patient), Reading.username == username),
    )
    if any(session.scalar(query.limit(1)) is not None for query in took_part):
        raise ConflictError("this person has read this case before")


def listed(session: Session, actor: Actor) -> list[Test]:
    """Return the learners' readings, the latest first: reviewers see all, others their own."""
    query = select(Reading).where(Reading.kind == LEARNER).order_by(Reading.opened_at.desc(), Reading.id)
    if not actor.may_act_as("reviewer"):
        query = query.where(Reading.username == actor.username)
    tests = [_test(session, reading) for reading in session.scalars(query)]
    blind = readings.blind_to(session, actor)
    # Another learner's result would tell what one is to find out oneself.
    return [each for each in tests if each.reading.username == actor.username or each.patient.id not in blind]


def get(session: Session, actor: Actor, reading_id: str) -> Test:
    """Return a learner's reading: their own, or any to a reviewer.

    Raises
    ------
    NotFoundError
        There is none that the actor may see.
    """
    reading = session.get(Reading, reading_id)
    is_own = reading is not None and reading.username == actor.username
    if reading is None or reading.kind != LEARNER or not (is_own or actor.may_act_as("reviewer")):
        raise NotFoundError("there is no such test")
    found = _test(session, reading)
    if not is_own and readings.is_blind(session, actor, found.patient.id):
        raise NotFoundError("there is no such test")
    return found


def own_open(session: Session, actor: Actor, reading_id: str) -> Reading:
    """Return the actor's own reading while it is open.

    Raises
    ------
    NotFoundError
        There is none that the actor may see.
    ForbiddenError
        It is somebody else's.
    ConflictError
        It is finished.
    """
    reading = get(session, actor, reading_id).reading
    if reading.username != actor.username:
        raise ForbiddenError("only the learner names the cells")
    if reading.status != OPEN:
        raise ConflictError("this test is finished")
    return reading


def finish(session: Session, actor: Actor, reading_id: str) -> Test:
    """Finish the actor's own reading: it is compared with the names as they are signed now.

    Raises
    ------
    NotFoundError
        There is none that the actor may see.
    ForbiddenError
        It is somebody else's.
    ConflictError
        It is finished, no cell is named, or the case is open for an amendment.
    """
    reading = own_open(session, actor, reading_id)
    if not analyses.get(session, reading.analysis_id).locked:
        raise ConflictError("the case is being amended; finish when it is signed again")
    if not cells.said(session, reading.id):
        raise ConflictError("name at least one cell first")
    reading.signed = cells.said(session, reading.analysis_id)
    reading.status, reading.finished_at = FINISHED, now()
    found = _test(session, reading)
    after = {"analysis": reading.analysis_id, "named": found.named, "cells": found.cells}
    audit.record(session, actor, "proficiency.finish", "proficiency", reading.id, after=after)
    return found


def withdraw(session: Session, actor: Actor, reading_id: str) -> None:
    """Take an open test back, with what was named in it.

    Raises
    ------
    NotFoundError
        There is none.
    ForbiddenError
        It is the actor's own.
    ConflictError
        It is finished.
    """
    reading = get(session, actor, reading_id).reading
    if reading.username == actor.username:
        raise ForbiddenError("a learner does not withdraw their own test")
    if reading.status != OPEN:
        raise ConflictError("this test is finished; its result stays")
    session.delete(reading)
    audit.record(session, actor, "proficiency.withdraw", "proficiency", reading_id)


def analysis_of(session: Session, test: Test) -> Analysis:
    """Return the analysis whose cells are named."""
    return analyses.get(session, test.reading.analysis_id)


def result(test: Test) -> Score:
    """Return the result of a finished test.

    Raises
    ------
    ConflictError
        It is not finished.
    """
    if test.score is None:
        raise ConflictError("this test is not finished")
    return test.score


def missed(session: Session, test: Test) -> list[Missed]:
    """Return the cells that were named otherwise than signed, by field and number; none before the end."""
    signed = test.reading.signed or {}
    named = cells.said(session, test.reading.id)
    wrong = [cell for cell, name in named.items() if cell in signed and signed[cell] != name]
    rows = session.execute(
        select(Cell, Field.name)
        .join(Field, Field.id == Cell.field_id)
        .where(Cell.id.in_(wrong))
        .order_by(Cell.place, Cell.number)
    )
    return [Missed(cell, field, signed[cell.id], named[cell.id]) for cell, field in rows]


def _test(session: Session, reading: Reading) -> Test:
    analysis = analyses.get(session, reading.analysis_id)
    signed = reading.signed
    named = cells.said(session, reading.id)
    told: Score | None = None
    if signed is not None:
        both = [cell for cell in signed if cell in named]
        told = score([signed[cell] for cell in both], [named[cell] for cell in both])
        served = len(signed)
    else:
        served = len(cells.said(session, analysis.id))
    return Test(reading, analysis.patient, served, len(named), told)
