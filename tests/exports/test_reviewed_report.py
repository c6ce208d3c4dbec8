"""A reviewed count in every format: beside the networks' own, with who signed it and when."""

import csv
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from marrowscope.analysis.patient import CountingSettings
from marrowscope.analysis.review import read_reviewed
from marrowscope.analysis.reviewed import AddedCell, Answer
from marrowscope.domain.patient import PatientReading, Signature
from marrowscope.exports.html import render
from marrowscope.exports.tables import CELL_COLUMNS, REVIEW_COLUMNS, write_cells_csv
from marrowscope.exports.workbook import write_workbook

from .fake_report import KNOWN, DrawnPictures, patient, report

NETWORK = patient("P01", blast_share=0.3, cells=300, fields=5)
FIELD = NETWORK.fields[0]
ROWS = [i for i, cell in enumerate(FIELD.cells) if cell.is_counted]


@pytest.fixture(scope="module")
def reading() -> PatientReading:
    """Two cells named, one deleted, one drawn, signed."""
    answers = {ROWS[0]: Answer("myeloblast"), ROWS[1]: Answer("monocyte"), ROWS[2]: Answer(is_deleted=True)}
    drawn = [AddedCell((500, 500, 600, 600), "plasma_cell")]
    found = read_reviewed(NETWORK, {FIELD.name: answers}, {FIELD.name: drawn}, CountingSettings(), KNOWN)
    assert found.review is not None
    signature = Signature(
        2, "<Ana> Roth", "2026-01-06T10:00:00Z", "Checked & found right", "one field too many"
    )
    return replace(found, review=replace(found.review, signature=signature))


def test_the_page_shows_both_counts_and_who_signed(reading: PatientReading) -> None:
    cohort = report([reading])
    page = render(cohort, DrawnPictures(cohort))
    assert "Signed by &lt;Ana&gt; Roth" in page
    assert "2026-01-06 10:00 UTC" in page
    assert "version 2" in page
    assert "Checked &amp; found right" in page
    assert "one field too many" in page
    assert "2 cells named by a reader, 1 deleted, 1 added" in page
    assert "Networks alone" in page
    assert NETWORK.blast_interval is not None
    assert reading.blast_interval is not None
    review = page[page.index("<h3>Review</h3>") : page.index("<h3>Comparison of rules</h3>")]
    assert f"{100 * NETWORK.blast_interval.estimate:.1f}" in review
    assert f"{100 * reading.blast_interval.estimate:.1f}" in review
    assert ">Signature<" not in page
    assert page.count("<figcaption>named</figcaption>") == 2
    assert page.count("<figcaption>added</figcaption>") == 1


def test_an_unsigned_review_says_so(reading: PatientReading) -> None:
    assert reading.review is not None
    unsigned = replace(reading, review=replace(reading.review, signature=None))
    cohort = report([unsigned])
    page = render(cohort, DrawnPictures(cohort))
    assert "Preliminary, not signed" in page
    signed = report([reading])
    assert "Preliminary" not in render(signed, DrawnPictures(signed))


def test_the_table_of_cells_keeps_both_names(reading: PatientReading, tmp_path: Path) -> None:
    write_cells_csv(report([reading]), tmp_path / "cells.csv")
    with (tmp_path / "cells.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == (*CELL_COLUMNS, *REVIEW_COLUMNS)
    of_field = [row for row in rows if row["field"] == FIELD.name]
    named, gone, drawn = of_field[ROWS[0]], of_field[ROWS[2]], of_field[-1]
    assert named["cell_type"] == named["reviewed_type"] == "myeloblast"
    assert named["network_type"] == FIELD.cells.cell_types[ROWS[0]]
    assert (gone["reviewed_type"], gone["counted"], gone["flags"]) == ("", "false", "deleted")
    assert (drawn["network_type"], drawn["reviewed_type"], drawn["flags"]) == ("", "plasma_cell", "added")
    assert sum(row["reviewed_type"] != "" for row in rows) == 3
    write_cells_csv(report([NETWORK]), tmp_path / "plain.csv")
    assert (tmp_path / "plain.csv").read_text("utf-8").splitlines()[0] == ",".join(CELL_COLUMNS)


def test_the_workbook_shows_both_counts_and_who_signed(reading: PatientReading, tmp_path: Path) -> None:
    write_workbook(report([reading]), tmp_path / "patients.xlsx")
    book = openpyxl.load_workbook(tmp_path / "patients.xlsx")
    cells = [str(cell.value) for row in book["P01"].iter_rows() for cell in row if cell.value is not None]
    assert "Networks alone" in cells
    assert "Blasts, networks alone" in cells
    words = [str(row[1].value) for row in book["Provenance"].iter_rows()]
    assert any("version 2, <Ana> Roth" in word for word in words)
