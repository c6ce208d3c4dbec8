"""What a report says beside the count: as the specimen has it, and never of another specimen."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import read_reviewed
from marrowscope.analysis.reviewed import Answer
from marrowscope.domain.case.details import CaseDetails, Sex
from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.decision import Basis
from marrowscope.domain.differential import (
    MyeloidErythroid,
    erythroblasts_per_100,
    myeloid_to_erythroid,
)
from marrowscope.domain.patient import Change, CohortReport, PatientReading, Signature
from marrowscope.domain.percent import percent_text
from marrowscope.errors import InputError
from marrowscope.exports.case.comparison import compare
from marrowscope.exports.case.erratum import changes
from marrowscope.exports.case.facts import file_title, status_text
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.exports.html import render
from marrowscope.exports.pictures import NoPictures
from marrowscope.exports.tables import patient_row

from .fake_report import KNOWN, patient, report

MARROW = CaseDetails(Specimen.MARROW, 44.0, Sex.FEMALE)
BLOOD = CaseDetails(Specimen.BLOOD, 44.0, Sex.FEMALE)
PUBLISHED = read_laboratory(None)


def page_of(reading: PatientReading, laboratory: Laboratory = PUBLISHED) -> str:
    cohort = replace(report([reading]), laboratory=laboratory)
    return unescape(render(cohort, NoPictures()))


def reviewed(reading: PatientReading, named: str, number: int = 1) -> PatientReading:
    """Name the first counted segmented neutrophils otherwise."""
    answers: dict[str, dict[int, Answer]] = {}
    for field in reading.fields:
        for row, cell in enumerate(field.cells):
            left = number - sum(map(len, answers.values()))
            if left and cell.cell_type == "segmented_neutrophil" and cell.is_counted:
                answers.setdefault(field.name, {})[row] = Answer(named)
    return read_reviewed(reading, answers, {}, CountingSettings(), KNOWN)


def signed(
    reading: PatientReading, version: int, said: tuple[Change, ...] = (), reason: str | None = None
) -> PatientReading:
    assert reading.review is not None
    signature = Signature(version, "Rita", "2026-01-06T10:00:00Z", "Checked", reason, said)
    return replace(reading, review=replace(reading.review, signature=signature))


def test_blood_is_counted_per_100_leukocytes() -> None:
    marrow, blood = patient("p", details=MARROW), patient("p", details=BLOOD)
    erythroblasts = marrow.differential.counts["erythroblast"]
    assert erythroblasts > 0
    assert blood.differential.counted == marrow.differential.counted - erythroblasts
    assert "erythroblast" not in blood.differential.counts
    assert blood.differential.excluded["erythroblast"] == erythroblasts
    assert blood.differential.cells == marrow.differential.cells
    per_100 = erythroblasts_per_100(blood.differential)
    assert per_100 == pytest.approx(100 * erythroblasts / blood.differential.counted)
    assert myeloid_to_erythroid(blood.differential) is None
    assert blood.blast_interval is not None
    assert blood.blast_interval.estimate == blood.differential.blasts / blood.differential.counted


def test_a_reader_s_erythroblast_leaves_a_blood_count_and_joins_a_marrow_count() -> None:
    for details, change in ((BLOOD, -1), (MARROW, 0)):
        before = patient("p", details=details)
        after = reviewed(before, "erythroblast")
        assert after.differential.counted == before.differential.counted + change
        assert after.details == details


def test_a_specimen_that_is_not_stated_is_counted_as_marrow_and_said_not_to_be() -> None:
    unknown = patient("p")
    assert unknown.differential.counts == patient("p", details=MARROW).differential.counts
    assert "The specimen is not stated: cells are counted as in marrow" in page_of(unknown)
    assert "No reference ranges: the specimen is not stated." in page_of(unknown)
    row = patient_row(unknown)
    assert (row["specimen"], row["erythroblasts_per_100"]) == ("not stated", None)
    row = patient_row(patient("p", details=BLOOD))
    assert row["specimen"] == "blood"
    assert row["erythroblasts_per_100"] == pytest.approx(
        erythroblasts_per_100(patient("p", details=BLOOD).differential), abs=0.005
    )


def test_each_specimen_has_its_own_title_and_figures() -> None:
    marrow, blood = page_of(patient("p", details=MARROW)), page_of(patient("p", details=BLOOD))
    assert "<h1>Bone marrow aspirate report</h1>" in marrow
    assert "<h1>Blood film report</h1>" in blood
    for words in ("M:E ratio", "non-erythroid cells (NEC)", "Particles", "Site"):
        assert words in marrow
        assert words not in blood
    assert "Erythroblasts per 100 leukocytes" in blood
    assert "Erythroblasts per 100 leukocytes" not in marrow


def test_what_nobody_stated_is_printed_as_not_stated() -> None:
    page = page_of(patient("p"))
    for title in ("Age", "Sex", "Collected", "Requested by", "Stain"):
        assert f'<dt>{title}</dt><dd class="soft">not stated</dd>' in page
    assert "Laboratory: not stated" in page
    named = replace(PUBLISHED, name="Our laboratory")
    assert "Laboratory: not stated" not in page_of(patient("p", details=MARROW), named)


def test_a_count_without_blasts_says_so_in_its_differential() -> None:
    row = re.compile(r'<tr class="blast">\s*<td>.*?Blast</td>\s*<td class="n">(\d+)</td>')
    none, some = patient("p", blast_share=0.0), patient("p", blast_share=0.5)
    assert row.findall(page_of(none)) == ["0"]
    assert row.findall(page_of(some)) == [str(some.differential.blasts)]


def test_errors_of_other_laboratories_are_never_the_large_figure() -> None:
    own = patient("p")
    assert own.decision.decided_by is Basis.VALIDATED
    assert own.blast_interval is not None
    assert own.adjusted_interval is not None
    corrected = replace(own.adjusted_interval, estimate=0.9, low=0.0, high=1.0)
    elsewhere = replace(
        own,
        decision=replace(own.decision, decided_by=Basis.LABORATORIES),
        adjusted_interval=corrected,
        expected_interval=corrected,
    )
    share = '<div class="share">{}<small> %</small></div>'
    assert share.format(percent_text(own.adjusted_interval.estimate)) in page_of(own)
    page = page_of(elsewhere)
    assert share.format(percent_text(own.blast_interval.estimate)) in page
    assert "<b>0.0–100.0 %</b>" in page


def test_the_m_to_e_ratio_holds_monocytes_and_no_mast_cells_and_says_what_it_rests_on() -> None:
    reading = patient("p", cells=60, fields=2, details=MARROW)
    counts = {"segmented_neutrophil": 6, "monocyte": 2, "mast_cell": 5, "blast": 9, "erythroblast": 1}
    few = replace(reading, differential=replace(reading.differential, counts=counts))
    assert myeloid_to_erythroid(few.differential) == MyeloidErythroid(8, 1)
    assert "8 myeloid cells to 1 erythroblast." in page_of(few)


def test_shares_are_compared_with_ranges_of_types_and_of_types_together() -> None:
    reading = patient("p", blast_share=0.12, cells=540, fields=14, details=MARROW)
    found = compare(reading, PUBLISHED)
    counts, counted = reading.differential.counts, reading.differential.counted
    assert found.by_type["blast"].flag == "high"
    assert found.by_type["blast"].cells == counts["blast"]
    together = {each.range.title: each for each in found.groups}["Neutrophils, band and segmented"]
    assert together.cells == counts["band_neutrophil"] + counts["segmented_neutrophil"]
    assert together.value == pytest.approx(100 * together.cells / counted, abs=0.06)
    assert together.range.low == 28.8
    assert not found.missing
    page = page_of(reading)
    assert "Reference: Bain BJ" in page
    assert "0.0–3.0" in page


def test_the_range_of_several_types_together_is_not_that_of_the_one_found() -> None:
    reading = patient("p", details=MARROW)
    counts = {"band_neutrophil": 3, "lymphocyte": 97}
    found = compare(replace(reading, differential=replace(reading.differential, counts=counts)), PUBLISHED)
    together = next(each for each in found.groups if each.range.title == "Neutrophils, band and segmented")
    assert (together.cells, together.flag) == (3, "low")
    assert "band_neutrophil" not in found.by_type


def test_a_type_that_is_expected_and_not_found_is_low() -> None:
    reading = patient("p", details=MARROW)
    counts = {name: n for name, n in reading.differential.counts.items() if name != "lymphocyte"}
    without = replace(reading, differential=replace(reading.differential, counts=counts))
    lymphocytes = next(each for each in compare(without, PUBLISHED).groups if "Lymph" in each.range.title)
    assert (lymphocytes.cells, lymphocytes.value, lymphocytes.flag) == (0, 0.0, "low")


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (replace(MARROW, age_years=None), "the patient's age is not stated"),
        (replace(MARROW, age_years=3.0), "known for this specimen at this age"),
        (replace(MARROW, sex=Sex.NOT_STATED), "the sex is not stated"),
        (replace(BLOOD, sex=Sex.NOT_STATED), ""),
    ],
)
def test_a_report_says_which_ranges_are_missing(details: CaseDetails, told: str) -> None:
    assert told in compare(patient("p", details=details), PUBLISHED).missing
    assert bool(told) is bool(compare(patient("p", details=details), PUBLISHED).missing)


def test_the_head_morphology_and_conclusion_are_printed_and_escaped() -> None:
    details = replace(
        MARROW,
        requester="<b>Dr. Roth</b>",
        phrases=("blasts.auer_rods", "blasts.vacuolated"),
        comment="first line\nsecond line",
        conclusion="MDS & more",
    )
    cohort = report([patient("p", details=details)])
    page = render(cohort, NoPictures())
    assert "&lt;b&gt;Dr. Roth&lt;/b&gt;" in page
    assert "Auer rods; vacuolated" in page
    assert "first line\nsecond line" in page
    assert page.index("Differential <small>") < page.index("MDS &amp; more") < page.index("Annex")


def test_no_name_ends_the_style_sheet_that_heads_every_page() -> None:
    name = '"} </style><script>alert(1)</script> \\'
    page = render(report([patient(name)]), NoPictures())
    assert page.count("</style>") == 1
    assert "<script" not in page


def test_an_erratum_says_what_changed_and_nothing_else() -> None:
    before = reviewed(patient("p", details=MARROW), "blast")
    after = reviewed(
        patient("p", details=replace(MARROW, conclusion="AML", phrases=("blasts.auer_rods",))), "blast", 4
    )
    said = {each.what: (each.before, each.after) for each in changes(before, after)}
    assert said["Conclusion"] == ("not stated", "AML")
    assert said["Blasts, morphology"] == ("nothing stated", "Auer rods")
    assert said["Blasts, all"][1].startswith(f"{before.differential.blasts + 3} (")
    assert "Segmented neutrophil" in said
    assert "Lymphocyte" not in said
    assert "Counted cells" not in said
    assert changes(before, before) == ()
    page = page_of(signed(after, 2, changes(before, after), "second look"))
    assert "This version 2 replaces version 1. Reason: second look" in page
    assert "AML" in page
    assert "Erratum" not in page_of(signed(before, 1))


def test_a_file_s_name_carries_patient_and_version() -> None:
    reading = reviewed(patient("P/01"), "blast")
    assert file_title(reading, "report.pdf").startswith("P_01-")
    assert file_title(reading, "report.pdf").endswith("_preliminary_report.pdf")
    assert file_title(signed(reading, 3), "report.pdf").endswith("_v3_report.pdf")
    assert [status_text(signed(reading, n)) for n in (1, 2)] == ["Final, version 1", "Amended, version 2"]


def test_a_laboratory_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "laboratory.toml"
    path.write_text('name = "Our <Lab>"\naddress = ["Street 1", "Town"]\n')
    laboratory = read_laboratory(path)
    assert laboratory.ranges == PUBLISHED.ranges
    cohort: CohortReport = replace(report([patient("p")]), laboratory=laboratory)
    page = render(cohort, NoPictures())
    assert "Our &lt;Lab&gt;" in page
    assert "Street 1 · Town" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "no TOML file"),
        ('title = "x"', "unknown entries title"),
        ("name = 3", "name must be text"),
        ('[[group]]\nspecimen = "marrow"', "group 1 needs specimen"),
    ],
)
def test_a_faulty_file_of_a_laboratory_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "laboratory.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_laboratory(path)
    with pytest.raises(InputError, match="cannot read"):
        read_laboratory(tmp_path / "none.toml")
