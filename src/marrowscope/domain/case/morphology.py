"""Coded phrases of morphology, by what they describe, read from one data file.

The sections are those of a structured marrow report (Lee et al., Int J Lab Hematol 2008;30:349), and of a
blood film. The codes are this software's own: no terminology's are known for most of them.
"""

import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from marrowscope.domain.case.specimen import Specimen


@dataclass(frozen=True)
class Phrase:
    """A finding: its code, unique among all sections, and its words."""

    id: str
    text: str


@dataclass(frozen=True)
class Section:
    """What phrases describe, such as erythropoiesis.

    Attributes
    ----------
    id, title : identifier and heading
    specimens : in which it is looked for
    phrases : in the order of a report
    """

    id: str
    title: str
    specimens: tuple[Specimen, ...]
    phrases: tuple[Phrase, ...]

    def suits(self, specimen: Specimen) -> bool:
        """Return whether it is looked for in a specimen; in one that is not stated, anything may be."""
        return specimen is Specimen.NOT_STATED or specimen in self.specimens


@dataclass(frozen=True)
class Morphology:
    """All sections, in the order of a report."""

    version: str
    sections: tuple[Section, ...]

    def __contains__(self, phrase: object) -> bool:
        return any(known.id == phrase for section in self.sections for known in section.phrases)

    def described(self, phrases: Collection[str]) -> Iterator[tuple[Section, tuple[Phrase, ...]]]:
        """Yield each section with those of its phrases that are given, if there are any."""
        for section in self.sections:
            found = tuple(phrase for phrase in section.phrases if phrase.id in phrases)
            if found:
                yield section, found


@cache
def morphology() -> Morphology:
    """Return the package's phrases."""
    document = tomllib.loads(resources.files(__package__).joinpath("morphology.toml").read_text("utf-8"))
    return Morphology(
        version=document["version"],
        sections=tuple(
            Section(
                entry["id"],
                entry["title"],
                tuple(Specimen(name) for name in entry["specimens"]),
                tuple(Phrase(f"{entry['id']}.{code}", text) for code, text in entry["phrases"].items()),
            )
            for entry in document["section"]
        ),
    )
