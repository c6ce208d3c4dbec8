"""The count of an analysis, with or without its readers' answers, computed on demand.

Everything comes from the store: readings of fields, rule and error rates, answers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, undefer

from marrowscope.analysis.numbers import Inferred
from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.analysis.review import (
    Suggestion,
    read_reviewed,
    share_from_random_sample,
    suggest_review,
)
from marrowscope.analysis.reviewed import AddedCell
from marrowscope.analysis.reviewed import Answer as CellAnswer
from marrowscope.codec import from_json
from marrowscope.domain.decision import RULES
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading, SlideReading
from marrowscope.domain.rates import NOTHING_KNOWN, KnownErrors
from marrowscope.domain.taxonomy import ARTEFACT
from marrowscope.exports.tables import patient_row
from marrowscope.service.analyses.fields import as_counted
from marrowscope.service.analyses.megakaryocytes import in_fields, on_slides
from marrowscope.service.errors import ConflictError
from marrowscope.service.images.patients import details_of
from marrowscope.service.recent import Recent
from marrowscope.service.store.claims import QUEUED, RUNNING
from marrowscope.service.store.tables.analyses import (
    DONE,
    DUPLICATE,
    LIVE,
    NETWORK,
    PERSON,
    Analysis,
    AnalysisField,
    Cell,
)
from marrowscope.service.store.tables.patients import Field, Slide
from marrowscope.service.store.tables.reviews import Answer

_recent: Recent[PatientReading] = Recent(64)  # one of a thousand cells takes about a megabyte


@dataclass(frozen=True)
class ReadingAnswers:
    """All answers of one reading.

    Attributes
    ----------
    answers : field's name → row → what the reader says of the networks' cell there
    added : field's name → cells that a person drew
    """

    answers: Mapping[str, Mapping[int, CellAnswer]]
    added: Mapping[str, Sequence[AddedCell]]


def network_reading(session: Session, analysis: Analysis) -> PatientReading:
    """Return the patient as the networks alone read it: the same value `marrowscope analyse` reports.

    A finished analysis changes with the details of its case alone: its reading is kept in memory for the next
    request.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    if analysis.status != DONE:
        raise ConflictError(f"this analysis is {analysis.status}: there is no count yet")
    patient = analysis.patient
    # The statement itself, not its revision: one that was rolled back leaves its number to the next.
    stated = json.dumps(patient.details, sort_keys=True)
    key = analysis.id, analysis.finished_at, patient.name, stated
    return _recent.get(key, lambda: _network_reading(session, analysis))


def so_far(session: Session, analysis: Analysis) -> PatientReading:
    """Return the count of a live analysis by the fields read so far, as the networks see them.

    Raises
    ------
    ConflictError
        The analysis is not live.
    """
    if analysis.status != LIVE:
        raise ConflictError(f"this analysis is {analysis.status}, not live")
    key = analysis.id, analysis.changed_at, analysis.patient.name, json.dumps(analysis.patient.details)
    return _recent.get(key, lambda: _network_reading(session, analysis))


def _network_reading(session: Session, analysis: Analysis) -> PatientReading:
    patient, slides = analysis.patient, _slides(session, analysis)
    reading = read_patient(
        patient.name,
        _field_readings(session, analysis),
        counting_of(analysis),
        _known(analysis),
        problems=[slide.summary for slide in slides],
        details=details_of(patient),
        resamples=analysis.status != LIVE,
    )
    return replace(reading, slides=slides)


def answers_of(session: Session, reading_id: str) -> ReadingAnswers:
    """Return what was answered in a reading; the first one has the identifier of its analysis."""
    rows = session.execute(
        select(
            Field.name, Cell.number, Cell.origin, Answer.type, Answer.deleted, Cell.x0, Cell.y0, Cell.x1,
            Cell.y1,
        )
        .join(Cell, Cell.id == Answer.cell_id)
        .join(Field, Field.id == Cell.field_id)
        .where(Answer.reading_id == reading_id)
        .order_by(Cell.place, Cell.number)
    )  # fmt: skip
    answers: dict[str, dict[int, CellAnswer]] = {}
    added: dict[str, list[AddedCell]] = {}
    for name, number, origin, cell_type, deleted, *box in rows:
        if origin == PERSON:
            x0, y0, x1, y1 = box
            added.setdefault(name, []).append(AddedCell((x0, y0, x1, y1), cell_type or ARTEFACT, deleted))
        else:
            answers.setdefault(name, {})[number - 1] = CellAnswer(cell_type, deleted)
    return ReadingAnswers(answers, added)


def counted(session: Session, analysis: Analysis) -> PatientReading:
    """Return the count with the answers of the first reading in force; the networks' stands beside it.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    network = _with_megakaryocytes(session, analysis, network_reading(session, analysis))
    return with_answers(analysis, network, answers_of(session, analysis.id))


def with_answers(analysis: Analysis, network: PatientReading, given: ReadingAnswers) -> PatientReading:
    """Recount the networks' reading with answers in force."""
    return read_reviewed(
        network,
        given.answers,
        given.added,
        counting_of(analysis),
        _known(analysis),
        count_border_cells=counts_border_cells(analysis),
    )


def counts_border_cells(analysis: Analysis) -> bool:
    """Return whether cells cut by an image's edge count in this analysis."""
    return bool(analysis.facts["settings"].get("count_border_cells") == "true")


