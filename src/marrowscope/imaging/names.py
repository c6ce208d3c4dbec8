"""Names of patients and fields: sorting, display and conversion to file names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection
from typing import Final

_LONGEST_BYTES: Final = 120  # most file systems allow 255 bytes; leaves room for suffixes
_NUMBER = re.compile(r"(\d{1,300})")  # Python refuses to convert thousands of digits
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)


def comparable(text: str) -> str:
    """Return what two writings of one name have in common: composed, whatever the capitals.

    The first letter of "Özdemir" may be typed as one character or two (Unicode Standard Annex 15), and some
    databases fold the capitals of ASCII alone.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key that puts `field 2` before `field 10`."""
    parts = _NUMBER.split(comparable(name))
    return (*((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p), (-1, 0, name))


def shown(name: str) -> str:
    """Return text that can be written as UTF-8 on one line, whatever bytes the file system returned."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)


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


def distinct(name: str, taken: Collection[str]) -> str:
    """Return `name`, or `name (2)`, `name (3)` ... if it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
