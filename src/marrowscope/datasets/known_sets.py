"""Public image sets by identifier: title, licence, origin."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class KnownSet:
    """One public set; `licence_checked` tells a licence that was read from one only remembered."""

    id: str
    title: str
    licence: str
    licence_checked: bool
    origin: str
    note: str


@cache
def known_sets() -> dict[str, KnownSet]:
    """Give every public set this software knows, by identifier."""
    text = files("marrowscope.datasets").joinpath("known_sets.toml").read_text(encoding="utf-8")
    return {row["id"]: KnownSet(**row) for row in tomllib.loads(text)["set"]}


def describe_set(identifier: str) -> KnownSet:
    """Describe a set by identifier, ``fields/bccd`` or ``bccd``; an unknown one says so in its licence."""
    name = identifier.rsplit("/", 1)[-1]
    return known_sets().get(name) or KnownSet(name, name, "not recorded", False, "", "")
