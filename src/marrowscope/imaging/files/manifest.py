"""The manifest of a cohort: a CSV file `patient,path[,truth]`, and what is stated about each case."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from marrowscope.domain.case.details import CaseDetails, read_details
from marrowscope.errors import InputError
from marrowscope.imaging.files.spreadsheets import Row, read_table
from marrowscope.imaging.names import absolute, composed, decomposed, shown, shown_lines

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One line of a manifest.

    Attributes
    ----------
    patient : name
    place : of their images: an absolute path, or a URL of object storage
    truth : known state, if any
    details : what is stated about the case
    """

    patient: str
    place: str
    truth: str | None
    details: CaseDetails

    @property
    def path(self) -> Path:
        """The place, where it is no URL."""
        return Path(self.place)

    @property
    def is_remote(self) -> bool:
        """Whether the images lie in object storage."""
        return bool(_URL.match(self.place))


def read_manifest(manifest: Path) -> tuple[ManifestRow, ...]:
    """Read the lines of a manifest; paths may be relative to the manifest's own folder.

    Columns are found by name, in any order and case; `spreadsheets.read_table` says what may be read. Paths
    may be written with backslashes.

    Raises
    ------
    InputError
        Unreadable, a missing column, a line without patient or path, or details that cannot be understood.
    """
    table = read_table(manifest)
    if "patient" not in table.columns or "path" not in table.columns:
        raise InputError(f"manifest {table.name} needs the columns 'patient' and 'path'; 'truth' is optional")
    return tuple(_row(manifest, row) for row in table.rows)


def rows_by_patient(manifest: Path) -> dict[str, list[ManifestRow]]:
    """Read a manifest; return each patient's lines, patients in the order of their first ones.

    Raises
    ------
    InputError
        As `read_manifest`.
    """
    rows: dict[str, list[ManifestRow]] = {}
    for row in read_manifest(manifest):
        rows.setdefault(row.patient, []).append(row)
    return rows


def _row(manifest: Path, row: Row) -> ManifestRow:
    patient, path = row.values["patient"], row.values["path"]
    if not patient or not path or "\0" in path:
        raise InputError(f"manifest {shown(manifest.name)}, line {row.line}: patient or path is missing")
    try:
        details = read_details({name: shown_lines(text) for name, text in row.values.items()})
    except ValueError as error:
        raise InputError(f"manifest {shown(manifest.name)}, line {row.line}: {error}") from error
    return ManifestRow(shown(patient), _place(manifest, path), row.values.get("truth") or None, details)


def _place(manifest: Path, path: str) -> str:
    if _URL.match(path):
        return path
    found = _beside(manifest, path)
    if "\\" in path and not found.exists():
        found = _beside(manifest, path.replace("\\", "/"))
    return str(found)


def _beside(manifest: Path, path: str) -> Path:
    beside = manifest.parent
    found = (beside / writing for writing in (path, composed(path), decomposed(path)))
    existing = next((each for each in found if os.path.lexists(each)), beside / path)
    return absolute(existing)
