"""The tables hold what the contract says, the same bytes each time, and nothing a spreadsheet would run."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.exports.atomic import atomic_path, write_atomic
from marrowscope.exports.html import render
from marrowscope.exports.pictures import NoPictures
from marrowscope.exports.tables import (
    CELL_COLUMNS,
    PATIENT_COLUMNS,
    csv_text,
    patient_row,
    write_cells_csv,
    write_patients_csv,
)

from .fake_report import failed_field, nine_patients, patient, report


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_patients_have_a_row_each_that_can_be_recounted(tmp_path: Path) -> None:
    cohort = nine_patients()
    write_patients_csv(cohort, tmp_path / "patients.csv")
    rows = _rows(tmp_path / "patients.csv")
    assert tuple(rows[0]) == PATIENT_COLUMNS
    assert len(rows) == 9
    for row, reading in zip(rows, cohort.patients, strict=True):
        assert int(row["cells"]) == len(reading.cells) == int(row["counted"]) + int(row["excluded"])
        if row["blast_percent"]:
            share = 100 * int(row["blasts"]) / int(row["counted"])
            assert float(row["blast_percent"]) == pytest.approx(share, abs=0.005001)
            assert float(row["ci_low"]) <= float(row["blast_percent"]) <= float(row["ci_high"])
        else:
            assert row["counted"] == "0"
            assert row["ci_low"] == row["ci_high"] == row["adjusted_percent"] == ""
    assert {row["decision"] for row in rows} == {"positive", "negative", "indeterminate", "insufficient"}


def test_cells_have_a_row_each_in_their_fields_order(tmp_path: Path) -> None:
    cohort = nine_patients()
    write_cells_csv(cohort, tmp_path / "cells.csv")
    rows = _rows(tmp_path / "cells.csv")
    assert tuple(rows[0]) == CELL_COLUMNS
    assert len(rows) == sum(len(p.cells) for p in cohort.patients)
    first = cohort.patients[0].fields[0]
    for number, (row, cell) in enumerate(zip(rows, first.cells, strict=False), start=1):
        assert (row["field"], row["cell"]) == (first.name, str(number))
        assert float(row["x0"]) == pytest.approx(cell.box[0], abs=0.051)
        assert row["is_blast"] == str(cell.is_blast).lower()
        assert row["counted"] == str(cell.is_counted).lower()
        assert len(row["p_blast"].split(".")[1]) == 4
    counted = sum(r["patient"] == "P02" and r["counted"] == "true" for r in rows)
    assert counted == patient_row(cohort.patients[1])["counted"]


def test_equal_reports_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        cohort = nine_patients.__wrapped__()
        write_patients_csv(cohort, tmp_path / name / "patients.csv")
        write_cells_csv(cohort, tmp_path / name / "cells.csv")
    for name in ("patients.csv", "cells.csv"):
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert b"\r" not in content


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_text_is_a_formula(text: str, tmp_path: Path) -> None:
    write_patients_csv(report([patient(text)]), tmp_path / "p.csv")
    assert _rows(tmp_path / "p.csv")[0]["patient"] == f"'{text}"


def test_hostile_names_stay_one_row(tmp_path: Path) -> None:
    names = ['a,"b"', "two\nlines", "山田 太郎", "broken \udcff byte"]
    write_patients_csv(report([patient(name) for name in names]), tmp_path / "p.csv")
    rows = _rows(tmp_path / "p.csv")
    assert [row["patient"] for row in rows] == ['a,"b"', "two�lines", "山田 太郎", "broken � byte"]


def test_a_failed_field_is_named_with_its_cause_on_the_patients_row() -> None:
    failures = [failed_field(f"{i}.jpg", "truncated") for i in range(8)]
    row = patient_row(patient("p", fields=0, cells=0, extra=failures))
    assert row["fields_failed"] == 8
    assert "0.jpg: truncated" in str(row["reasons"])
    assert str(row["reasons"]).endswith("and 3 more")


def test_values_print_alike_everywhere() -> None:
    assert [csv_text(v) for v in (None, True, 0, 12.345, 0.0, "x")] == ["", "true", "0", "12.35", "0.00", "x"]
    assert Differential({}, {}, 0).blast_share is None


def test_a_failed_write_leaves_the_earlier_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, b"first")

    def fail() -> None:
        with atomic_path(path) as beside:
            beside.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"first"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"


def test_every_image_passed_over_is_counted_and_told() -> None:
    twin = FieldReading("twin.png", FieldStatus.DUPLICATE, message="the same image as a.png; counted once")
    broken = failed_field("a.heic", "a HEIC image, which is not read")
    others = tuple(f"scan {number}.kfb" for number in range(7))
    reading = replace(patient("p", extra=[twin, broken]), passed_over=others)
    row = patient_row(reading)
    assert row["images_passed_over"] == 1 + 1 + 7
    assert "7 files not recognised as an image: scan 0.kfb" in str(row["reasons"])
    assert "and 2 more" in str(row["reasons"])
    page = render(report([reading]), NoPictures())
    assert "9 images passed over" in page
    assert "7 files not recognised as an image: scan 0.kfb" in page
    assert patient_row(patient("p"))["images_passed_over"] == 0
    assert "passed over" not in render(report([patient("p")]), NoPictures())
