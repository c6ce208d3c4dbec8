"""What is kept of a signed report is the whole report, and what earlier versions kept can still be read."""

import json
import math
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from marrowscope.domain.cells import Cells
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.exports.tables import write_cells_csv, write_patients_csv
from marrowscope.service.reports import documents

FORMAT_1 = Path(__file__).parent / "signed_format_1"


class Filler:
    """Makes values of any type a report is made of, no two alike and no field at its default."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def value(self, kind: Any, depth: int = 0) -> Any:
        origin, arguments = get_origin(kind), get_args(kind)
        number = next(self._numbers)
        if origin in {Union, types.UnionType}:
            return self.value(arguments[0], depth)
        if origin is tuple:
            is_open = arguments[-1] is Ellipsis
            return tuple(self.value(each, depth) for each in (arguments[:1] * 2 if is_open else arguments))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {f"key {next(self._numbers)}": self.value(arguments[1], depth) for _ in range(2)}
        if is_dataclass(kind):
            return self._cells(number) if kind is Cells else self._dataclass(kind, depth)
        simple: dict[type, Any] = {bool: True, int: number, float: number + 0.1, str: f"text {number}"}
        if issubclass(kind, Enum):
            members = [member for member in kind if member.value not in {"none", "not stated"}]
            return members[number % len(members)]
        return simple[kind]

    def _dataclass(self, kind: Any, depth: int) -> Any:
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        if kind is PatientReading and depth > 2:  # the networks' own reading, within a review
            names.remove("review")
        return kind(**{name: self.value(hints[name], depth + 1) for name in names})

    @staticmethod
    def _cells(number: int) -> Cells:
        floats = np.linspace(0, 1, 3, dtype=np.float32) / np.float32(number)
        boxes = np.arange(12, dtype=np.float32).reshape(3, 4) / np.float32(7)
        bools = np.array([True, False, True])
        names = ("blast", "monocyte", "lymphocyte")
        return Cells(
            boxes, floats, names, floats * 2, floats * 3, bools, ~bools, (("border",), (), ("a", "b"))
        )


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same to the last digit, types and order of names included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool(np.array_equal(one, other))
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def at_default(value: Any, path: str = "report") -> Iterator[str]:
    """Name every field, however deep, that has its default."""
    if is_dataclass(value):
        for field in fields(value):
            member = getattr(value, field.name)
            default = field.default_factory() if field.default_factory is not MISSING else field.default
            if default is not MISSING and same(member, default):
                yield f"{path}.{field.name}"
            yield from at_default(member, f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for number, member in enumerate(value):
            yield from at_default(member, f"{path}[{number}]")


def test_a_report_comes_back_whole_whatever_fields_it_has() -> None:
    report = Filler().value(CohortReport)
    left = set(at_default(report))
    # The networks' own reading has had no review: there the recursion ends.
    assert left == {f"report.patients[{number}].review.network.review" for number in range(2)}
    text, _ = documents.written(report)
    back = documents.read(text)
    assert same(back, report)
    assert documents.written(back)[0] == text


def test_what_was_kept_in_format_1_is_read_and_gives_the_same_files(tmp_path: Path) -> None:
    report = documents.read((FORMAT_1 / "document.json").read_text("utf-8"))
    (patient,) = report.patients
    assert patient.review is not None
    assert patient.review.signature is not None
    assert patient.review.signature.version == 2
    assert patient.review.network.clustering.freedom == math.inf
    writers: dict[str, Callable[[CohortReport, Path], None]] = {
        "cells.csv": write_cells_csv,
        "patients.csv": write_patients_csv,
    }
    for name, write in writers.items():
        write(report, tmp_path / name)
        assert (tmp_path / name).read_text("utf-8") == (FORMAT_1 / name).read_text("utf-8")
    assert json.loads(documents.written(report)[0])["format"] == 3
    assert same(documents.read(documents.written(report)[0]), report)
