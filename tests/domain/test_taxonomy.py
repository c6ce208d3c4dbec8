"""The taxonomy's data file: complete, consistent, codes with correct check digits."""

import re

import numpy as np
import pytest

from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, CellType, taxonomy
from marrowscope.models.bundle import load_bundle

CODED_LOINC = [t for t in taxonomy() if t.loinc]
CODED_SNOMED = [t for t in taxonomy() if t.snomed]

# Verhoeff's dihedral group D5: multiplication and permutation tables (Verhoeff 1969).
_D = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
      [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
      [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
      [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]  # fmt: skip
_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
      [8, 9, 1, 6, 0, 4, 3, 5, 2, 7], [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
      [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8]]  # fmt: skip


def verhoeff_holds(code: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _D[check][_P[place % 8][int(digit)]]
    return check == 0


def mod10_holds(code: str) -> bool:
    number, check = code.split("-")
    digits = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(number))]
    return (-sum(d // 10 + d % 10 for d in digits)) % 10 == int(check)


@pytest.mark.parametrize("cell_type", CODED_SNOMED, ids=lambda t: t.id)
def test_snomed_check_digit(cell_type: CellType) -> None:
    assert cell_type.snomed is not None
    assert verhoeff_holds(cell_type.snomed)


@pytest.mark.parametrize("cell_type", CODED_LOINC, ids=lambda t: t.id)
def test_loinc_check_digit(cell_type: CellType) -> None:
    assert cell_type.loinc is not None
    assert mod10_holds(cell_type.loinc)


def test_checks_catch_a_wrong_digit() -> None:
    assert not mod10_holds("11150-6")
    assert not verhoeff_holds("312256008")


def test_identifiers_abbreviations_and_codes_are_unique() -> None:
    for attribute in ("id", "name", "abbreviation"):
        values = [getattr(t, attribute) for t in taxonomy()]
        assert len(values) == len(set(values)), attribute
    assert len({t.snomed for t in CODED_SNOMED}) == len(CODED_SNOMED)
    assert len({t.loinc for t in CODED_LOINC}) == len(CODED_LOINC)


def test_every_parent_exists_and_blasts_descend_from_blast() -> None:
    for cell_type in taxonomy():
        ancestors = taxonomy().ancestors(cell_type.id)
        if cell_type.is_blast and cell_type.id != BLAST:
            assert ancestors[-1].id == BLAST
        else:
            assert not any(a.is_blast for a in ancestors)


def test_colours_are_hex_and_blasts_count() -> None:
    for cell_type in taxonomy():
        assert re.fullmatch(r"#[0-9a-f]{6}", cell_type.colour)
        assert cell_type.is_counted or not cell_type.is_blast


@pytest.mark.parametrize("name", ["platelet", "megakaryocyte", "smudge_cell", "artefact", "macrophage"])
def test_what_is_not_a_nucleated_marrow_cell_is_not_counted(name: str) -> None:
    assert not taxonomy()[name].is_counted


def test_an_unknown_type_is_not_in_the_taxonomy() -> None:
    assert "neutrophile" not in taxonomy()
    assert UNCLASSIFIED in taxonomy()
    with pytest.raises(KeyError):
        taxonomy()["neutrophile"]


@pytest.mark.parametrize("text", ["band_neutrophil", "Band Neutrophil", " BAN ", "band neutrophil"])
def test_a_type_is_found_as_people_write_it(text: str) -> None:
    found = taxonomy().named(text)
    assert found is not None
    assert found.id == "band_neutrophil"
    assert taxonomy().named("neutrophile") is None


def test_types_seen_side_by_side_have_colours_apart() -> None:
    """Types of the built-in classifier, by their distance in RGB; the closest are stages of one lineage."""
    named = ("blast", "unclassified", *load_bundle().classifier.types)
    rgb = np.array([[int(taxonomy()[n].colour[i : i + 2], 16) for i in (1, 3, 5)] for n in named], float)
    apart = np.linalg.norm(rgb[:, None] - rgb[None], axis=2) + 1000 * np.eye(len(named))
    assert apart.min() > 45, [named[i] for i in np.unravel_index(apart.argmin(), apart.shape)]
