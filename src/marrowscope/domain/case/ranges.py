"""Reference ranges by specimen and age: published ones, or the laboratory's own."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from marrowscope.domain.case.details import CaseDetails, Sex
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.taxonomy import taxonomy


class Figure(StrEnum):
    """What a range is of: a percentage of the counted cells, or a figure beside the differential."""

    PERCENT = "percent"
    M_TO_E = "m_to_e"
    ERYTHROBLASTS_PER_100 = "erythroblasts_per_100"


class Flag(StrEnum):
    """Where a value lies."""

    LOW = "low"
    HIGH = "high"
    INSIDE = ""


@dataclass(frozen=True)
class ReferenceRange:
    """The range in which the healthy are expected.

    Attributes
    ----------
    title : of the figure
    figure : what it is of
    types : for a percentage, the cell types counted together; narrower types belong to theirs
    low, high : bounds, both inside
    specimen : of which
    age_from, age_below : years, from the first to below the second
    sex : not stated where the range is for both
    source : publication, or the laboratory's own words
    """

    title: str
    figure: Figure
    types: tuple[str, ...]
    low: float
    high: float
    specimen: Specimen
    age_from: float
    age_below: float
    sex: Sex
    source: str

    def holds_for(self, details: CaseDetails) -> bool:
        """Return whether it applies to a case; never where specimen, age or a sex it needs is not stated."""
        return (
            self.specimen is details.specimen
            and details.age_years is not None
            and self.age_from <= details.age_years < self.age_below
            and self.sex in (Sex.NOT_STATED, details.sex)
        )

    def flag(self, value: float) -> Flag:
        """Return where a value, as it is printed, lies."""
        if value < self.low:
            return Flag.LOW
        return Flag.HIGH if value > self.high else Flag.INSIDE


def read_ranges(document: Mapping[str, Any]) -> tuple[ReferenceRange, ...]:
    """Return the ranges in the groups of a TOML document.

    Raises
    ------
    ValueError
        A group or a range is not as `reference_ranges.toml` describes; the message says which.
    """
    groups = document.get("group", [])
    if not isinstance(groups, list):
        raise ValueError("group must be tables: [[group]]")  # noqa: TRY004 (one error for the caller)
    return tuple(found for number, group in enumerate(groups, 1) for found in _of_group(number, group))


def merged(own: Sequence[ReferenceRange]) -> tuple[ReferenceRange, ...]:
    """Return a laboratory's own ranges, with the published ones of specimens for which it has none."""
    stated = {each.specimen for each in own}
    return (*own, *(each for each in published_ranges() if each.specimen not in stated))


@cache
def published_ranges() -> tuple[ReferenceRange, ...]:
    """Return the package's ranges, each with its publication."""
    text = resources.files(__package__).joinpath("reference_ranges.toml").read_text("utf-8")
    return read_ranges(tomllib.loads(text))


def _of_group(number: int, group: Any) -> list[ReferenceRange]:
    place = f"group {number}"
    try:
        specimen = Specimen(group["specimen"])
        source = str(group["source"]).strip()
        ages = float(group.get("age_from", 0)), float(group.get("age_below", float("inf")))
        entries = list(group["range"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{place} needs specimen (marrow or blood), source, and ranges: {error}") from error
    if not source or specimen is Specimen.NOT_STATED:
        raise ValueError(f"{place} needs a source, and marrow or blood as its specimen")
    return [
        _range(f"{place}, range {at}", entry, specimen, ages, source) for at, entry in enumerate(entries, 1)
    ]


def _range(
    place: str, entry: Any, specimen: Specimen, ages: tuple[float, float], source: str
) -> ReferenceRange:
    try:
        found = ReferenceRange(
            title=str(entry["title"]),
            figure=Figure(entry.get("figure", Figure.PERCENT)),
            types=tuple(entry.get("types", ())),
            low=float(entry["low"]),
            high=float(entry["high"]),
            specimen=specimen,
            age_from=ages[0],
            age_below=ages[1],
            sex=Sex(entry.get("sex", Sex.NOT_STATED)),
            source=source,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{place} needs title, low and high: {error}") from error
    if found.low > found.high:
        raise ValueError(f"{place}: low is greater than high")
    if (found.figure is Figure.PERCENT) is not bool(found.types):
        raise ValueError(f"{place}: a percentage needs types, and another figure has none")
    unknown = [name for name in found.types if name not in taxonomy()]
    if unknown:
        raise ValueError(f"{place}: no such cell type: {', '.join(map(str, unknown))}")
    return found
