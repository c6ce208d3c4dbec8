"""Readings: the first, which all reviewers share, blind second ones, and those of learners.

While a second reading is open its reader sees the networks' types and their own, never the first reading's;
nobody else sees theirs. A learner sees their own alone. Who reads blind is blind to all analyses of the
patient, and of the other occasions of a control slide, which show the same cells.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError, ForbiddenError, NotFoundError
from marrowscope.service.store.tables.analyses import DONE, Analysis
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.store.tables.reviews import FINISHED, LEARNER, OPEN, SECOND, Answer, Reading
from marrowscope.service.trail import audit

BLIND = "finish your own reading first: until then it is blind to the others"


@dataclass(frozen=True)
class ReadingView:
    """A reading as it is listed; `cells` are those that have an answer."""

    id: str
    analysis_id: str
    reader: str | None
    kind: str
    status: str
    cells: int


def first(session: Session, analysis: Analysis) -> Reading:
    """Return the first reading of an analysis."""
    return session.get_one(Reading, analysis.id)


def choose(session: Session, actor: Actor, analysis: Analysis, reading_id: str | None) -> Reading:
    """Return the reading that an actor asks for, if they may see it.

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
    own = session.scalar(select(Reading).where(Reading.analysis_id == analysis.id, *_own_open(actor)))
    if own is not None and reading_id in {None, own.id}:
        return own
    asked = session.get(Reading, reading_id or analysis.id)
    if asked is None or asked.analysis_id != analysis.id or asked.kind == LEARNER:
        raise NotFoundError("this analysis has no such reading")
    refuse_blind(session, actor, analysis)
    if asked.kind == SECOND and asked.status == OPEN:
        raise ForbiddenError("this reading is not finished; until then only its reader sees it")
    return asked


def is_blind(session: Session, actor: Actor, patient_id: str) -> bool:
    """Return whether an actor reads a patient blind: any analysis of it, or its control slide."""
    return session.scalar(_read_blind(actor).where(Patient.id == patient_id)) is not None


def blind_to(session: Session, actor: Actor) -> frozenset[str]:
    """Return the patients whose first readings an actor must not see: those they read blind."""
    return frozenset(session.scalars(_read_blind(actor)))


def learns_from(session: Session, actor: Actor) -> frozenset[str]:
    """Return the patients of whose cells an actor must not see the networks' names, either."""
    return frozenset(session.scalars(_read_blind(actor, Reading.kind == LEARNER)))


def refuse_learner(reading: Reading) -> None:
    """Refuse to show a learner what is made of the networks' names.

    Raises
    ------
    ForbiddenError
        The reading is a learner's.
    """
    if reading.kind == LEARNER:
        raise ForbiddenError(BLIND)


def refuse_blind(session: Session, actor: Actor, analysis: Analysis) -> None:
    """Refuse an actor whose own reading is open, where the first reading would be seen or changed.

    Raises
    ------
    ForbiddenError
        It is open.
    """
    refuse_blind_of(session, actor, analysis.patient_id)


def refuse_blind_of(session: Session, actor: Actor, patient_id: str) -> None:
    """Refuse an actor who reads a patient blind.

    Raises
    ------
    ForbiddenError
        They do.
    """
    if is_blind(session, actor, patient_id):
        raise ForbiddenError(BLIND)


def hidden_from(session: Session, actor: Actor, patient_id: str) -> list[str]:
    """Return the open second readings of a patient, whose answers an actor must not see.

    Raises
    ------
    ForbiddenError
        The actor's own is open: what others did about the patient would show what they said.
    """
    refuse_blind_of(session, actor, patient_id)
    found = session.scalars(
        select(Reading.id)
        .join(Analysis, Analysis.id == Reading.analysis_id)
        .where(Analysis.patient_id == patient_id, Reading.kind == SECOND, Reading.status == OPEN)
    )
    return list(found)


def _read_blind(actor: Actor, *which: ColumnElement[bool]) -> "Select[str]":
    """Select the patients that an actor reads blind, with the other occasions of their control slides."""
    query = select(Analysis.patient_id).join(Reading, Reading.analysis_id == Analysis.id)
    own = query.where(*_own_open(actor), *which)
    slides = select(Patient.control_id).where(Patient.id.in_(own), Patient.control_id.is_not(None))
    return select(Patient.id).where(or_(Patient.id.in_(own), Patient.control_id.in_(slides)))


def _own_open(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    return Reading.username == actor.username, Reading.status == OPEN


def listed(session: Session, analysis: Analysis) -> list[ReadingView]:
    """Return the readings of an analysis, the first one first; those of learners are no part of it."""
    found = session.scalars(
        select(Reading)
        .where(Reading.analysis_id == analysis.id, Reading.kind != LEARNER)
        .order_by(Reading.kind, Reading.opened_at, Reading.id)
    )
    return [view(session, reading) for reading in found]


def view(session: Session, reading: Reading) -> ReadingView:
    """Show a reading."""
    cells = session.scalar(
        select(func.count()).select_from(Answer).where(Answer.reading_id == reading.id, Answer.given())
    )
    return ReadingView(
        reading.id, reading.analysis_id, reading.reader, reading.kind, reading.status, cells or 0
    )


def begin(session: Session, actor: Actor, analysis_id: str) -> Reading:
    """Open a second, blind reading for the actor.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ForbiddenError
        The actor has a reading of this patient open.
    ConflictError
        It is not done or no longer the latest one, or the actor took part in the first reading or has read
        it already.
    """
    analysis = analyses.get(session, analysis_id)
    if analysis.status != DONE:
        raise ConflictError(f"this analysis is {analysis.status}: there is nothing to read yet")
    if analysis.patient.analysis_id != analysis.id:
        raise ConflictError("a newer analysis of this patient has replaced this one")
    before = session.scalar(
        select(Reading.id).where(Reading.analysis_id == analysis.id, Reading.username == actor.username)
    )
    if before is not None:
        raise ConflictError("you have already read this analysis")
    refuse_blind(session, actor, analysis)
    of_patient = select(Analysis.id).where(Analysis.patient_id == analysis.patient_id)
    tested = select(Reading.id).where(
        Reading.analysis_id.in_(of_patient), Reading.username == actor.username, Reading.kind == LEARNER
    )
    if session.scalar(tested.limit(1)) is not None:
        raise ConflictError("you were tested on this patient, and have seen the signed names")
    own_answer = select(Answer.cell_id).where(
        Answer.reading_id == first(session, analysis).id, Answer.username == actor.username
    )
    if session.scalar(own_answer.limit(1)) is not None:
        raise ConflictError("you took part in the first reading; a second reading needs another person")
    reading = Reading(analysis_id=analysis.id, kind=SECOND, username=actor.username, reader=actor.name)
    session.add(reading)
    session.flush()
    audit.record(
        session, actor, "reading.open", "reading", reading.id, patient_id=analysis.patient_id,
        after={"status": OPEN},
    )  # fmt: skip
    return reading


def finish(session: Session, actor: Actor, reading_id: str) -> Reading:
    """Finish the actor's own second reading; it cannot be reopened.

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
    if reading is None or reading.kind != SECOND:
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
