"""Sessions at the microscope: opened for a patient, looked at, and closed into an ordinary analysis."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.domain.patient import PatientReading
from marrowscope.errors import InputError
from marrowscope.live.standing import Standing, standing_of
from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.analyses import analyses, count, fields
from marrowscope.service.bundles import Bundles
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.live import folders
from marrowscope.service.review import ending
from marrowscope.service.settings import Settings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.claims import QUEUED, RUNNING
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import (
    CANCELLED,
    DONE,
    DUPLICATE,
    FAILED,
    LIVE,
    Analysis,
    AnalysisField,
    LiveSession,
)
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.trail import audit

NOTHING_READ = "the session was closed before an image came: nothing was read"
_FIRST = 100  # before every other analysis that people may ask for
_TOLD = 20


@dataclass(frozen=True)
class Wanted:
    """How a session is to count, and where its images come from.

    Attributes
    ----------
    bundle, mpp, rule : as of every analysis
    folder : name of one of the server's folders (`folders.folders_of`), "" where people send the images
    takes_earlier : whether images that lie there already are counted, too
    """

    bundle: str | None = None
    mpp: float | None = None
    rule: str | None = None
    folder: str = ""
    takes_earlier: bool = False


@dataclass(frozen=True)
class PassedOver:
    """An image that is not counted, and why; `is_copy` where another one shows the same field."""

    name: str
    is_copy: bool
    message: str


@dataclass(frozen=True)
class LiveView:
    """What a session has come to.

    Attributes
    ----------
    analysis : the analysis that takes the images
    folder : the server's folder that is watched, "" if none
    reading : the count so far
    standing : how far it is
    waiting : images that are not read yet
    passed_over : images that are not counted, the newest first, at most so many; `passed_over_number` of all
    repeated : cells left out because an earlier field shows them, too
    newest : name of the field read last and its number of cells, None before the first
    """

    analysis: Analysis
    folder: str
    reading: PatientReading
    standing: Standing
    waiting: int
    passed_over: tuple[PassedOver, ...]
    passed_over_number: int
    repeated: int
    newest: tuple[str, int] | None


def start(
    session: Session,
    actor: Actor,
    settings: Settings,
    bundles: Bundles,
    patient_id: str,
    *,
    blobs: Blobs,
    wanted: Wanted,
) -> Analysis:
    """Begin a session of a patient: an analysis that takes images until it is closed.

    Images that the patient has already are part of it.

    Raises
    ------
    as `analyses.ask`, and
    InputError
        There is no such folder, it cannot be listed, or another session takes its images from there.
    """
    earlier: dict[str, list[int]] = {}
    if wanted.folder:
        path = folders.path_of(settings, wanted.folder)
        _refuse_taken(session, wanted.folder)
        earlier = {} if wanted.takes_earlier else folders.files_in(path)
    analysis = analyses.ask(
        session, actor, settings, bundles, patient_id,
        bundle=wanted.bundle, mpp=wanted.mpp, rule=wanted.rule, priority=_FIRST, is_live=True,
    )  # fmt: skip
    analysis.started_at = now()
    session.add(LiveSession(analysis_id=analysis.id, folder=wanted.folder, earlier=earlier))
    audit.record(
        session, actor, "live.start", "analysis", analysis.id, patient_id=patient_id,
        after={"folder": wanted.folder},
    )  # fmt: skip
    fields.take_over(session, analysis)
    ending.after_reading(session, analysis, blobs)
    return analysis


def close(session: Session, actor: Actor, blobs: Blobs, analysis_id: str) -> Analysis:
    """Close a session: no further image is taken, and the analysis ends once the last one is read.

    Raises
    ------
    NotFoundError
        There is no such analysis.
    ConflictError
        It is not live.
    """
    analysis = row_of(session, Analysis, analysis_id, "analysis", is_held=True)
    if analysis.status != LIVE:
        raise ConflictError(f"this analysis is {analysis.status}, not live")
    _close(session, actor, blobs, analysis)
    return analysis


def close_idle(database: Database, blobs: Blobs, idle: timedelta) -> int:
    """Close the sessions that somebody left open, to which nothing has come for so long.

    Returns
    -------
    How many
    """
    before = now() - idle
    with database.reading() as session:
        found = session.scalars(select(Analysis.id).where(*_is_idle(before))).all()
    return sum(_close_idle(database, blobs, analysis_id, before) for analysis_id in found)


def leave_folders(session: Session) -> int:
    """Let no open session take images from its folder any more; return how many did.

    They stay open for images that people send.
    """
    rows = session.scalars(
        select(LiveSession).join(Analysis).where(Analysis.status == LIVE, func.length(LiveSession.folder) > 0)
    ).all()
    for row in rows:
        row.folder, row.owner = "", None
    return len(rows)


def view(session: Session, analysis: Analysis) -> LiveView:
    """Return what a session has come to.

    Raises
    ------
    ConflictError
        The analysis is not live.
    """
    reading = count.so_far(session, analysis)
    rows = session.execute(
        select(AnalysisField.status, AnalysisField.message, AnalysisField.cells, Field.name)
        .join(Field)
        .where(AnalysisField.analysis_id == analysis.id)
        .order_by(AnalysisField.place.desc())
    ).all()
    passed = [
        PassedOver(name, status == DUPLICATE, message)
        for status, message, _, name in rows
        if status in {DUPLICATE, FAILED}
    ]
    return LiveView(
        analysis=analysis,
        folder=session.get_one(LiveSession, analysis.id).folder,
        reading=reading,
        standing=standing_of(reading, count.counting_of(analysis)),
        waiting=sum(status in {QUEUED, RUNNING} for status, *_ in rows),
        passed_over=tuple(passed[:_TOLD]),
        passed_over_number=len(passed),
        repeated=reading.differential.excluded.get(FLAG_REPEATED, 0),
        newest=next(((name, cells) for status, _, cells, name in rows if status == DONE), None),
    )


def _close(session: Session, actor: Actor, blobs: Blobs, analysis: Analysis) -> None:
    audit.record(
        session, actor, "live.close", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"status": LIVE}, after={"fields": analysis.total, "cells": analysis.cells},
    )  # fmt: skip
    if not analysis.total:
        analyses.end(session, actor, analysis, CANCELLED, NOTHING_READ)
        return
    analysis.status, analysis.changed_at = RUNNING, now()
    analyses.refresh_patient(session, analysis)
    ending.after_reading(session, analysis, blobs)


def _is_idle(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return Analysis.status == LIVE, Analysis.changed_at < before


def _close_idle(database: Database, blobs: Blobs, analysis_id: str, before: datetime) -> bool:
    with database.writing() as session:
        # Others came before: in the meantime an image may have come, or somebody may have closed it.
        query = select(Analysis).where(Analysis.id == analysis_id, *_is_idle(before)).with_for_update()
        analysis = session.scalar(query)
        if analysis is None:
            return False
        _close(session, SYSTEM, blobs, analysis)
    return True


def _refuse_taken(session: Session, folder: str) -> None:
    """Refuse a folder from which another patient's session takes its images, or one above or below it."""
    open_ones = session.scalars(
        select(LiveSession.folder)
        .join(Analysis)
        .where(Analysis.status == LIVE, func.length(LiveSession.folder) > 0)
    )
    for other in open_ones:
        if f"{folder}/".startswith(f"{other}/") or f"{other}/".startswith(f"{folder}/"):
            raise InputError(f"another session takes its images from the folder {other}")
