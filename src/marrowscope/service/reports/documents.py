"""A report as the text that is kept of it: every figure as it was printed, none computed again when read.

A newer version of the software, other networks or another rule change nothing of a signed report. What is
written follows from the fields of the dataclasses themselves, so that a new one cannot be forgotten.
"""

import hashlib
import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from marrowscope.domain.decision import Clustering
from marrowscope.domain.patient import CohortReport, FieldReading
from marrowscope.journal import document_of, reading_of

FORMAT = 2
"""Format 1 left out four figures of a patient, sorted all names, and wrote an infinite number as null."""

_FORMAT = "format"


def written(report: CohortReport) -> tuple[str, str]:
    """Return a report as text, and the text's SHA-256."""
    document = {_FORMAT: FORMAT, **_plain(report)}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(text: str) -> CohortReport:
    """Return the report that `written`, of this version or an earlier one, wrote down."""
    report: CohortReport = _typed(CohortReport, json.loads(text))
    return report


def _plain(value: Any) -> Any:
    """Return a value as what JSON can hold."""
    if isinstance(value, FieldReading):
        return document_of(value)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _typed(kind: Any, document: Any) -> Any:
    """Return the value of a type that `_plain` wrote down."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        (given,) = (each for each in arguments if each is not type(None))
        return None if document is None else _typed(given, document)
    if origin is tuple:
        return tuple(_typed(arguments[0], member) for member in document)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {name: _typed(arguments[1], member) for name, member in document.items()}
    if kind is FieldReading:
        return reading_of(document)
    return _of_dataclass(kind, document) if is_dataclass(kind) else kind(document)


def _of_dataclass(kind: Any, document: Mapping[str, Any]) -> Any:
    """Return a dataclass; fields that an earlier format did not have keep their default."""
    members = dict(document)
    if kind is Clustering and members["freedom"] is None:  # format 1
        members["freedom"] = math.inf
    hints = _hints(kind)
    return kind(**{name: _typed(hints[name], members[name]) for name in hints if name in members})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
