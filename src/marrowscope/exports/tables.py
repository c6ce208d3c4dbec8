"""The report as tables: ``patients.csv``, ``cells.csv``, and the rows that other formats print, too.

Equal readings give equal bytes: decimals are fixed, rows are in the report's order, lines end in a line feed.
Percentages have two decimals here, and one in formats for reading (the page, the workbook's display).
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import FLAG_ADDED, FLAG_REVIEWED, Cell
from marrowscope.domain.decision import Interval
from marrowscope.domain.differential import erythroblasts_per_100
from marrowscope.domain.patient import CohortReport, FieldStatus, PatientReading
from marrowscope.domain.percent import FILE_DECIMALS, file_percent
from marrowscope.domain.quantity import quantity
from marrowscope.domain.taxonomy import REVIEWED_TYPE
from marrowscope.exports.atomic import atomic_path
from marrowscope.imaging.files.spreadsheets import protected
from marrowscope.imaging.names import shown

Value = str | int | float | bool | None

PATIENT_COLUMNS = (
    "patient",
    "fields",
    "fields_failed",
    "cells",
    "counted",
    "excluded",
    "unclassified",
    "blasts",
    "blast_percent",
    "ci_low",
    "ci_high",
    "adjusted_percent",
    "adjusted_low",
    "adjusted_high",
    "reviewed_percent",
    "reviewed_low",
    "reviewed_high",
    "effective_cells",
    "decision",
    "rule",
    "reasons",
    "specimen",
    "expected_low",
    "expected_high",
    "decided_by",
    "images_passed_over",
    "erythroblasts_per_100",
)
CELL_COLUMNS = (
    "patient",
    "field",
    "cell",
    "x0",
    "y0",
    "x1",
    "y1",
    "score",
    "cell_type",
    "probability",
    "p_blast",
    "is_blast",
    "counted",
    "flags",
)
MEGAKARYOCYTES_CSV = "megakaryocytes.csv"
MEGAKARYOCYTE_COLUMNS = (
    "patient",
    "field",
    "x0",
    "y0",
    "x1",
    "y1",
    "area_um2",
    "nucleus_um2",
    "score",
    "confirmed",
)
GUESS_COLUMNS = ("second_type", "second_probability")
REVIEW_COLUMNS = ("network_type", REVIEWED_TYPE)
SIGNED_COLUMNS = ("signed_type",)
_BOX_DECIMALS = 1
_PROBABILITY_DECIMALS = 4
_FAILURES_LISTED = 5  # failed fields listed in a patient's reasons; run.json has all of them
_JOINT = "; "


def write_patients_csv(report: CohortReport, path: Path) -> None:
    """Write a row per patient, with the columns `PATIENT_COLUMNS`.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_table(path, PATIENT_COLUMNS, map(patient_texts, report.patients))


def write_cells_csv(report: CohortReport, path: Path) -> None:
    """Write a row per cell, with the columns `CELL_COLUMNS` and boxes in pixels of the original image.

    Boxes of a slide's tiles are in full-resolution pixels of the slide. `GUESS_COLUMNS` follow, but not in
    reports of versions that did not know them: a signed report gives the same file for ever. If a patient
    was reviewed, `REVIEW_COLUMNS` are next: the networks' type of each cell and the reader's, which training
    uses. `cell_type` is then the type in force. Where cells were signed by an analyser or a technologist,
    `SIGNED_COLUMNS` are last.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    is_reviewed = any(patient.review for patient in report.patients)
    is_signed = any(field.signed_type for patient in report.patients for field in patient.fields)
    has_guesses = _has_guesses(report)
    unsigned = (
        *CELL_COLUMNS,
        *(GUESS_COLUMNS if has_guesses else ()),
        *(REVIEW_COLUMNS if is_reviewed else ()),
    )
    rows = (
        [*row, *("",) * (len(unsigned) - len(row)), *((signed or "",) if is_signed else ())]
        for patient in report.patients
        for row, signed in _cell_rows(patient, has_guesses)
    )
    write_table(path, (*unsigned, *(SIGNED_COLUMNS if is_signed else ())), rows)


def write_megakaryocytes_csv(report: CohortReport, path: Path) -> None:
    """Write a row per candidate for a megakaryocyte, with the columns `MEGAKARYOCYTE_COLUMNS`.

    Boxes are in full-resolution pixels of the field or slide. `confirmed` is empty until a reader answers.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    rows = (
        [
            csv_text(patient.patient),
            csv_text(each.image),
            *map(str, each.candidate.box),
            f"{each.candidate.area_um2:.0f}",
            f"{each.candidate.nucleus_um2:.0f}",
            f"{each.candidate.score:.3f}",
            csv_text(each.candidate.is_confirmed),
        ]
        for patient in report.patients
        for each in (patient.megakaryocytes.listed if patient.megakaryocytes else ())
    )
    write_table(path, MEGAKARYOCYTE_COLUMNS, rows)


def patient_texts(patient: PatientReading) -> list[str]:
    """Return a patient's row as it is written."""
    row = patient_row(patient)
    return [csv_text(row[name]) for name in PATIENT_COLUMNS]


