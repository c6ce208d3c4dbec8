"""Reference ranges hold for the specimen, age and sex they were measured on, and for no other."""

import tomllib
from dataclasses import replace

import pytest

from marrowscope.domain.case.details import CaseDetails, Sex
from marrowscope.domain.case.ranges import Flag, merged, published_ranges, read_ranges
from marrowscope.domain.case.specimen import Specimen

WOMAN = CaseDetails(Specimen.MARROW, 44.0, Sex.FEMALE)


def titles(details: CaseDetails) -> set[str]:
    return {each.title for each in published_ranges() if each.holds_for(details)}


def test_every_published_range_names_its_publication() -> None:
    assert published_ranges()
    for each in published_ranges():
        assert each.source
        assert 0 <= each.low < each.high


def test_ranges_hold_for_the_stated_specimen_age_and_sex_alone() -> None:
    assert "Erythroblasts, all stages" in titles(WOMAN)
    assert "Erythroblasts, all stages" not in titles(replace(WOMAN, sex=Sex.NOT_STATED))
    assert "M:E ratio" not in titles(replace(WOMAN, specimen=Specimen.BLOOD))
    for other in (
        replace(WOMAN, specimen=Specimen.NOT_STATED),
        replace(WOMAN, age_years=None),
        replace(WOMAN, age_years=5.0),
    ):
        assert titles(other) == set()


def test_both_bounds_are_inside() -> None:
    blasts = next(each for each in published_ranges() if each.title == "Blasts")
    flags = [blasts.flag(value) for value in (blasts.low, blasts.high, blasts.high + 0.1)]
    assert flags == [Flag.INSIDE, Flag.INSIDE, Flag.HIGH]
    assert replace(blasts, low=1.0).flag(0.9) is Flag.LOW


OWN = """
[[group]]
specimen = "marrow"
age_from = 1
age_below = 18
source = "our own, 2025"
[[group.range]]
title = "Lymphocytes"
types = ["lymphocyte"]
low = 10
high = 50
"""


def test_a_laboratory_s_own_ranges_replace_the_published_ones_of_that_specimen() -> None:
    (own,) = read_ranges(tomllib.loads(OWN))
    assert own.holds_for(replace(WOMAN, age_years=17.9))
    assert not own.holds_for(replace(WOMAN, age_years=18.0))
    used = merged((own,))
    assert [each for each in used if each.specimen is Specimen.MARROW] == [own]
    assert any(each.specimen is Specimen.BLOOD for each in used)
    assert merged(()) == published_ranges()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('specimen = "marrow"', 'specimen = "urine"'), "group 1 needs specimen"),
        (('source = "our own, 2025"', 'source = " "'), "group 1 needs a source"),
        (("low = 10", "low = 60"), "group 1, range 1: low is greater than high"),
        (('["lymphocyte"]', '["lymphozyte"]'), "no such cell type: lymphozyte"),
        (("low = 10", ""), "group 1, range 1 needs title, low and high"),
        (('types = ["lymphocyte"]', 'figure = "percent"'), "a percentage needs types"),
        (("[[group]]", "[group]"), "group must be tables"),
    ],
)
def test_a_faulty_range_is_refused_by_its_place(change: tuple[str, str], told: str) -> None:
    text = OWN.replace(*change)
    if change[1] == "[group]":
        text = text.split("[[group.range]]")[0]
    with pytest.raises(ValueError, match=told):
        read_ranges(tomllib.loads(text))
