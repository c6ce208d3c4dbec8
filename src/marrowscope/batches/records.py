"""What is kept of a batch: a record of every finished patient, and of the batch in its folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marrowscope.codec import from_json, to_json
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.patient import FieldStatus, PatientReading
from marrowscope.errors import DamagedRecordError, InputError
from marrowscope.exports.tables import (
    MEGAKARYOCYTES_CSV,
    PATIENT_COLUMNS,
    csv_text,
    patient_row,
    reasons,
)
from marrowscope.imaging.files.sources import safe_name
from marrowscope.journal import read_record, record_folder, write_record
from marrowscope.models.bundle import Bundle

PATIENT_RECORD = "patient.json"
_TABLES = ("patients.csv", "cells.csv", MEGAKARYOCYTES_CSV, "run.json")
_NAMES = "batch-patients.json"
_SETTINGS = "batch-settings-{}.json"


@dataclass(frozen=True)
class PatientRecord:
    """A finished patient: what the tables of all patients say of them.

    Attributes
    ----------
    patient : name
    inputs : digest of the files that were read and of what is stated of the patient
    settings : digest of the settings
    row : texts of `PATIENT_COLUMNS`, but the reasons
    reasons : of the decision, in order
    notes_at : where among the reasons those belong that are known of all patients together only
    images : digest → name of every image that can be read
    columns : of the patient's `cells.csv`
    cells : its rows
    candidates : rows of the patient's `megakaryocytes.csv`; None where no image could have shown one
    fields, fields_read : number of fields, and of those that could be read
    failures : field and reason of each that could not
    fault : why the patient as a whole could not be read; empty otherwise
    started, finished : instants, UTC
    """

    patient: str
    inputs: str
    settings: str
    row: dict[str, str]
    reasons: tuple[str, ...]
    notes_at: int
    images: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    cells: int = 0
    candidates: int | None = None
    fields: int = 0
    fields_read: int = 0
    failures: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    started: str = ""
    finished: str = ""


def figures_of(patient: PatientReading, notes: int) -> dict[str, Any]:
    """Return the members of a `PatientRecord` that a reading gives.

    Parameters
    ----------
    patient : the reading
    notes : how many of its flags are of its files: after these, files are noted that others have, too
    """
    row, large = patient_row(patient), patient.megakaryocytes
    return {
        "patient": patient.patient,
        "row": {name: csv_text(row[name]) for name in PATIENT_COLUMNS if name != "reasons"},
        "reasons": reasons(patient),
        "notes_at": len(patient.decision.reasons) + len(patient.limits) + notes,
        "cells": sum(len(each.cells) for each in patient.fields),
        "candidates": None if large is None else len(large.listed),
        "fields": len(patient.fields),
        "fields_read": sum(each.status is not FieldStatus.FAILED for each in patient.fields),
        "failures": tuple(
            (each.name, each.message) for each in patient.fields if each.status is FieldStatus.FAILED
        ),
    }


def folder_of(out: Path, patient: str) -> Path:
    """Return the folder of a patient's results."""
    name = safe_name(patient)
    return out / (f"{name}-patient" if name.casefold() in _TABLES else name)


def read_patient_record(folder: Path) -> PatientRecord | None:
    """Return the record of the patient whose results are in a folder, None without a whole one."""
    document = read_record(record_folder(folder) / PATIENT_RECORD)
    try:
        return None if document is None else from_json(document, PatientRecord)
    except DamagedRecordError:  # of another version
        return None


def write_patient_record(folder: Path, record: PatientRecord) -> None:
    """Write the record of a finished patient."""
    write_record(record_folder(folder) / PATIENT_RECORD, to_json(record))


@dataclass(frozen=True)
class BatchSettings:
    """What the results of a batch depend on, beside the images.

    Attributes
    ----------
    facts : name → value
    bundle : title of the networks
    """

    facts: dict[str, str]
    bundle: str

    @property
    def digest(self) -> str:
        """Digest of the facts."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()

    @classmethod
    def of(cls, settings: RunSettings, bundle: Bundle, specimen: str) -> "BatchSettings":
        """Return what the results of these settings depend on."""
        apart = {"laboratory": settings.laboratory, "validation_figures": settings.validation}
        digests = {name: _digest(to_json(value))[:16] for name, value in apart.items()}
        return cls({**settings.facts(bundle), "specimen": specimen, **digests}, bundle.title)


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def begin(out: Path, names: Sequence[str], settings: BatchSettings) -> None:
    """Record in the folder of a batch which patients it has, in which order, and its settings."""
    write_record(record_folder(out) / _NAMES, list(names))
    write_record(record_folder(out) / _SETTINGS.format(settings.digest[:16]), to_json(settings))


def names_in(out: Path) -> list[str]:
    """Return the patients of the batch in a folder.

    Raises
    ------
    InputError
        There is no batch.
    """
    names = read_record(record_folder(out) / _NAMES)
    if names is None:
        raise InputError(f"{out} does not hold a batch")
    return [str(name) for name in names]


def is_batch(out: Path) -> bool:
    """Return whether a folder holds a batch."""
    return (record_folder(out) / _NAMES).is_file()


def settings_in(out: Path, digest: str) -> BatchSettings:
    """Return settings that were used in a folder, by their digest.

    Raises
    ------
    DamagedRecordError
        They are not there.
    """
    document = read_record(record_folder(out) / _SETTINGS.format(digest[:16]))
    if document is None:
        raise DamagedRecordError(f"the settings of the batch in {out} are gone; run it again with --resume")
    return from_json(document, BatchSettings)


def inputs_digest(files: Sequence[tuple[str, int, str]], stated: Mapping[str, Any]) -> str:
    """Return the digest of a patient's files and of what is stated of the patient."""
    return _digest([files, stated])
