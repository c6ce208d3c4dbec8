"""The workbook holds the same figures as the tables, and opens whatever patients are called."""

import gc
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from marrowscope.exports.provenance import NOTICE
from marrowscope.exports.tables import PATIENT_COLUMNS, patient_row
from marrowscope.exports.workbook import write_workbook
from marrowscope.imaging.files.spreadsheets import sheet_name

from .fake_report import nine_patients, patient, report


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("xlsx") / "patients.xlsx"
    write_workbook(nine_patients(), path)
    return openpyxl.load_workbook(path)


def test_the_patients_sheet_agrees_with_the_rows(book: Any) -> None:
    sheet = book["Patients"]
    for line, reading in enumerate(nine_patients().patients, start=2):
        row = {**patient_row(reading), "decision": reading.decision.words}
        for column, name in enumerate(PATIENT_COLUMNS, start=1):
            assert sheet.cell(line, column).value == row[name], name
            assert sheet.cell(line, column).data_type != "f"
    assert sheet.freeze_panes == "B2"


def test_each_patient_has_a_differential_that_sums_up(book: Any) -> None:
    cohort = nine_patients()
    assert book.sheetnames[0] == "Patients"
    assert book.sheetnames[-1] == "Provenance"
    assert len(book.sheetnames) == len(cohort.patients) + 2
    for name, reading in zip(book.sheetnames[1:-1], cohort.patients, strict=True):
        values = [[cell.value for cell in row] for row in book[name].iter_rows()]
        total = next(i for i, row in enumerate(values) if row[0] == "Counted nucleated cells")
        types = [row for row in values[4:total] if row[0]]
        assert sum(row[1] for row in types) == values[total][1] == reading.differential.counted
        assert sum(row[2] for row in types) == pytest.approx(100 if types else 0)
        for row in types:
            assert row[2] == pytest.approx(100 * row[1] / reading.differential.counted, abs=0.5)
            assert row[3] <= row[2] <= row[4]
        blasts = next(row for row in values if row[0] == "Blasts, of all counted cells")
        assert blasts[2] == patient_row(reading)["blast_percent"]
        assert values[1][0] == NOTICE


def test_equal_reports_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(nine_patients(), tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_sheet_names_are_what_excel_accepts() -> None:
    names = ["a/b", "A\\B", "x" * 40, "x" * 41, "'q'", "", "History", "patients", "😀" * 30, "[1]:*?", "a_b"]
    taken = ["Patients", "Provenance"]
    for name in names:
        taken.append(sheet_name(name, taken))
    assert len({name.casefold() for name in taken}) == len(taken)
    for name in taken:
        assert 0 < len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() != "history"


def test_a_workbook_of_odd_names_opens(tmp_path: Path) -> None:
    odd = ["=1+1", "a/b", "A_B", "\x01", "Patients", "broken \udcff", "山田 太郎", "http://example.org"]
    write_workbook(report([patient(name, cells=0, fields=0) for name in odd]), tmp_path / "odd.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "odd.xlsx")["Patients"]
    assert sheet.cell(2, 1).value == "=1+1"
    assert sheet.cell(9, 1).hyperlink is None
    with zipfile.ZipFile(tmp_path / "odd.xlsx") as parts:
        # Asked of the file itself: openpyxl would take a text that starts with "=" for a formula.
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_an_empty_cohort_gives_a_workbook(tmp_path: Path) -> None:
    write_workbook(report([]), tmp_path / "empty.xlsx")
    assert openpyxl.load_workbook(tmp_path / "empty.xlsx").sheetnames == ["Patients", "Provenance"]


def test_known_states_have_the_words_of_the_report(book: Any) -> None:
    sheet = book["Patients"]
    heads = [cell.value for cell in sheet[1]]
    column = heads.index("Known state") + 1
    told = [sheet.cell(line, column).value or "" for line in range(2, len(nine_patients().patients) + 2)]
    assert told == [each.known_state for each in nine_patients().patients]
    assert {*told} == {"leukemia", "no leukemia", ""}


def test_on_a_full_disk_there_is_one_error_and_no_archive_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource", reason="this system limits no process to small files")
    cohort, path = nine_patients(), tmp_path / "patients.xlsx"
    write_workbook(cohort, path)
    limit = int(0.9 * path.stat().st_size)
    path.unlink()
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    before, too_large = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_workbook(cohort, path)
        gc.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, too_large)
    assert not complaints
    assert not list(tmp_path.iterdir())
