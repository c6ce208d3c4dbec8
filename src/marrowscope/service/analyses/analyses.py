"""Analyses: requesting, cancelling and retrying them, and their end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marrowscope.analysis.patient import CountingSettings
from marrowscope.codec import to_json
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.decision import OVER_20, RULES
from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import ReadingSettings
from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.analyses import count, fields
from marrowscope.service.analyses.networks import active
from marrowscope.service.bundles import Bundles
from marrowscope.service.clock import now
from marrowscope.service.errors import BusyError, ConflictError, LockedError
from marrowscope.service.images import patients
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.settings import Settings
from marrowscope.service.store.base import row_of
from marrowscope.service.store.claims import QUEUED, RUNNING, WAITING
from marrowscope.service.store.newest import newest_first
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.store.tables.analyses import (
    CANCELLED,
    DONE,
    DUPLICATE,
    ENDED,
    FAILED,
    LIVE,
    UNDER_WAY,
    Analysis,
    AnalysisField,
)
from marrowscope.service.store.tables.patients import (
    FIELD_DUPLICATE,
    FIELD_FAILED,
    FIELD_REPLACED,
    FIELD_STORED,
    Field,
    Patient,
)
from marrowscope.service.store.tables.reviews import OPEN, SECOND, Reading, first_reading
from marrowscope.service.trail import audit
from marrowscope.validations import read_validation

_RETRY_AFTER_S = 30


def ask(
    session: Session,
    actor: Actor,
    settings: Settings,
    bundles: Bundles,
    patient_id: str,
    *,
    bundle: str | None = None,
    mpp: float | None = None,
    rule: str | None = None,
    priority: int = 0,
    read_again: bool = False,
    is_live: bool = False,
) -> Analysis:
    """Put a new analysis of a patient's images into the queue.

    Fields that were read with the same networks and settings are taken over as they were read.

    Parameters
    ----------
    bundle : identifier, the active one for None
    mpp : micrometres per pixel of all images; from the files or measured for None
    rule : identifier of a decision rule
    priority : higher ones go first
    read_again : read these fields again, too
    is_live : the patient's images come while the count is looked at; there need be none yet

    Raises
    ------
    NotFoundError
        There is no such patient or bundle.
    InputError
        There is no such rule, or nothing to read.
    ConflictError
        An analysis of this patient is under way, or a second reader has not finished.
    BusyError
        The queue is full.
    """
    patient = patients.get(session, patient_id, is_held=True)
    if rule is not None and rule not in RULES:
        raise InputError(f"no rule {rule}: choose one of {', '.join(RULES)}")
    if patient.status in UNDER_WAY:
        raise ConflictError("an analysis of this patient is under way")
    _refuse_while_read_blind(session, patient)
    if patients.waiting_analyses(session) >= settings.queue_analyses:
        raise BusyError("the queue of analyses is full; ask again later", _RETRY_AFTER_S)
    networks = bundles.get(bundle) if bundle is not None else active(session, bundles)
    images = patients.current_fields(session, patient.id)
    if not is_live and not any(field.status == FIELD_STORED for field in images):
        raise InputError("this patient has no readable image to analyse")
    validation = read_validation(networks.sha256, settings.validation_folder)
    run = replace(run_settings(settings, mpp, rule), validation=validation, is_live=is_live)
    looks_again = is_live or _is_another_look(session, patient, len(images))
    analysis = Analysis(
        patient_id=patient.id,
        status=LIVE if is_live else QUEUED,
        priority=priority,
        bundle=str(networks.folder),
        bundle_title=networks.title,
        bundle_sha256=networks.sha256,
        rule=run.counting.rule.id,
        floor=run.counting.floor,
        mpp=mpp,
        facts=facts_of(run, networks, looks_again=looks_again),
        created_by=actor.name,
    )
    source = None if read_again else fields.continued(session, patient.id, run.reading_facts(networks))
    analysis.continues = None if source is None else source.id
    session.add(analysis)
    session.flush()
    session.add(first_reading(analysis.id))
    rows = _rows(analysis, images)
    session.add_all(rows)
    analysis.total = len(rows)
    analysis.failed = sum(row.status == FAILED for row in rows)
    analysis.done = sum(row.status != QUEUED for row in rows)
    patient.analysis_id = analysis.id
    patients.refresh(session, patient)
    after = {"bundle": analysis.bundle_title, "rule": analysis.rule, "fields": analysis.total}
    audit.record(session, actor, "analysis.ask", "analysis", analysis.id, patient_id=patient.id, after=after)
    return analysis


def would_take_over(session: Session, settings: Settings, bundles: Bundles, patient: Patient) -> int:
    """Return how many fields a new analysis would take over, by the active networks and the last scale."""
    latest = patients.latest_analysis(session, patient)
    run = run_settings(settings, None if latest is None else latest.mpp, None)
    source = fields.continued(session, patient.id, run.reading_facts(active(session, bundles)))
    return fields.number_known(session, source)


def run_settings(settings: Settings, mpp: float | None, rule: str | None) -> RunSettings:
    """Return everything that changes the figures of an analysis."""
    counting = CountingSettings(RULES[rule] if rule else OVER_20)
    return RunSettings(ReadingSettings(mpp=mpp, limits=limits_of(settings)), counting)


def get(session: Session, analysis_id: str) -> Analysis:
    """Return an analysis.

    Raises
    ------
    NotFoundError
        There is none.
    """
    return row_of(session, Analysis, analysis_id, "analysis")


def _held(session: Session, analysis_id: str) -> Analysis:
    """Return an analysis; whoever signs, reads or changes it waits until this transaction ends."""
    return row_of(session, Analysis, analysis_id, "analysis", is_held=True)


def page(
    session: Session, status: str | None, limit: int, cursor: str | None
) -> tuple[list[Analysis], str | None]:
    """Return analyses, the newest first, and the cursor of the next page.

    Raises
    ------
    InputError
        The cursor does not belong to this list.
    """
    query = select(Analysis)
    if status is not None:
        query = query.where(Analysis.status == status)
    rows, more = newest_first(session, query, Analysis, limit=limit, cursor=cursor)
    return [row[0] for row in rows], more


def cancel(session: Session, actor: Actor, analysis_id: str) -> Analysis:
    """Cancel an analysis; readings in progress are discarded.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        It has ended.
    """
    analysis = _held(session, analysis_id)
    if analysis.status in ENDED:
        raise ConflictError(f"this analysis is {analysis.status} already")
    break_off(session, actor, analysis, CANCELLED, "")
    return analysis


def retry(session: Session, actor: Actor, analysis_id: str) -> Analysis:
    """Queue a failed or cancelled analysis again; fields already read are kept.

    Raises
    ------
    NotFoundError
        There is none.
    ConflictError
        Nothing of it has failed, a newer one has replaced it, or an image added since shows one of its
        fields: that would be missed or counted twice.
    LockedError
        It is signed.
    """
    analysis = _held(session, analysis_id)
    patient = patients.get(session, analysis.patient_id, is_held=True)
    if analysis.version:
        raise LockedError("this analysis was signed; ask for a new one")
    if patient.analysis_id != analysis.id:
        raise ConflictError("a newer analysis of this patient has replaced this one")
    again = session.scalars(
        select(AnalysisField)
        .join(Field)
        .where(
            AnalysisField.analysis_id == analysis.id,
            AnalysisField.status.in_((FAILED, CANCELLED)),
            Field.status == FIELD_STORED,
        )
    ).all()
    if analysis.status not in ENDED or not again:
        raise ConflictError("nothing of this analysis has failed")
    if _has_field_replaced(session, analysis):
        raise ConflictError("an image added since shows a field of this analysis; ask for a new one")
    before = analysis.status
    for row in again:
        row.status, row.deaths, row.message = QUEUED, 0, ""
    recount(session, analysis)
    analysis.status, analysis.message, analysis.finished_at = QUEUED, "", None
    analysis.revision += 1
    analysis.scale_deaths = 0
    analysis.changed_at = now()
    patients.refresh(session, patient)
    audit.record(
        session, actor, "analysis.retry", "analysis", analysis.id, patient_id=patient.id,
        before={"status": before}, after={"status": QUEUED, "fields": len(again)},
    )  # fmt: skip
    return analysis


def _has_field_replaced(session: Session, analysis: Analysis) -> bool:
    """Return whether a field read, or still to be read, is now represented by another image."""
    query = (
        select(AnalysisField.id)
        .join(Field)
        .where(
            AnalysisField.analysis_id == analysis.id,
            AnalysisField.status.in_((DONE, CANCELLED)),
            Field.status.in_((FIELD_DUPLICATE, FIELD_REPLACED)),
        )
    )
    return session.scalar(query.limit(1)) is not None


def refresh_patient(session: Session, analysis: Analysis) -> None:
    """Show the state of a patient's latest analysis on the worklist."""
    patients.refresh(session, patients.get(session, analysis.patient_id))


