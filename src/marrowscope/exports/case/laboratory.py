"""The settings of the reporting laboratory: a TOML file with its name, address and reference ranges."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from marrowscope.domain.case.laboratory import Laboratory, Systems
from marrowscope.domain.case.ranges import merged, read_ranges
from marrowscope.errors import InputError
from marrowscope.imaging.names import shown

_KNOWN = {"name", "address", "group", "systems"}
_SYSTEMS = tuple(field.name for field in fields(Systems))


def read_laboratory(path: Path | None) -> Laboratory:
    """Return the laboratory that a file describes, or none with the published ranges.

    Parameters
    ----------
    path : file with ``name``, ``address`` (a line or a list of lines), ranges as in
        ``reference_ranges.toml``, and a table ``systems`` with the members of `Systems`; all of it may be
        left out. Ranges of its own replace the published ones of that specimen.

    Raises
    ------
    InputError
        It cannot be read, or is not such a file.
    """
    if path is None:
        return Laboratory(ranges=merged(()))
    name = shown(path.name)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{name} is no TOML file: {error}") from error
    unknown = sorted(set(document) - _KNOWN)
    if unknown:
        raise InputError(f"{name}: unknown entries {', '.join(unknown)} (known: {', '.join(sorted(_KNOWN))})")
    address = document.get("address", [])
    lines = [address] if isinstance(address, str) else address
    title = document.get("name", "")
    if not isinstance(title, str) or not all(isinstance(line, str) for line in lines):
        raise InputError(f"{name}: name must be text, and address text or a list of texts")
    try:
        ranges = merged(read_ranges(document))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    systems = _systems(document.get("systems", {}), name)
    return Laboratory(title.strip(), tuple(line.strip() for line in lines), ranges, systems)


def _systems(given: Any, name: str) -> Systems:
    if not isinstance(given, dict) or not set(given) <= {*_SYSTEMS}:
        raise InputError(f"{name}: the table systems may hold {', '.join(_SYSTEMS)}")
    if not all(isinstance(text, str) and text.strip() for text in given.values()):
        raise InputError(f"{name}: the entries of systems must be texts")
    stated = {key: text.strip() for key, text in given.items()}
    for key in ("patient", "order"):
        if key in stated and (":" not in stated[key] or any(sign in stated[key] for sign in " |")):
            raise InputError(
                f"{name}: systems.{key} must be an address such as urn:oid:1.2.3 or https://lab.example/{key}"
            )
    return Systems(**stated)