def patient_row(patient: PatientReading) -> dict[str, Value]:
    """Return a patient's values by column; None if a figure is not defined.

    `adjusted_*` are the share that decides. Percentages are 0..100, rounded to two decimals. Reasons are
    those of the decision, followed by what the count cannot see, the patient's flags, and the first fields
    that could not be read, each with its cause.
    """
    differential, expected = patient.differential, patient.expected_interval
    return {
        "patient": shown(patient.patient),
        "fields": len(patient.fields),
        "fields_failed": patient.fields_failed,
        "cells": differential.cells,
        "counted": differential.counted,
        "excluded": sum(differential.excluded.values()),
        "unclassified": differential.unclassified,
        "blasts": differential.blasts,
        **_percents(patient.blast_interval, ("blast_percent", "ci_low", "ci_high")),
        **_percents(patient.adjusted_interval, ("adjusted_percent", "adjusted_low", "adjusted_high")),
        **_percents(patient.reviewed_interval, ("reviewed_percent", "reviewed_low", "reviewed_high")),
        "effective_cells": round(patient.clustering.effective(differential.counted)),
        "decision": patient.decision.verdict.value,
        "rule": patient.decision.rule.id,
        "reasons": reasons_text(reasons(patient)),
        "specimen": patient.details.specimen.value,
        "expected_low": None if expected is None else file_percent(expected.low),
        "expected_high": None if expected is None else file_percent(expected.high),
        "decided_by": patient.decision.decided_by.value,
        "images_passed_over": patient.images_passed_over,
        "erythroblasts_per_100": _per_100(patient),
    }


def _per_100(patient: PatientReading) -> float | None:
    """Return the erythroblasts per 100 leukocytes of blood, None for another specimen."""
    is_blood = patient.details.specimen is Specimen.BLOOD
    per_100 = erythroblasts_per_100(patient.differential) if is_blood else None
    return None if per_100 is None else round(per_100, FILE_DECIMALS)


def reasons(patient: PatientReading) -> tuple[str, ...]:
    """Return the reasons for a decision, what the count cannot see, and what weakens it."""
    failed = [field for field in patient.fields if field.status is FieldStatus.FAILED]
    listed = [f"{field.name}: {field.message}" for field in failed[:_FAILURES_LISTED]]
    more = [f"and {len(failed) - len(listed)} more"] if len(failed) > len(listed) else []
    others = passed_over_text(patient)
    return (
        *patient.decision.reasons,
        *patient.limits,
        *patient.flags,
        *listed,
        *more,
        *([others] if others else []),
    )


def reasons_text(texts: Iterable[str]) -> str:
    """Return reasons as one text."""
    return _JOINT.join(map(shown, texts))


def passed_over_text(patient: PatientReading) -> str:
    """Return which of the patient's files are no images as far as is known, empty if none is."""
    names = patient.passed_over
    if not names:
        return ""
    more = f" and {len(names) - _FAILURES_LISTED} more" if len(names) > _FAILURES_LISTED else ""
    listed = ", ".join(names[:_FAILURES_LISTED])
    return f"{quantity(len(names), 'file')} not recognised as an image: {listed}{more}"


def csv_text(value: Value) -> str:
    """Return a value as a CSV field: empty for None, with fixed decimals, and safe for spreadsheets."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.{FILE_DECIMALS}f}"
    if isinstance(value, int):
        return str(value)
    return protected(shown(value))


def _percents(interval: Interval | None, names: Sequence[str]) -> Mapping[str, float | None]:
    if interval is None:
        return dict.fromkeys(names)
    shares = (interval.estimate, interval.low, interval.high)
    return dict(zip(names, map(file_percent, shares), strict=True))


def _has_guesses(report: CohortReport) -> bool:
    """Return whether the report knows second guesses; one without cells would."""
    cells = [field.cells for patient in report.patients for field in patient.fields]
    return not any(map(len, cells)) or any(any(each.second_types) for each in cells)


def _cell_rows(patient: PatientReading, has_guesses: bool) -> Iterator[tuple[list[str], str | None]]:
    """Yield each cell's row without its signed type, and that."""
    name = csv_text(patient.patient)
    by_network = {f.name: f.cells.cell_types for f in patient.review.network.fields} if patient.review else {}
    for field in patient.fields:
        network = by_network.get(field.name, ())
        for number, (cell, box) in enumerate(zip(field.cells, field.boxes_in_image, strict=True), start=1):
            own = network[number - 1] if number <= len(network) else ""
            guess = _guess_values(cell) if has_guesses else ()
            reviewed = (own, _reviewed_type(cell)) if patient.review else ()
            row = [name, csv_text(field.name), str(number), *_cell_values(cell, box), *guess, *reviewed]
            yield row, field.signed_type


def _reviewed_type(cell: Cell) -> str:
    return cell.cell_type if {FLAG_REVIEWED, FLAG_ADDED} & {*cell.flags} else ""


def _cell_values(cell: Cell, box: npt.NDArray[np.float32]) -> list[str]:
    return [
        *(f"{_unsigned(float(corner), _BOX_DECIMALS):.{_BOX_DECIMALS}f}" for corner in box),
        f"{cell.score:.{_PROBABILITY_DECIMALS}f}",
        cell.cell_type,
        f"{cell.probability:.{_PROBABILITY_DECIMALS}f}",
        f"{cell.p_blast:.{_PROBABILITY_DECIMALS}f}",
        csv_text(cell.is_blast),
        csv_text(cell.is_counted),
        csv_text(_JOINT.join(cell.flags)),
    ]


def _guess_values(cell: Cell) -> tuple[str, str]:
    return (
        cell.second_type,
        f"{cell.second_probability:.{_PROBABILITY_DECIMALS}f}" if cell.second_type else "",
    )


def _unsigned(value: float, decimals: int) -> float:
    """Round, and remove the sign of zero: a box just outside the image must not print as ``-0.0``."""
    return round(value, decimals) + 0.0


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows of texts below their columns.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