def end(session: Session, actor: Actor, analysis: Analysis, status: str, message: str) -> None:
    """End an analysis, with its result when it is done."""
    before = analysis.status
    analysis.status, analysis.message = status, message
    analysis.finished_at = analysis.changed_at = now()
    if status == DONE:
        analysis.result = count.worklist_result(count.counted(session, analysis))
    refresh_patient(session, analysis)
    audit.record(
        session, actor, f"analysis.{status}", "analysis", analysis.id, patient_id=analysis.patient_id,
        before={"status": before}, after={"status": status, "cells": analysis.cells},
    )  # fmt: skip


def break_off(session: Session, actor: Actor, analysis: Analysis, status: str, message: str) -> None:
    """End an analysis before all its fields are read; readings in progress are discarded."""
    session.execute(
        update(AnalysisField)
        .where(AnalysisField.analysis_id == analysis.id, AnalysisField.status.in_(WAITING))
        .values(status=CANCELLED, owner=None, lease_until=None)
    )
    analysis.scale_owner = None
    recount(session, analysis)
    end(session, actor, analysis, status, message)


def is_complete(session: Session, analysis: Analysis) -> bool:
    """Return whether no field of an analysis is left to read."""
    states = _states(session, analysis)
    return not (states.get(QUEUED) or states.get(RUNNING))


