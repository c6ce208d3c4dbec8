"""One run, four outputs: every figure is the same in all of them, to the last digit each of them prints."""

import csv
import json
import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from marrowscope.analysis.intervals import wilson
from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.figures import LINEAGES, sampling
from marrowscope.exports.html import write_html
from marrowscope.exports.provenance import write_run_json
from marrowscope.exports.tables import PATIENT_COLUMNS, write_patients_csv
from marrowscope.exports.workbook import write_workbook

from .fake_report import KNOWN, nine_patients, patient

# Columns of the tables and where the same figure stands in run.json.
SAME = {
    "counted": ("counted",),
    "blasts": ("blasts",),
    "unclassified": ("unclassified",),
    "effective_cells": ("effective_cells",),
    **{
        column: (share, part)
        for share, columns in {
            "blast_percent": ("blast_percent", "ci_low", "ci_high"),
            "deciding_percent": ("adjusted_percent", "adjusted_low", "adjusted_high"),
            "reviewed_percent": ("reviewed_percent", "reviewed_low", "reviewed_high"),
        }.items()
        for column, part in zip(columns, ("estimate", "low", "high"), strict=True)
    },
}


@dataclass(frozen=True)
class Outputs:
    page: list[str]  # a text per patient
    table: list[dict[str, str]]
    book: Any
    record: list[dict[str, Any]]


def reviewed(cohort: CohortReport) -> CohortReport:
    first, *others = cohort.patients
    return replace(cohort, patients=(replace(first, reviewed_interval=wilson(40, 61)), *others))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    out: Path = tmp_path_factory.mktemp("run")
    cohort = reviewed(nine_patients())
    write_html(cohort, out / "report.html")
    write_patients_csv(cohort, out / "patients.csv")
    write_workbook(cohort, out / "patients.xlsx")
    write_run_json(cohort, out / "run.json")
    sections = (out / "report.html").read_text("utf-8").split('<section class="patient')[1:-1]
    with (out / "patients.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    return Outputs(
        [words(section) for section in sections],
        table,
        openpyxl.load_workbook(out / "patients.xlsx"),
        [entry["count"] for entry in json.loads((out / "run.json").read_text("utf-8"))["patients"]],
    )


def words(markup: str) -> str:
    """The text a reader sees; drawings are left out, their figures stand beside them."""
    before_pictures = markup.split("<h3>Quality and scale</h3>", maxsplit=1)[0]
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", before_pictures, flags=re.S)))


def printed(value: float) -> str:
    """One decimal of a figure of the files, halves up: what the page and a spreadsheet show."""
    return str(Decimal(repr(value)).quantize(Decimal("0.1"), ROUND_HALF_UP))


def percentages(document: Any) -> set[str]:
    """Every percentage of a record, as printed."""
    if isinstance(document, dict):
        return {text for value in document.values() for text in percentages(value)}
    if isinstance(document, list):
        return {text for value in document for text in percentages(value)}
    return {printed(document)} if isinstance(document, float) else set()


def test_table_workbook_and_record_agree(outputs: Outputs) -> None:
    sheet = outputs.book["Patients"]
    for line, (row, record) in enumerate(zip(outputs.table, outputs.record, strict=True), start=2):
        cells = {name: sheet.cell(line, column).value for column, name in enumerate(PATIENT_COLUMNS, start=1)}
        for column, path in SAME.items():
            figure: Any = record
            for part in path:
                figure = None if figure is None else figure[part]
            assert cells[column] == figure, column
            assert row[column] == (
                "" if figure is None else f"{figure:.2f}" if len(path) > 1 else str(figure)
            )


def test_every_percentage_on_the_page_is_in_the_record(outputs: Outputs) -> None:
    for text, record in zip(outputs.page, outputs.record, strict=True):
        shown = set(re.findall(r"(?<![\d.])\d+\.\d(?!\d)", text))
        assert shown <= percentages(record) | {"100.0"}
        if record["counted"]:
            for share in ("blast_percent", "deciding_percent", "exact_percent", "non_erythroid_percent"):
                bounds = {printed(record[share][part]) for part in ("low", "high")}
                assert bounds <= shown, share


def test_the_shares_a_person_adds_up_give_a_hundred_everywhere(outputs: Outputs) -> None:
    for name, record in zip(outputs.book.sheetnames[1:-1], outputs.record, strict=True):
        values = [[cell.value for cell in row] for row in outputs.book[name].iter_rows()]
        rows = {row[0]: row for row in values if row[0]}
        types, lineages = record["types"], record["lineages"]
        if not record["counted"]:
            assert types == lineages == {}
            continue
        for group in (types, lineages):
            assert sum(Decimal(repr(entry["percent"])) for entry in group.values()) == 100
        for title, entry in lineages.items():
            assert (rows[title][1], rows[title][2]) == (entry["cells"], entry["percent"])
        # The blasts' share in the differential is the one that stands first.
        assert printed(record["blast_percent"]["estimate"]) == printed(types["blast"]["percent"])
        assert rows["Blasts, of all counted cells"][2] == record["blast_percent"]["estimate"]
        exact = record["exact_percent"]
        assert rows["Blasts, of all counted cells"][5:7] == [exact["low"], exact["high"]]


def test_every_counted_type_has_a_lineage_for_print() -> None:
    assert {cell_type.lineage for cell_type in taxonomy() if cell_type.is_counted} <= set(LINEAGES)


def test_slides_are_told_with_their_cells() -> None:
    fields = [
        replace(field, name=f"{slide}/{field.name}")
        for slide, field in zip(
            ["left", "left", "right", "right"], patient("p", fields=4).fields, strict=True
        )
    ]
    reading = read_patient("p", fields, CountingSettings(), KNOWN)
    spread = sampling(reading)
    assert spread is not None
    assert [name for name, _ in spread.slides] == ["left/slide 1", "right/slide 1"]
    assert sum(cells for _, cells in spread.slides) == reading.differential.counted
    assert spread.fewest <= spread.median <= spread.most


def test_sentences_quote_the_same_figures(outputs: Outputs) -> None:
    for row, record in zip(outputs.table, outputs.record, strict=True):
        if record["counted"] < 200:
            continue
        blasts, deciding = record["blast_percent"], record["deciding_percent"]
        assert f"{printed(blasts['estimate'])} % ({printed(blasts['low'])}–" in row["reasons"]
        assert f"share is {printed(deciding['low'])}–{printed(deciding['high'])} %" in row["reasons"]
