"""The tables of a batch: joined from what the workers wrote of every patient."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.batches.records import (
    BatchSettings,
    PatientRecord,
    folder_of,
    names_in,
    read_patient_record,
    settings_in,
)
from marrowscope.cohort.settings import WITHOUT_FIGURES
from marrowscope.errors import DamagedRecordError, InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.provenance import NOTICE
from marrowscope.exports.tables import (
    CELL_COLUMNS,
    GUESS_COLUMNS,
    MEGAKARYOCYTE_COLUMNS,
    MEGAKARYOCYTES_CSV,
    PATIENT_COLUMNS,
    REVIEW_COLUMNS,
    SIGNED_COLUMNS,
    csv_text,
    reasons_text,
    write_table,
)
from marrowscope.journal import differing
from marrowscope.planning import Owners, owners_of, shared_notes

_DIGITS = 16  # of an image's digest; what is equal so far is compared whole


@dataclass(frozen=True)
class Merged:
    """What the tables hold.

    Attributes
    ----------
    out : their folder
    patients : number of rows
    decisions : value of the decision → number of patients
    failed : patient → why they could not be read as a whole
    missing : patients of the manifest that no shard has finished
    fields_read : number of fields that could be read
    """

    out: Path
    patients: int
    decisions: dict[str, int]
    failed: dict[str, str]
    missing: tuple[str, ...]
    fields_read: int


def merge(outs: Sequence[Path], into: Path) -> Merged:
    """Write the tables and `run.json` of all patients of a batch, in the manifest's order.

    `patients.csv`, `cells.csv` and, where an image could have shown one, `megakaryocytes.csv` are those that
    `analyse` writes of the same patients, to the byte; of `run.json` only the record of
    the run. No more than one patient is in memory at a time, beside the names and eight bytes an image.

    Parameters
    ----------
    outs : folders of a batch or of its shards
    into : folder for the tables; may be one of them

    Raises
    ------
    InputError
        A folder holds no batch, or they are of different manifests, networks, or settings of the figures.
    DamagedRecordError
        A finished patient's files are gone.
    OSError
        The tables cannot be written.
    """
    names, patients = _gathered(outs)
    settings = _settings(patients.values())
    columns = _columns(patients.values())
    write_table(into / "patients.csv", PATIENT_COLUMNS, _rows(patients.values()))
    write_table(into / "cells.csv", columns, _cells(patients.values(), columns))
    _write_megakaryocytes(into / MEGAKARYOCYTES_CSV, patients.values())
    merged = Merged(
        into,
        len(patients),
        dict(Counter(each.decision for each in patients.values())),
        {each.patient: each.fault for each in patients.values() if each.fault},
        tuple(name for name in names if name not in patients),
        sum(each.fields_read for each in patients.values()),
    )
    document = _document(patients.values(), settings, merged)
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(into / "run.json", text.encode("utf-8", "replace") + b"\n")
    return merged


@dataclass(frozen=True, eq=False)
class _Patient:
    """What is kept in memory of a finished patient; the attributes are those of `PatientRecord`."""

    folder: Path
    patient: str
    settings: str
    decision: str
    columns: tuple[str, ...]
    cells: int
    candidates: int | None
    fields: int
    fields_read: int
    failures: tuple[tuple[str, str], ...]
    fault: str
    started: str
    finished: str
    images: npt.NDArray[np.uint64]


def _gathered(outs: Sequence[Path]) -> tuple[list[str], dict[str, _Patient]]:
    """Return the names of all patients in the first folder's order, and those who are finished."""
    names = names_in(outs[0])
    for out in outs[1:]:
        if set(names_in(out)) != set(names):
            raise InputError(f"{outs[0]} and {out} are of different manifests: their patients differ")
    found = {}
    for name in names:
        in_any = [_patient(folder_of(out, name)) for out in outs]
        known = [each for each in in_any if each is not None]
        if known:  # whole ones first
            found[name] = min(known, key=lambda each: bool(each.fault))
    return names, found


def _patient(folder: Path) -> _Patient | None:
    record = read_patient_record(folder)
    if record is None:
        return None
    return _Patient(
        folder,
        record.patient,
        record.settings,
        record.row["decision"],
        tuple(map(sys.intern, record.columns)),
        record.cells,
        record.candidates,
        record.fields,
        record.fields_read,
        record.failures,
        record.fault,
        record.started,
        record.finished,
        np.array([_begin(sha256) for sha256 in record.images], np.uint64),
    )


def _begin(sha256: str) -> int:
    return int(sha256[:_DIGITS], 16)