def target_of(analysis: Analysis, reading: PatientReading) -> int:
    """Return the recommended number of cells of a patient's specimen."""
    return counting_of(analysis).target_of(reading.details.specimen)


def worklist_result(reading: PatientReading) -> dict[str, Any]:
    """Return what the worklist shows of a count."""
    row = patient_row(reading)
    shares = ("blast_percent", "ci_low", "ci_high", "adjusted_percent", "adjusted_low", "adjusted_high")
    names = ("counted", "blasts", *shares, "decision")
    reviewed = 0 if reading.review is None else reading.review.cells
    return {**{name: row[name] for name in names}, "reviewed_cells": reviewed}


def inferred(network: PatientReading, given: ReadingAnswers) -> Inferred:
    """Infer the blast share from the reviewed cells of the random sample."""
    return share_from_random_sample(network, given.answers)


def suggestions(
    session: Session, analysis: Analysis, reading_id: str, number: int
) -> list[tuple[str, Suggestion]]:
    """Return cells to review next, by identifier.

    Raises
    ------
    ConflictError
        The analysis is not done.
    """
    network = network_reading(session, analysis)
    answers = answers_of(session, reading_id).answers
    seen = {(name, row) for name, told in answers.items() for row, a in told.items() if a.is_given}
    chosen = suggest_review(network, number, seen)
    wanted = {(choice.field, choice.row + 1): choice for choice in chosen}
    rows = session.execute(
        select(Field.name, Cell.number, Cell.id)
        .join(Field, Field.id == Cell.field_id)
        .where(
            Cell.analysis_id == analysis.id,
            Cell.origin == NETWORK,
            Field.name.in_({choice.field for choice in chosen}),
        )
    )
    ids = {(name, number): cell_id for name, number, cell_id in rows if (name, number) in wanted}
    return [(ids[choice.field, choice.row + 1], choice) for choice in chosen]


def counting_of(analysis: Analysis) -> CountingSettings:
    """Return the settings by which an analysis is counted."""
    looks_again = bool(analysis.facts.get("looks_again"))
    return CountingSettings(RULES[analysis.rule], analysis.floor, looks_again=looks_again)


def _known(analysis: Analysis) -> KnownErrors:
    """Return what was known of the networks' errors when the analysis was asked for."""
    known = analysis.facts.get("known")
    return NOTHING_KNOWN if known is None else from_json(known, KnownErrors)


def _with_megakaryocytes(session: Session, analysis: Analysis, network: PatientReading) -> PatientReading:
    """Return a reading with what has been said by now of the candidates on its slides and in its fields."""
    searches = {found.image.id: found.search for found in in_fields(session, analysis.id)}
    read = session.scalars(_rows_read(select(AnalysisField.field_id), analysis))
    fields = tuple(
        replace(field, megakaryocytes=searches.get(field_id))
        for field, field_id in zip(network.fields, read, strict=True)
    )
    return replace(network, fields=fields, slides=_slides(session, analysis))


def _slides(session: Session, analysis: Analysis) -> tuple[SlideReading, ...]:
    """Return how much of each slide an analysis counted."""
    counted = func.sum(case((AnalysisField.status == DONE, 1), else_=0))
    found = session.execute(
        select(Slide, func.count(), counted)
        .join(Field, Field.slide_id == Slide.id)
        .join(AnalysisField, AnalysisField.field_id == Field.id)
        .where(AnalysisField.analysis_id == analysis.id)
        .group_by(Slide.id)
        .order_by(Slide.created_at, Slide.id)
    )
    rows = found.all()
    searches = {each.image.id: each.search for each in on_slides(session, [slide for slide, *_ in rows])}
    return tuple(
        SlideReading(
            name=slide.name,
            sha256=slide.sha256,
            width=slide.width,
            height=slide.height,
            mpp=slide.mpp,
            countable_mm2=slide.countable_mm2,
            counted_mm2=slide.tile_mm2 * done,
            tiles=slide.tiles,
            tiles_counted=done,
            tiles_unfit=taken - done,
            megakaryocytes=searches[slide.id],
        )
        for slide, taken, done in rows
    )


def _field_readings(session: Session, analysis: Analysis) -> list[FieldReading]:
    """Return the networks' reading of every field, in natural order."""
    query = _rows_read(select(AnalysisField, Field).join(Field), analysis)
    rows = session.execute(query.options(undefer(AnalysisField.reading)))
    return [_field_reading(row, field) for row, field in rows]


def _rows_read(query: Any, analysis: Analysis) -> Any:
    """Restrict a query to the fields of an analysis that wait no longer, in their order."""
    return query.where(
        AnalysisField.analysis_id == analysis.id, AnalysisField.status.not_in((QUEUED, RUNNING))
    ).order_by(AnalysisField.place)


def _field_reading(row: AnalysisField, field: Field) -> FieldReading:
    if row.status == DONE and row.reading is not None:
        reading = as_counted(from_json(row.reading, FieldReading), row.repeated)
        return replace(reading, megakaryocytes=None)  # what can be answered is in rows of its own
    is_copy = row.status == DUPLICATE
    return FieldReading(
        name=field.name,
        status=FieldStatus.DUPLICATE if is_copy else FieldStatus.FAILED,
        message=row.message or row.status,
        sha256=field.sha256 or "",
    )
