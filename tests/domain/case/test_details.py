"""What a laboratory states: read as written, refused where it cannot be so, never guessed."""

import pytest

from marrowscope.domain.case.details import (
    NOTHING_STATED,
    CaseDetails,
    Particles,
    Sex,
    check,
    joined,
    read_details,
)
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.specimen import Specimen, specimen_named


@pytest.mark.parametrize(
    ("text", "specimen"),
    [
        ("marrow", Specimen.MARROW),
        ("Bone marrow aspirate", Specimen.MARROW),
        ("bone_marrow", Specimen.MARROW),
        ("BLOOD", Specimen.BLOOD),
        ("peripheral-blood", Specimen.BLOOD),
        ("", Specimen.NOT_STATED),
        ("urine", None),
    ],
)
def test_a_specimen_is_known_by_the_words_that_laboratories_write(
    text: str, specimen: Specimen | None
) -> None:
    assert specimen_named(text) is specimen


def test_columns_of_a_table_state_details() -> None:
    words = {
        "specimen": "bone marrow",
        "age_years": " 0.5 ",
        "sex": "Female",
        "particles": "absent",
        "collected": "2026-01-03",
        "phrases": "blasts.auer_rods; iron.normal",
        "truth": "leukemia",
        "site": "",
    }
    assert read_details(words) == CaseDetails(
        specimen=Specimen.MARROW,
        age_years=0.5,
        sex=Sex.FEMALE,
        particles=Particles.ABSENT,
        collected="2026-01-03",
        phrases=("blasts.auer_rods", "iron.normal"),
    )
    assert read_details({}) == NOTHING_STATED


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"specimen": "urine"}, "specimen must be marrow or blood"),
        ({"age_years": "old"}, "age_years must be a number"),
        ({"age_years": "-1"}, "age_years must be 0 to 130"),
        ({"age_years": "nan"}, "age_years must be 0 to 130"),
        ({"sex": "x"}, "sex must be female or male"),
        ({"particles": "some"}, "particles must be present or absent"),
        ({"collected": "03/01/2026"}, "collected must be a date such as"),
        ({"received": "2026-02-30"}, "received must be a date such as"),
        ({"collected": "2026-01-03", "received": "2026-01-02"}, "received must not be before collected"),
        ({"phrases": "blasts.purple"}, "no such phrase of morphology: blasts.purple"),
    ],
)
def test_what_cannot_be_so_is_refused_with_the_column(words: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_details(words)


def test_of_two_sources_the_first_holds_and_contradictions_are_named() -> None:
    first = CaseDetails(Specimen.BLOOD, site="arm")
    second = CaseDetails(Specimen.MARROW, site="arm", stain="Wright")
    assert joined(first, second) == (CaseDetails(Specimen.BLOOD, site="arm", stain="Wright"), ("specimen",))
    assert joined(NOTHING_STATED, second) == (second, ())


def test_every_phrase_is_one_of_a_section_and_has_a_code_of_its_own() -> None:
    phrases = [phrase for section in morphology().sections for phrase in section.phrases]
    assert len({phrase.id for phrase in phrases}) == len(phrases)
    every = tuple(phrase.id for phrase in phrases)
    check(CaseDetails(phrases=every))
    assert [phrase for _, found in morphology().described(every) for phrase in found] == phrases
    assert all(section.specimens for section in morphology().sections)
