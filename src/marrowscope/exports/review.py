"""``review.csv``: cells suggested for review, which a reader fills in and the software reads back.

Its columns are a subset of those of a reviewed `cells.csv`, so that training can read it as well.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from marrowscope.analysis.intervals import wilson
from marrowscope.analysis.numbers import Inferred
from marrowscope.analysis.patient import CountingSettings, decided, numbers_of
from marrowscope.analysis.review import FEWEST_REVIEWED, Part, lot_clustering, reviewed_share, suggest_review
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.domain.rates import KnownErrors
from marrowscope.domain.taxonomy import REVIEWED_TYPE, taxonomy
from marrowscope.errors import InputError
from marrowscope.exports.atomic import atomic_path
from marrowscope.exports.tables import csv_text
from marrowscope.imaging.files.spreadsheets import known_id, read_table
from marrowscope.imaging.names import composed, shown

REVIEW_COLUMNS = (
    "patient", "field", "cell", "x0", "y0", "x1", "y1", "part", "cell_type", "p_blast", REVIEWED_TYPE,
)  # fmt: skip


REVIEW = "Review: "
"""Beginning of the flags about limits of a review."""


def write_review(report: CohortReport, path: Path, number: int) -> int:
    """Write `number` suggested cells per patient, and return the total number of cells written.

    Raises
    ------
    InputError
        The file exists and has been filled in.
    OSError
        The file cannot be written.
    """
    if path.exists() and any(row.get(REVIEWED_TYPE) for row in _rows(path)):
        raise InputError(f"{path} has been filled in: move it elsewhere before asking for new suggestions")
    rows = [row for patient in report.patients for row in _suggested(patient, number)]
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(REVIEW_COLUMNS)
        writer.writerows(rows)
    return len(rows)


def read_review(report: CohortReport, path: Path) -> dict[str, Inferred]:
    """Infer the blast share of every patient in a completed review, by the patient's name.

    Raises
    ------
    InputError
        The file is not such a table, or names a patient, cell or type that does not exist.
    """
    known = {shown(patient.patient): patient for patient in report.patients}
    by_patient: dict[str, list[dict[str, str]]] = {}
    for row in _rows(path):
        name = known_id(row["patient"], known)
        if name is None:
            raise InputError(f"{path} names patient {row['patient']}, who is not in this run")
        by_patient.setdefault(name, []).append(row)
    return {known[name].patient: _reviewed(known[name], rows, path) for name, rows in by_patient.items()}


def with_review(
    report: CohortReport, path: Path, settings: CountingSettings, known: KnownErrors
) -> CohortReport:
    """Return the report with the shares inferred from a completed review, which decide if they can.

    Raises
    ------
    InputError
        As for `read_review`.
    """
    found = read_review(report, path)

    def of(patient: PatientReading) -> PatientReading:
        inferred = found.get(patient.patient)
        if inferred is None:
            return patient
        counting = replace(settings, looks_again=patient.looks_again)
        flags = (*patient.flags, *(f"{REVIEW}{warning}" for warning in inferred.warnings))
        numbers = numbers_of(patient.fields, patient.details.specimen, counting, known, inferred)
        return decided(replace(patient, flags=flags), numbers, counting)

    return replace(report, patients=tuple(of(patient) for patient in report.patients))


def _suggested(patient: PatientReading, number: int) -> list[list[str]]:
    fields = {field.name: field for field in patient.fields}
    lines = []
    for choice in suggest_review(patient, number):
        cell = fields[choice.field].cells[choice.row]
        corners = [f"{corner:.1f}" for corner in cell.box]
        place = [csv_text(patient.patient), csv_text(choice.field), str(choice.row + 1), *corners]
        lines.append([*place, choice.part.value, cell.cell_type, f"{cell.p_blast:.4f}", ""])
    return lines


def _reviewed(patient: PatientReading, rows: list[dict[str, str]], path: Path) -> Inferred:
    called = {
        (shown(field.name), str(number)): patient.differential.counts_as_blast(cell)
        for field in patient.fields
        for number, cell in enumerate(field.cells, start=1)
        if cell.is_counted
    }
    seen: dict[tuple[str, str], bool] = {}
    drawn = 0
    for row in rows:
        key = (composed(row["field"]), row["cell"])
        if key not in called:
            raise InputError(f"{path}: cell {key[1]} of {key[0]} is not a counted cell of the patient")
        if row["part"] == Part.RANDOM:
            drawn += 1
            if row[REVIEWED_TYPE].strip():
                seen[key] = _is_blast(row, path, patient.differential.equivalents)
    is_blast = list(seen.values())
    level = CountingSettings(looks_again=patient.looks_again).level
    clustering = lot_clustering([name for name, _ in called], [name for name, _ in seen], is_blast)
    if len(seen) == len(called):
        share = wilson(sum(is_blast), len(is_blast), level, clustering)
    else:
        share = reviewed_share(
            is_blast,
            [called[key] for key in seen],
            [was_called for key, was_called in called.items() if key not in seen],
            level,
            clustering,
        )
    return Inferred(share, len(seen), tuple(_warnings(rows, drawn, len(seen))))


def _warnings(rows: list[dict[str, str]], drawn: int, filled: int) -> list[str]:
    warnings = []
    if any(row[REVIEWED_TYPE].strip() and row["part"] != Part.RANDOM for row in rows):
        warnings.append("Cells not drawn by lot tell nothing of a share and were left out of it.")
    if 0 < filled < drawn:
        warnings.append(
            f"Only {filled} of the {drawn} cells drawn by lot are reviewed: if those left out are not like "
            "the others (the difficult ones, say), the share is wrong."
        )
    if filled < FEWEST_REVIEWED:
        warnings.append(f"{filled} reviewed cells drawn by lot are too few; {FEWEST_REVIEWED} are needed.")
    return warnings


def _is_blast(row: Mapping[str, str], path: Path, equivalents: Sequence[str]) -> bool:
    found = taxonomy().named(row[REVIEWED_TYPE])
    if found is None:
        raise InputError(
            f"{path}: {row[REVIEWED_TYPE]!r} is not a cell type (see the column cell_type for examples)"
        )
    return found.is_blast or found.id in equivalents


def _rows(path: Path) -> list[dict[str, str]]:
    table = read_table(path)
    table.require(REVIEW_COLUMNS)
    return [row.values for row in table.rows]
