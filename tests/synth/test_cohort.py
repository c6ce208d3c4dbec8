"""Synthetic patients and cohorts: shares exact, files as promised."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from marrowscope.errors import InputError
from marrowscope.imaging.files.decode import decode
from marrowscope.synth import PatientPlan, demo_plan, draw_patient, write_cohort


def test_share_of_blasts_is_exact_and_cells_add_up() -> None:
    patient = draw_patient(4, blast_share=0.35, cells=20, fields=3, width=640, height=480)
    types = [cell_type for field in patient.fields for cell_type in field.cell_types]
    assert len(patient.fields) == 3
    assert len(types) == patient.cells == 20
    assert types.count("blast") == 7
    assert patient.blast_percent == pytest.approx(35.0)
    assert patient.truth == "leukemia"


def test_twenty_percent_is_still_healthy() -> None:
    patient = draw_patient(4, blast_share=0.20, cells=10, fields=1, width=640, height=480)
    assert patient.truth == "healthy"


def test_demo_has_nine_patients_on_both_sides_of_the_rule() -> None:
    plan = demo_plan(0)
    assert len(plan) == 9
    assert len({patient.name for patient in plan}) == 9
    assert sum(patient.blast_share > 0.2 for patient in plan) == 5
    assert all(patient.cells >= 220 for patient in plan)
    assert plan == demo_plan(0)


def test_cohort_is_written_with_its_truth(tmp_path: Path) -> None:
    plans = [PatientPlan("a", 0.0, cells=6, fields=2), PatientPlan("b", 0.5, cells=6, fields=1)]
    written = write_cohort(tmp_path / "cohort", seed=1, patients=plans)
    assert written.patients == ("a", "b")
    assert {path.name for path in (tmp_path / "cohort").iterdir()} == {
        "a",
        "b",
        "truth.csv",
        "truth_cells.csv",
    }
    assert sorted(path.name for path in (written.root / "a").iterdir()) == ["field_01.jpg", "field_02.jpg"]
    with written.truth.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"patient": "a", "truth": "healthy", "blast_percent": "0.00", "cells": "6"},
        {"patient": "b", "truth": "leukemia", "blast_percent": "50.00", "cells": "6"},
    ]
    with written.truth_cells.open(encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert list(cells[0]) == ["patient", "field", "x0", "y0", "x1", "y1", "cell_type"]
    assert len(cells) == 12
    for row in cells:
        with Image.open(written.root / row["patient"] / row["field"]) as image:
            assert image.size == (1280, 960)
        assert 0 <= float(row["x0"]) < float(row["x1"]) <= 1280
        assert 0 <= float(row["y0"]) < float(row["y1"]) <= 960
    assert sum(row["cell_type"] == "blast" for row in cells) == 3


def test_cohort_is_the_same_twice(tmp_path: Path) -> None:
    plans = [PatientPlan("p", 0.3, cells=4, fields=1)]
    for name in ("one", "two"):
        write_cohort(tmp_path / name, seed=9, patients=plans)
    files = [
        sorted(path for path in (tmp_path / name).rglob("*") if path.is_file()) for name in ("one", "two")
    ]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    with Image.open(files[0][0]) as image:
        assert image.mode == "RGB"


def test_png_says_its_pixel_size(tmp_path: Path) -> None:
    write_cohort(tmp_path, seed=2, patients=[PatientPlan("p", 0.0, 1, 1)], image_format="png")
    image = decode((tmp_path / "p" / "field_01.png").read_bytes())
    assert image.mpp == pytest.approx(0.10, rel=0.01)


def test_impossible_plans_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="same name"):
        write_cohort(tmp_path, seed=0, patients=[PatientPlan("p", 0.1), PatientPlan("p", 0.2)])
    with pytest.raises(InputError, match="blast share"):
        draw_patient(0, blast_share=1.2)
    with pytest.raises(InputError, match="at least one"):
        draw_patient(0, blast_share=0.2, cells=0)
