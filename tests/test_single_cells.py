"""Images of single cells, as an analyser exports them: one of each counts, signed names stand beside."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import marrowscope
from marrowscope import pipeline, results
from marrowscope.cli.app import app
from marrowscope.datasets.names import type_of_folder
from marrowscope.domain.patient import NO_MIDDLE_CELL, CohortReport
from marrowscope.domain.scale import ScaleSource
from marrowscope.errors import InputError
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.pipeline import FieldReader, ReadingSettings
from marrowscope.planning import SORTED_BY_TYPE
from marrowscope.progress import Progress
from marrowscope.synth import draw_field
from tests.cohorts import analyse, fields_of, table

MPP = 0.138
SIDE = 216
TYPES = ["blast", "lymphocyte", "segmented_neutrophil", "eosinophil"]


def write_single_cells(patient: Path, *, seed: int = 0, fields: int = 2) -> list[Path]:
    """Cut the cells of drawn fields, neighbours and all, and sort them into a folder per type."""
    written = []
    for number in range(fields):
        drawn = draw_field(
            seed + number, width=640, height=520, mpp=MPP, cell_types=TYPES * 2, red_cells=0.5, crowding=0.9
        )
        for row, (box, label) in enumerate(zip(drawn.boxes, drawn.cell_types, strict=True)):
            x, y = ((box[:2] + box[2:]) / 2 - SIDE / 2).round().astype(int)
            if min(x, y) < 0 or x + SIDE > 640 or y + SIDE > 520:
                continue
            path = patient / label / f"{number}_{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn.pixels[y : y + SIDE, x : x + SIDE]).save(path)
            written.append(path)
    return written


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    write_single_cells(root / "P1", seed=40)
    (root / "P1" / "no such cell").mkdir()
    next((root / "P1" / "lymphocyte").iterdir()).rename(root / "P1" / "no such cell" / "a.png")
    return root


@pytest.fixture(scope="module")
def finished(patients: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CohortReport, Path]:
    out = tmp_path_factory.mktemp("out")
    return analyse(patients, out, single_cells=True), out


def test_one_cell_of_each_image_is_counted_the_one_in_its_middle(
    finished: tuple[CohortReport, Path], patients: Path
) -> None:
    (patient,) = finished[0].patients
    assert patient.patient == "P1"
    assert len(patient.fields) == len(list(patients.rglob("*.png"))) > 8
    for field in patient.fields:
        assert len(field.cells) == 1
        x0, y0, x1, y1 = field.cells[0].box
        assert (x0 + x1) / 2 == pytest.approx(SIDE / 2, abs=12)
        assert (y0 + y1) / 2 == pytest.approx(SIDE / 2, abs=12)
    whole = analyse(patients, finished[1].parent / "whole")
    assert len(whole.patients[0].cells) > len(patient.cells)


def test_folders_sign_the_cells_in_them_and_change_nothing(
    finished: tuple[CohortReport, Path], patients: Path, tmp_path: Path
) -> None:
    (patient,) = finished[0].patients
    signed = {field.name: field.signed_type for field in patient.fields}
    assert all(kind == (None if "no such" in name else name.split("/")[0]) for name, kind in signed.items())
    assert any("no such cell (1 image)" in flag for flag in patient.flags)
    moved = tmp_path / "P1" / "slide"
    moved.mkdir(parents=True)
    for path in patients.rglob("*.png"):
        (moved / f"{path.parent.name}_{path.name}").write_bytes(path.read_bytes())
    unsigned = analyse(tmp_path, tmp_path / "out", single_cells=True)
    assert unsigned.patients[0].differential == patient.differential
    assert {field.signed_type for field in fields_of(unsigned).values()} == {None}
    assert not any("signed" in flag for flag in unsigned.patients[0].flags)


def test_one_patients_folder_of_types_is_one_patient(patients: Path, tmp_path: Path) -> None:
    report = analyse(patients / "P1", tmp_path / "out", single_cells=True)
    assert [patient.patient for patient in report.patients] == ["P1"]
    assert {field.signed_type for field in fields_of(report).values()} == {None, *TYPES}


def test_images_of_all_sizes_share_one_scale_near_the_true_one(
    patients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = []
    for number, path in enumerate(sorted(patients.rglob("*.png"))):
        cut = number % 5
        (tmp_path / "P1").mkdir(exist_ok=True)
        image = Image.open(path).crop((cut, cut, SIDE - cut, SIDE - cut))
        image.save(tmp_path / "P1" / f"{number}.png")
        images.append(FieldImage(np.asarray(image), None))
    reader = FieldReader(marrowscope.load_bundle(), ReadingSettings(single_cells=True))
    scales = reader.measure_scales(images)
    assert len(scales) == 5
    (scale,) = set(scales.values())
    assert scale.source is ScaleSource.RED_CELLS
    assert scale.mpp == pytest.approx(MPP, rel=0.15)
    monkeypatch.setattr(pipeline, "SCALE_SAMPLE", 1)  # of at most three of the five sizes
    report = analyse(tmp_path / "P1", tmp_path / "out", single_cells=True)
    assert len({field.scale for field in report.patients[0].fields}) == 1


def test_where_no_cell_is_found_the_middle_half_is_taken_and_said(tmp_path: Path) -> None:
    write_single_cells(tmp_path / "P1", fields=1)
    Image.fromarray(np.full((SIDE, SIDE, 3), 235, np.uint8)).save(tmp_path / "P1" / "empty.png")
    field = fields_of(analyse(tmp_path, tmp_path / "out", single_cells=True, mpp=MPP))["empty.png"]
    assert field.cells[0].box == pytest.approx((SIDE / 4, SIDE / 4, 3 * SIDE / 4, 3 * SIDE / 4))
    assert field.cells[0].score == 0
    assert field.notes == (NO_MIDDLE_CELL,)


def test_a_cell_cut_tightly_is_counted_like_any_other(tmp_path: Path) -> None:
    drawn = draw_field(3, width=500, height=400, mpp=MPP, cell_types=["lymphocyte"] * 3)
    for number, box in enumerate(drawn.boxes):
        x0, y0, x1, y1 = (round(float(side)) for side in box)
        (tmp_path / "P1").mkdir(exist_ok=True)
        Image.fromarray(drawn.pixels[y0:y1, x0:x1]).save(tmp_path / "P1" / f"{number}.png")
    (patient,) = analyse(tmp_path, tmp_path / "out", single_cells=True, mpp=MPP).patients
    assert patient.differential.counted == 3
    for field in patient.fields:
        box = field.cells[0].box
        assert min(box) >= 0
        assert box[2] <= field.width
        assert box[3] <= field.height


def test_a_run_goes_on_in_its_own_mode_only(patients: Path, tmp_path: Path) -> None:
    first = analyse(patients, tmp_path, single_cells=True)
    with pytest.raises(InputError, match="single_cells"):
        analyse(patients, tmp_path, resume=True)
    steps: list[Progress] = []
    again = analyse(patients, tmp_path, single_cells=True, resume=True, listener=steps.append)
    assert [step.done == step.total for step in steps if step.stage == "reading"] == [
        True
    ]  # none is read again
    assert again.patients[0].differential == first.patients[0].differential
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["settings"]["single_cells"] == "true"


def test_single_cells_read_as_fields_are_told_of(patients: Path, tmp_path: Path) -> None:
    code, _, told = run("analyse", patients / "P1", "-o", tmp_path / "split", "-q")
    assert code == 0
    assert SORTED_BY_TYPE in told
    rows = {row["patient"]: row["reasons"] for row in table(tmp_path / "split" / "patients.csv")}
    assert {name for name, reasons in rows.items() if SORTED_BY_TYPE in reasons} == set(TYPES)
    assert SORTED_BY_TYPE in run("analyse", patients, "-o", tmp_path / "whole", "-q")[2]
    code, _, told = run("analyse", patients, "-o", tmp_path / "single", "-q", "--single-cells")
    assert (code, SORTED_BY_TYPE in told) == (0, False)


def test_every_file_holds_the_signed_names(finished: tuple[CohortReport, Path]) -> None:
    report, out = finished
    signed = {field.name: field.signed_type or "" for field in report.patients[0].fields}
    rows = table(out / "cells.csv")
    assert list(rows[0])[-1] == "signed_type"
    assert {row["field"]: row["signed_type"] for row in rows} == signed
    (document,) = json.loads((out / "run.json").read_text("utf-8"))["patients"]
    names = document["signed_names"]
    known = [name for name in signed.values() if name]
    assert names["cells"] == len(known) == len(rows) - 1
    assert names["signed"]["types"] == {kind: known.count(kind) for kind in TYPES}
    alike = sum(row["cell_type"] == row["signed_type"] for row in rows)
    assert names["named_alike"] == alike
    page = (out / "report.html").read_text("utf-8")
    assert "Images read" in page
    assert "fields read" not in page
    assert "Every image shows one cell" in page
    assert "cells per field" not in page
    assert f"{alike} of {len(known)} cells named alike" in page
    assert "Slides, counted together" not in page


def test_cells_are_shown_on_sheets_not_image_by_image(
    finished: tuple[CohortReport, Path], patients: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report, out = finished
    assert [path.name for path in (out / "annotated").rglob("*.*")] == ["cells_1.jpg"]
    assert 'href="annotated/P1/cells_1.jpg"' in (out / "report.html").read_text("utf-8")
    monkeypatch.setattr(results, "_CELLS_ON_A_SHEET", 5)
    analyse(patients, tmp_path, single_cells=True)
    sheets = sorted((tmp_path / "annotated" / "P1").iterdir())
    assert len(sheets) == -(-len(report.patients[0].fields) // 5) > 1
    page = (tmp_path / "report.html").read_text("utf-8")
    assert all(f'href="annotated/P1/{sheet.name}"' in page for sheet in sheets)
    monkeypatch.undo()
    analyse(patients, tmp_path, single_cells=True, resume=True)
    assert [path.name for path in (tmp_path / "annotated" / "P1").iterdir()] == ["cells_1.jpg"]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("Blasts", "blast"),
        ("Lymphocyte, variant", "reactive_lymphocyte"),
        ("Band neutrophils", "band_neutrophil"),
        ("Thrombocyte aggregation", "platelet"),
        ("Artefact", "artefact"),
        ("unclassified", None),
        ("slide 1", None),
        ("", None),
    ],
)
def test_folders_are_understood_as_analysers_call_them(folder: str, kind: str | None) -> None:
    assert type_of_folder(folder) == kind
