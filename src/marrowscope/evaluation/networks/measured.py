"""Measurements that a script makes, kept as JSON until the model card takes them up."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from marrowscope.errors import DatasetError

_Result = TypeVar("_Result")


def write_measured(document: Mapping[str, Any], path: Path) -> None:
    """Write a measurement."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_measured(path: Path, read: Callable[[dict[str, Any]], _Result], lacking: str) -> _Result:
    """Read a measurement; `lacking` says what is missing and what writes it, for DatasetError."""
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: {lacking}") from error
