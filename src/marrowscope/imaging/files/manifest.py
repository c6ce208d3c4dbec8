"""The manifest of a cohort: a CSV file `patient,path[,truth]`."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marrowscope.errors import InputError
from marrowscope.imaging.names import shown

_DELIMITERS: Final = (",", ";", "\t")  # many European spreadsheets write the second
_MAX_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One line: the patient, the absolute path of their images, and their known state, if any."""

    patient: str
    path: Path
    truth: str | None


def read_manifest(manifest: Path) -> tuple[ManifestRow, ...]:
    """Read the lines of a manifest; paths may be relative to the manifest's own folder.

    Columns are found by name, in any order and case, separated by comma, semicolon or tab. The file is UTF-8,
    with or without a byte-order mark. Empty lines are skipped.

    Raises
    ------
    InputError
        Unreadable, not UTF-8, a missing column, or a line without patient or path.
    """
    name = shown(manifest.name)
    text = _text(manifest)
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    try:
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"manifest {name}: {error}") from error
    if not lines:
        raise InputError(f"manifest {name} is empty")
    columns = [cell.strip().lower() for cell in lines[0][1]]
    if "patient" not in columns or "path" not in columns:
        raise InputError(f"manifest {name} needs the columns 'patient' and 'path'; 'truth' is optional")
    return tuple(_row(manifest, columns, number, cells) for number, cells in lines[1:])


def _row(manifest: Path, columns: list[str], number: int, cells: list[str]) -> ManifestRow:
    values = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
    patient, path = values.get("patient", ""), values.get("path", "")
    if not patient or not path or "\0" in path:
        raise InputError(f"manifest {shown(manifest.name)}, line {number}: patient or path is missing")
    absolute = os.path.abspath(manifest.parent / path)  # noqa: PTH100 (keeps symbolic links)
    return ManifestRow(shown(patient), Path(absolute), values.get("truth") or None)


def _text(manifest: Path) -> str:
    try:
        if manifest.stat().st_size > _MAX_BYTES:
            raise InputError(f"manifest {shown(manifest.name)} is larger than {_MAX_BYTES:,} bytes")
        return manifest.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"manifest {shown(str(manifest))} cannot be read: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"manifest {shown(manifest.name)} is not UTF-8 text") from error


def _delimiter(text: str) -> str:
    header = text.lstrip().split("\n", 1)[0]
    return max(_DELIMITERS, key=header.count)
