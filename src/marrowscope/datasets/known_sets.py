"""Public image sets by identifier: title, licence, origin, citation, layout, and what their labels mean."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

LEFT_OUT = ""


@dataclass(frozen=True)
class Marks:
    """How a set is distinguished from others; see the head of `known_sets.toml`."""

    file: str = ""
    folder: str = ""
    group: str = ""
    size: tuple[int, ...] = ()
    categories: int = 0


@dataclass(frozen=True)
class KnownSet:
    """One public set; `licence_checked` distinguishes a licence that was read from one only remembered.

    `labels` gives the taxonomy's type of each of the set's own labels, `prefixes` of the starts of file names
    that give more; `use` is what this software may use the set for (train, test, look).
    """

    id: str
    title: str
    licence: str
    licence_checked: bool
    origin: str
    note: str
    citation: str = ""
    doi: str = ""
    layout: str = ""
    use: tuple[str, ...] = ()
    corrections: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    marks: Marks = Marks()

    def type_of(self, folder: str, name: str) -> str:
        """Type of a cell by its folder's label and its file's name; `LEFT_OUT` where that is no one type."""
        return self.prefixes.get(name.partition("_")[0]) or self.labels[folder]

    def group_of(self, path: str) -> str:
        """Give the patient named by the path of a file within the set, or nothing."""
        found = re.match(self.marks.group, path) if self.marks.group else None
        return found.group(1) if found else ""

    def to_json(self) -> dict[str, object]:
        """Give the set for programs."""
        return {key: value for key, value in asdict(self).items() if key != "marks"}


@cache
def known_sets() -> dict[str, KnownSet]:
    """Give every public set this software knows, by identifier, in the order they are tried in."""
    text = files("marrowscope.datasets").joinpath("known_sets.toml").read_text(encoding="utf-8")
    return {row["id"]: _known_set(row) for row in tomllib.loads(text)["set"]}


def describe_set(identifier: str) -> KnownSet:
    """Describe a set by identifier, ``fields/bccd`` or ``bccd``; of an unknown one no licence is recorded."""
    name = identifier.rsplit("/", 1)[-1]
    return known_sets().get(name) or KnownSet(name, name, "not recorded", False, "", "")


def _known_set(row: dict[str, Any]) -> KnownSet:
    marks = dict(row.pop("marks", {}))
    marks["size"] = tuple(marks.get("size", ()))
    return KnownSet(**{**row, "use": tuple(row.get("use", ())), "marks": Marks(**marks)})
