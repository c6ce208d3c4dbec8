"""The figures of an analysis from its rows: readings of fields, rule and error rates, what is listed."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.codec import from_json
from marrowscope.domain.decision import RULES
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading
from marrowscope.domain.rates import ErrorRates
from marrowscope.exports.tables import patient_row
from marrowscope.service.images import patients
from marrowscope.service.store.analyses import DONE, Analysis, AnalysisField
from marrowscope.service.store.patients import Field

DUPLICATE = "duplicate"


def network_reading(session: Session, analysis: Analysis) -> PatientReading:
    """Return the patient as the networks alone read it: the same value `marrowscope analyse` reports."""
    patient = patients.get(session, analysis.patient_id)
    readings = field_readings(session, analysis)
    return read_patient(
        patient.name,
        readings,
        counting_of(analysis),
        error_rates_of(analysis),
        unfamiliar_rates=unfamiliar_rates_of(analysis),
    )


def counting_of(analysis: Analysis) -> CountingSettings:
    """Return rule and floor of an analysis."""
    return CountingSettings(RULES[analysis.rule], analysis.floor)


def error_rates_of(analysis: Analysis) -> ErrorRates | None:
    """Return the classifier's error rates as they were when the analysis was asked for."""
    return _rates(analysis, "error_rates")


def unfamiliar_rates_of(analysis: Analysis) -> ErrorRates | None:
    """Return the classifier's error rates on unfamiliar cells, as they were when it was asked for."""
    return _rates(analysis, "unfamiliar_rates")


def _rates(analysis: Analysis, name: str) -> ErrorRates | None:
    rates = analysis.facts[name]
    return None if rates is None else ErrorRates(**rates)


def field_readings(session: Session, analysis: Analysis) -> list[FieldReading]:
    """Return the networks' reading of every field, in natural order."""
    rows = session.execute(
        select(AnalysisField, Field)
        .join(Field)
        .where(AnalysisField.analysis_id == analysis.id)
        .order_by(AnalysisField.place)
        .options(undefer(AnalysisField.reading))
    )
    return [_reading(row, field) for row, field in rows]


def worklist_result(reading: PatientReading) -> dict[str, Any]:
    """Return what the worklist shows of a count."""
    row = patient_row(reading)
    names = ("counted", "blasts", "blast_percent", "ci_low", "ci_high", "decision")
    reviewed = 0 if reading.review is None else reading.review.cells
    return {**{name: row[name] for name in names}, "reviewed_cells": reviewed}


def _reading(row: AnalysisField, field: Field) -> FieldReading:
    if row.status == DONE and row.reading is not None:
        return from_json(row.reading, FieldReading)
    is_copy = row.status == DUPLICATE
    return FieldReading(
        name=field.name,
        status=FieldStatus.DUPLICATE if is_copy else FieldStatus.FAILED,
        message=row.message or row.status,
        sha256=field.sha256 or "",
    )