def _settings(patients: Iterable[_Patient]) -> BatchSettings:
    """Return the settings of all patients, on which figures must depend alike."""
    used: dict[str, Path] = {}
    for each in patients:
        used.setdefault(each.settings, each.folder.parent)
    if not used:
        raise InputError("no patient is finished there")
    first, *others = [(out, settings_in(out, digest)) for digest, out in used.items()]
    for out, settings in others:
        names = [each for each in differing(first[1].facts, settings.facts) if each not in WITHOUT_FIGURES]
        if names:
            raise InputError(
                f"patients were read with different settings, in {first[0]} and {out}: {', '.join(names)}; "
                "run the batch again with --resume and the settings that are to hold"
            )
    every = [first[1], *(settings for _, settings in others)]
    said = {name: ", ".join(sorted({each.facts[name] for each in every})) for name in WITHOUT_FIGURES}
    return replace(first[1], facts={**first[1].facts, **said})


def _records(patients: Iterable[_Patient]) -> Iterator[PatientRecord]:
    """Read the records once more."""
    for each in patients:
        record = read_patient_record(each.folder)
        if record is None:
            raise DamagedRecordError(f"the record of {each.patient} is gone; run again with --resume")
        yield record


def _owners(patients: Collection[_Patient]) -> Owners:
    """Return whose image each is that more than one patient has."""
    every, numbers = np.unique(np.concatenate([each.images for each in patients]), return_counts=True)
    repeated = every[numbers > 1]
    concerned = [each for each in patients if np.isin(each.images, repeated).any()]
    among = set(repeated.tolist())
    return owners_of(
        (record.patient, [sha256 for sha256 in record.images if _begin(sha256) in among])
        for record in _records(concerned)
    )


def _rows(patients: Collection[_Patient]) -> Iterator[list[str]]:
    """Yield the rows of `patients.csv`."""
    owners = _owners(patients)
    for record in _records(patients):
        notes = shared_notes(record.patient, record.images, owners)
        reasons = [*record.reasons[: record.notes_at], *notes, *record.reasons[record.notes_at :]]
        texts = record.row | {"reasons": csv_text(reasons_text(reasons))}
        yield [texts[name] for name in PATIENT_COLUMNS]


def _columns(patients: Iterable[_Patient]) -> tuple[str, ...]:
    """Return the columns of `cells.csv`: those of any patient with cells."""
    have = {name for each in patients if each.cells for name in each.columns}
    have = have or {*CELL_COLUMNS, *GUESS_COLUMNS}
    known = (*CELL_COLUMNS, *GUESS_COLUMNS, *REVIEW_COLUMNS, *SIGNED_COLUMNS)
    return tuple(name for name in known if name in have)


def _cells(patients: Iterable[_Patient], columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows of `cells.csv`."""
    for each in patients:
        if each.cells:
            yield from _arranged(_lines(each, "cells.csv", "cells"), columns)


def _write_megakaryocytes(path: Path, patients: Collection[_Patient]) -> None:
    """Write the candidates for megakaryocytes where an image of any patient could have shown one."""
    looked_at = [each for each in patients if each.candidates is not None]
    if not looked_at:
        path.unlink(missing_ok=True)  # by a batch of other images
        return
    tables = (_lines(each, MEGAKARYOCYTES_CSV, "megakaryocytes") for each in looked_at)
    write_table(path, MEGAKARYOCYTE_COLUMNS, (row for table in tables for row in islice(table, 1, None)))


def _lines(patient: _Patient, name: str, what: str) -> Iterator[list[str]]:
    """Yield the lines of a table of a finished patient, its columns first."""
    try:
        with (patient.folder / name).open(encoding="utf-8", newline="") as stream:
            yield from csv.reader(stream)
    except FileNotFoundError:
        raise DamagedRecordError(
            f"the {what} of {patient.patient} are gone; run again with --resume"
        ) from None


def _arranged(rows: Iterator[list[str]], columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield rows with other columns than theirs; those they lack are empty."""
    own = next(rows)
    if own == [*columns]:
        yield from rows
        return
    for row in rows:
        texts = dict(zip(own, row, strict=True))
        yield [texts.get(name, "") for name in columns]


def _document(patients: Collection[_Patient], settings: BatchSettings, merged: Merged) -> dict[str, Any]:
    """Return the record of a batch."""
    return {
        "notice": NOTICE,
        "version": settings.facts["version"],
        "bundle": {"name": settings.bundle, "sha256": settings.facts["bundle"]},
        "started": min((each.started for each in patients if each.started), default=""),
        "finished": max((each.finished for each in patients), default=""),
        "settings": dict(sorted(settings.facts.items())),
        "patients": [
            {
                "patient": each.patient,
                "folder": Path(os.path.relpath(each.folder, merged.out)).as_posix(),
                "decision": each.decision,
                "fields": each.fields,
                "cells": each.cells,
            }
            for each in patients
        ],
        "failures": [
            {"patient": each.patient, "field": field, "message": message}
            for each in patients
            for field, message in ((("", each.fault),) if each.fault else each.failures)
        ],
        "missing": list(merged.missing),
    }
