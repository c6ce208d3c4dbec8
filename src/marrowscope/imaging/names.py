"""Names of patients and fields: sorting, display and conversion to file names."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

_LONGEST_BYTES: Final = 120  # most file systems allow 255 bytes; leaves room for suffixes
_DIGITS: Final = 4000  # Python converts no longer numbers
LONGEST_NAME: Final = 400
"""Characters of a patient's or field's name; a file with a longer one is refused."""
_NUMBER = re.compile(r"(\d+)")
_END = re.compile(r"(\.\w{1,5})(?:#\d+)?$")  # of a file; behind it, which of its fields is meant
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def absolute(path: str | Path) -> Path:
    """Return a path from the root, without `..`; symbolic links stay, as a folder may name its patient."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (`Path.resolve` follows symbolic links)


def composed(text: str) -> str:
    """Return text as it is compared and hashed: in Unicode's composed form.

    The first letter of "Özdemir" may be typed as one character or two (Unicode Standard Annex 15): keyboards,
    file systems and archives differ in it.
    """
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    """Return text as those write it who take letters apart, as macOS does."""
    return unicodedata.normalize("NFD", text)


def comparable(text: str) -> str:
    """Return what two writings of one name have in common: composed, whatever the capitals.

    Some databases fold the capitals of ASCII alone.
    """
    return composed(composed(text).casefold())


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts `field 2` before `field 10`."""
    parts = _NUMBER.split(comparable(name))
    return (*((0, int(p[:_DIGITS]), "") if p.isdecimal() else (1, 0, p) for p in parts if p), (-1, 0, name))


def shown(name: str) -> str:
    """Return text composed and on one line of UTF-8, whatever bytes the file system returned."""
    text = composed(name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    if text.isprintable():  # the usual text; a page shows all of its own through here
        return text
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)


def shown_lines(text: str) -> str:
    """Return a text of several lines as it is printed, as `shown` does each of its lines."""
    return "\n".join(map(shown, text.splitlines()))


def safe_name(name: str) -> str:
    """Return a short file or folder name without separators or `..`, different for different texts.

    Names that are already safe are returned unchanged, including non-Latin names and names with spaces. Any
    other name is cleaned, and eight digits of its digest are appended.
    """
    clean = _UNSAFE.sub("_", shown(name)).strip(" .")
    reserved = clean.split(".")[0].casefold() in _RESERVED
    if clean and clean == name and not reserved and len(clean.encode()) <= _LONGEST_BYTES:
        return clean
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    short = clean.encode()[: _LONGEST_BYTES - 9].decode("utf-8", "ignore").strip(" .")
    return f"{short or '_'}-{digest}"


def safe_path(field: str) -> str:
    """Return a field's name as the path of a file of its own, which keeps the end that tells what it is.

    >>> safe_path("slide 1/a.jpg"), safe_path("three.tif#2")
    ('slide 1/a.jpg', 'three.tif#2.tif')
    """
    safe, end = "/".join(map(safe_name, field.split("/"))), _END.search(field)
    return safe if end is None or safe.endswith(end[1]) else f"{safe}{end[1]}"


def shortened(name: str) -> str:
    """Return `name`, or its beginning and end with eight digits of its digest between if it is too long."""
    if len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{name[:60]}…{digest}…{name[-60:]}"


def too_long(name: str) -> str | None:
    """Return why a name is refused, None if it is not."""
    if len(name) <= LONGEST_NAME:
        return None
    return f"its name has {len(name):,} characters, more than the limit of {LONGEST_NAME}"


def distinct(name: str, taken: Collection[str]) -> str:
    """Return `name`, or `name (2)`, `name (3)` ... if it is taken."""
    return next(each for each in numbered(name) if each not in taken)


def numbered(name: str) -> Iterator[str]:
    """Yield `name`, `name (2)`, `name (3)` and so on: what `distinct` makes of one name."""
    yield name
    yield from (f"{name} ({number})" for number in itertools.count(2))