def end_complete(session: Session, analysis: Analysis) -> None:
    """End an analysis of which no field is left to read."""
    if _states(session, analysis).get(DONE):
        end(session, SYSTEM, analysis, DONE, "")
    else:
        end(session, SYSTEM, analysis, FAILED, "no image could be read")


def recount(session: Session, analysis: Analysis) -> None:
    """Recount the fields of an analysis from their rows."""
    session.flush()
    states = _states(session, analysis)
    analysis.failed = states.get(FAILED, 0)
    analysis.done = analysis.total - states.get(QUEUED, 0) - states.get(RUNNING, 0)


def facts_of(run: RunSettings, bundle: Bundle, *, looks_again: bool = False) -> dict[str, Any]:
    """Return what an analysis stores about its networks, which may change or go afterwards."""
    return {
        "settings": run.facts(bundle),
        "known": to_json(bundle.known_errors(run.validation)),
        "looks_again": looks_again,
    }


def _is_another_look(session: Session, patient: Patient, images: int) -> bool:
    """Return whether more images are added to a count that was looked at before."""
    earlier = session.get(Analysis, patient.analysis_id) if patient.analysis_id else None
    if earlier is None or earlier.status != DONE:
        return False
    return bool(earlier.facts.get("looks_again")) or images > earlier.total


def _refuse_while_read_blind(session: Session, patient: Patient) -> None:
    """Refuse a new analysis that would show the first reading's answers to a blind reader."""
    inactive = select(User.username).where(User.active.is_(False))
    reader = session.scalar(
        select(Reading.reader).where(
            Reading.analysis_id == patient.analysis_id,
            Reading.kind == SECOND,
            Reading.status == OPEN,
            Reading.username.not_in(inactive),
        )
    )
    if reader is not None:
        raise ConflictError(f"{reader} is reading this patient blind; analyse again when that is finished")


def _rows(analysis: Analysis, images: Sequence[Field]) -> list[AnalysisField]:
    """Create the rows of an analysis; unreadable and repeated images are settled at once."""
    rows = []
    for place, field in enumerate(images):
        status, message = first_state(field)
        rows.append(
            AnalysisField(
                analysis_id=analysis.id, field_id=field.id, place=place, status=status, message=message
            )
        )
    return rows


def first_state(field: Field) -> tuple[str, str]:
    """Return the status of an image that is not read yet, and why it is not to be."""
    status = {FIELD_DUPLICATE: DUPLICATE, FIELD_FAILED: FAILED}.get(field.status, QUEUED)
    return status, "" if status == QUEUED else field.message


def _states(session: Session, analysis: Analysis) -> dict[str, int]:
    """Count an analysis' fields by status."""
    query = (
        select(AnalysisField.status, func.count())
        .where(AnalysisField.analysis_id == analysis.id)
        .group_by(AnalysisField.status)
    )
    return dict(session.execute(query).all())
