"""The tree of cell types, read from one data file.

Codes and counting rules: SNOMED CT, LOINC, and the ICSH guideline for bone-marrow reports (Lee et al.,
Int J Lab Hematol 2008;30:349).
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

BLAST = "blast"
UNCLASSIFIED = "unclassified"
ARTEFACT = "artefact"
ERYTHROID = "erythroid"
"""Lineage of the erythroblasts."""
REVIEWED_TYPE = "reviewed_type"
"""Column of a cell table in which a reader names the cell type; `Taxonomy.named` reads it."""


@dataclass(frozen=True)
class CellType:
    """One kind of cell.

    Attributes
    ----------
    id : identifier used in files and programs
    name : term for print
    lineage : granulocytic, monocytic, lymphoid, erythroid, megakaryocytic, stromal, foreign, blast, unknown
    is_blast : counts as a blast
    is_counted : in the denominator of the differential (all nucleated cells)
    parent : identifier of the broader type, if any
    snomed : code, if the type has one
    loinc : code of its share of the cells of bone marrow, by manual count
    loinc_blood, loinc_blood_manual : codes of its share of the leukocytes of blood; by manual count
    abbreviation : label drawn beside a box
    colour : ``#rrggbb``
    """

    id: str
    name: str
    lineage: str
    is_blast: bool
    is_counted: bool
    abbreviation: str
    colour: str
    parent: str | None = None
    snomed: str | None = None
    loinc: str | None = None
    loinc_blood: str | None = None
    loinc_blood_manual: str | None = None


@dataclass(frozen=True)
class Taxonomy:
    """All cell types, in the order a differential lists them."""

    version: str
    cell_types: tuple[CellType, ...]

    def __getitem__(self, cell_type: str) -> CellType:
        for candidate in self.cell_types:
            if candidate.id == cell_type:
                return candidate
        raise KeyError(cell_type)

    def __contains__(self, cell_type: object) -> bool:
        return any(candidate.id == cell_type for candidate in self.cell_types)

    def __iter__(self) -> Iterator[CellType]:
        return iter(self.cell_types)

    def named(self, text: str) -> CellType | None:
        """Return the type with this identifier, name or abbreviation (any case), None if there is none."""
        wanted = text.strip().casefold()
        for candidate in self.cell_types:
            known = {candidate.id, candidate.id.replace("_", " "), candidate.name, candidate.abbreviation}
            if wanted in {name.casefold() for name in known}:
                return candidate
        return None

    def ancestors(self, cell_type: str) -> tuple[CellType, ...]:
        """Return the broader types of a cell type, nearest first."""
        found: list[CellType] = []
        parent = self[cell_type].parent
        while parent is not None:
            found.append(self[parent])
            parent = found[-1].parent
        return tuple(found)


@cache
def taxonomy() -> Taxonomy:
    """Return the package's taxonomy."""
    document = tomllib.loads(resources.files(__package__).joinpath("taxonomy.toml").read_text("utf-8"))
    return Taxonomy(
        version=document["version"],
        cell_types=tuple(_cell_type(entry) for entry in document["cell_type"]),
    )


def _cell_type(entry: dict[str, str | bool]) -> CellType:
    fields = {key: value for key, value in entry.items() if key not in {"blast", "counted"}}
    return CellType(
        is_blast=bool(entry.get("blast", False)),
        is_counted=bool(entry["counted"]),
        **fields,  # type: ignore[arg-type]  # a test of the data file checks keys and types
    )
