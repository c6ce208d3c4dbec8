"""Fields that overlap: what several of them show is counted once."""

from pathlib import Path

import pytest

from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.domain.patient import CohortReport
from marrowscope.errors import DamagedRecordError
from tests.cohorts import analyse, table, write_windows

MPP = 0.1  # that of the window drawn: another scale would be measured on each set of fields


def flagged(report: CohortReport) -> list[int]:
    (patient,) = report.patients
    return [sum(FLAG_REPEATED in flags for flags in field.cells.flags) for field in patient.fields]


def test_cells_of_overlapping_fields_are_counted_once(tmp_path: Path) -> None:
    write_windows(tmp_path / "first", (0, 0))
    write_windows(tmp_path / "both", (0, 0), (180, 120))
    (alone,) = analyse(tmp_path / "first", tmp_path / "out first", mpp=MPP).patients
    report = analyse(tmp_path / "both", tmp_path / "out", mpp=MPP)
    (patient,) = report.patients
    none, again = flagged(report)
    assert none == 0
    assert again > 2
    whole = sum(cell.is_counted or FLAG_REPEATED in cell.flags for cell in patient.fields[1].cells)
    assert patient.differential.counted == alone.differential.counted + whole - again
    assert f"Fields overlap: {again} cells on two or more of them; counted once." in patient.flags
    rows = [row for row in table(tmp_path / "out" / "cells.csv") if row["flags"].startswith(FLAG_REPEATED)]
    assert len(rows) == again
    assert {(row["field"], row["counted"]) for row in rows} == {("1.jpg", "false")}
    assert "Shown by an earlier field, too" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_a_cell_that_is_counted_elsewhere_is_drawn_so(tmp_path: Path) -> None:
    write_windows(tmp_path / "both", (0, 0), (180, 120))
    write_windows(tmp_path / "alone", (0, 0), (180, 120))
    (tmp_path / "alone" / "0.jpg").unlink()
    analyse(tmp_path / "both", tmp_path / "out", mpp=MPP)
    analyse(tmp_path / "alone", tmp_path / "out alone", mpp=MPP)
    picture = tmp_path / "out" / "annotated" / "both" / "1.jpg.jpg"
    drawn = picture.read_bytes()
    assert drawn != (tmp_path / "out alone" / "annotated" / "alone" / "1.jpg.jpg").read_bytes()
    analyse(tmp_path / "both", tmp_path / "out", resume=True, mpp=MPP)
    assert picture.read_bytes() == drawn


def test_a_run_that_goes_on_counts_as_one_run_does(tmp_path: Path) -> None:
    write_windows(tmp_path / "patient", (0, 0), (180, 120))
    later = tmp_path / "patient" / "1.jpg"
    data = later.read_bytes()
    later.unlink()
    analyse(tmp_path / "patient", tmp_path / "out", mpp=MPP)
    later.write_bytes(data)
    gone_on = analyse(tmp_path / "patient", tmp_path / "out", resume=True, mpp=MPP)
    at_once = analyse(tmp_path / "patient", tmp_path / "other", mpp=MPP)
    assert flagged(gone_on) == flagged(at_once)
    assert gone_on.patients[0].differential == at_once.patients[0].differential


def test_a_damaged_picture_of_cells_is_told_and_read_again(tmp_path: Path) -> None:
    write_windows(tmp_path / "patient", (0, 0), (180, 120))
    whole = analyse(tmp_path / "patient", tmp_path / "out", mpp=MPP)
    sheet = next((tmp_path / "out" / ".marrowscope" / "fields").glob("*.jpg"))
    sheet.write_bytes(b"no picture")
    with pytest.raises(DamagedRecordError, match="--resume"):
        analyse(tmp_path / "patient", tmp_path / "out", resume=True, mpp=MPP)
    again = analyse(tmp_path / "patient", tmp_path / "out", resume=True, mpp=MPP)
    assert again.patients[0].differential == whole.patients[0].differential
