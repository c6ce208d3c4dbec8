"""Tables as spreadsheet programs write them: in their encodings, with their separators, ids made numbers."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marrowscope.errors import InputError
from marrowscope.imaging.names import composed, distinct, shown

_SEPARATORS: Final = (",", ";", "\t")  # spreadsheets of half of Europe write the second
_SEPARATOR_LINE: Final = re.compile(r"sep=(.)\r?", re.IGNORECASE)  # Excel's own, before the header
_MAX_BYTES: Final = 64 * 2**20
_WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FORMULA_STARTS: Final = ("=", "+", "-", "@")
_ADVICE: Final = "save it as 'CSV UTF-8'"
_LONGEST_SHEET_NAME: Final = 31  # Excel's own limit
_NOT_IN_SHEET_NAMES: Final = str.maketrans(dict.fromkeys("[]:*?/\\", "_"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its number in the file, and its values by column."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read.

    Attributes
    ----------
    name : of the file, for messages
    columns : names, in lower case without spaces around them
    rows : those that are not empty
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, columns: Sequence[str]) -> None:
        """Check that columns are there.

        Raises
        ------
        InputError
            One is missing.
        """
        missing = [column for column in columns if column not in self.columns]
        if missing:
            raise InputError(f"{self.name}: missing columns: {', '.join(missing)}")


def read_table(path: Path) -> Table:
    """Read a CSV file: UTF-8, UTF-16 or Windows-1252, separated by comma, semicolon or tab.

    A first line ``sep=;`` is understood, empty lines are skipped, and the apostrophe that keeps a spreadsheet
    from reading a formula is taken off.

    Raises
    ------
    InputError
        Unreadable, too large, in another encoding, or without a header.
    """
    name = shown(path.name)
    text = read_text(path, _ADVICE)
    first, _, rest = text.partition("\n")
    if stated := _SEPARATOR_LINE.fullmatch(first):
        separator, text, skipped = stated[1], rest, 1
    else:
        separator, skipped = max(_SEPARATORS, key=text.lstrip().split("\n", 1)[0].count), 0
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        lines = [(reader.line_num + skipped, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{name}: {error}; {_ADVICE}") from error
    if not lines:
        raise InputError(f"{name} is empty")
    columns = tuple(cell.strip().lower() for cell in lines[0][1])
    rows = (Row(line, _values(columns, cells)) for line, cells in lines[1:])
    return Table(name, columns, tuple(rows))


def known_id(text: str, known: Collection[str]) -> str | None:
    """Return which of the known identifiers a spreadsheet's cell means, None if none or more than one.

    Spreadsheets turn 007 into 7, and 1E5 into 100000 or 1.00E+05: where the text itself is not known, the one
    that is the same number is meant. Accents may be composed or not.
    """
    if text in known:
        return text
    alike = [each for each in known if composed(each) == composed(text)]
    if len(alike) == 1:
        return alike[0]
    number = _number(text)
    same = [each for each in known if number is not None and _number(each) == number]
    return same[0] if len(same) == 1 else None


def protected(text: str) -> str:
    """Return text for a cell; what a spreadsheet would take for a formula gets an apostrophe (OWASP)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _values(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    padded = (*cells, *("",) * (len(columns) - len(cells)))
    return {column: _plain(cell) for column, cell in zip(columns, padded, strict=False) if column}


def _plain(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA_STARTS else text


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def read_text(path: Path, advice: str = "") -> str:
    """Return the text of a file as spreadsheets and other systems write it: UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    InputError
        Unreadable, too large, or in another encoding, of which the message says `advice`.
    """
    name = shown(path.name)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{name} is larger than {_MAX_BYTES:,} bytes, the limit of a table")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{shown(str(path))} cannot be read: {error.strerror or error}") from error
    encodings = ("utf-16",) if data.startswith(_WIDE) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(f"{name} is not text in an encoding that is read" + (f"; {advice}" if advice else ""))


def sheet_name(patient: str, taken: Collection[str]) -> str:
    """Return a unique sheet name for a patient that Excel accepts.

    Excel ignores case when comparing names, allows 31 UTF-16 units (rare characters count twice), and
    forbids brackets, colons, asterisks, question marks and slashes, an apostrophe at either end, and the name
    History.
    """
    cleaned = _cut(shown(patient).translate(_NOT_IN_SHEET_NAMES).strip().strip("'"), _LONGEST_SHEET_NAME)
    folded = {name.casefold() for name in taken} | {"history"}
    if cleaned and cleaned.casefold() not in folded:
        return cleaned
    stem = _cut(cleaned or "Patient", _LONGEST_SHEET_NAME - 8)
    name = distinct(stem.casefold(), folded)
    return stem + name[len(stem.casefold()) :]


def _cut(text: str, units: int) -> str:
    """Shorten a text to a number of UTF-16 units without splitting a character."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").strip().strip("'")
