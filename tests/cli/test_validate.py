"""A laboratory measures the networks on its own cells, and is decided by what it measured."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests.rates import validation
from typer.testing import CliRunner

from marrowscope.cli.app import app
from marrowscope.errors import DamagedRecordError
from marrowscope.models.bundle import load_bundle
from marrowscope.synth import draw_patient
from marrowscope.validations import FOLDER, read_validation, validations_folder, write_validation


def labelled(folder: Path, blasts: int, others: int) -> Path:
    """Draw single cells into a folder per type."""
    wanted = {"blast": blasts, "lymphocyte": others}
    written = dict.fromkeys(wanted, 0)
    seed = 0
    while written != wanted:
        (field,) = draw_patient([7, seed], blast_share=0.5, cells=16, fields=1).fields
        seed += 1
        for box, kind in zip(field.boxes, field.cell_types, strict=True):
            name = "blast" if kind == "blast" else "lymphocyte"
            if written[name] < wanted[name]:
                x0, y0, x1, y1 = (max(int(v), 0) for v in box)
                path = folder / name / f"{written[name]:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(field.pixels[y0:y1, x0:x1]).save(path)
                written[name] += 1
    return folder


def run(*options: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(app, ["validate", *options])
    return answer.exit_code, answer.stdout, answer.stderr


def test_what_is_measured_is_stored_for_these_networks_and_shown(tmp_path: Path) -> None:
    cells, store = labelled(tmp_path / "cells", 24, 24), tmp_path / "store"
    options = ["--data", str(cells), "--specimen", "marrow", "--operator", "A. Smith", "--store", str(store)]
    code, said, _ = run(*options, "--json")
    assert code == 0
    assert json.loads(said)["figures"]["blasts"] == 24
    kept = read_validation(load_bundle().sha256, store)
    assert kept is not None
    assert (kept.operator, kept.figures.specimen, kept.figures.others) == ("A. Smith", "marrow", 24)
    assert read_validation("0" * 64, store) is None
    code, said, _ = run("--show", "--store", str(store))
    assert code == 0
    assert "A. Smith (marrow: 24 blasts and 24 other cells)" in said
    assert "How patients differ is not known" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "nothing to measure on"),
        (["--data", "here"], "--specimen marrow or --specimen blood"),
        (["--show"], "no validation of marrowscope-1"),
    ],
)
def test_what_is_missing_is_told_in_one_line(tmp_path: Path, options: list[str], told: str) -> None:
    code, _, said = run(*options, "--store", str(tmp_path))
    assert code == 2
    assert told in said


def test_too_few_cells_are_refused(tmp_path: Path) -> None:
    cells = labelled(tmp_path / "cells", 3, 3)
    code, _, said = run("--data", str(cells), "--specimen", "blood", "--store", str(tmp_path / "store"))
    assert code == 2
    assert "at least 20 of either are needed" in said


def test_patients_are_told_apart_by_folder_or_by_name(tmp_path: Path) -> None:
    """Two folders of patients; the same cells in one folder per type, the patient before an ``@``."""
    folders, named, store = tmp_path / "folders", tmp_path / "named", tmp_path / "store"
    for patient in ("p1", "p2"):
        labelled(folders / patient, 12, 14)
        for path in (folders / patient).rglob("*.png"):
            target = named / path.parent.name / f"{patient}@{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for data in (folders, named):
        code, said, _ = run("--data", str(data), "--specimen", "blood", "--store", str(store))
        assert code == 0
        assert "How patients differ is not known" not in said
        kept = read_validation(load_bundle().sha256, store)
        assert kept is not None
        assert [(each.blasts, each.others) for each in kept.figures.by_patient] == [(12, 14)] * 2
        assert "of 2 patients" in kept.describe()


def test_a_file_of_other_networks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert validations_folder() == tmp_path
    path = write_validation(validation())
    assert read_validation("ab" * 32) == validation()
    path.rename(tmp_path / f"{'cd' * 32}.json")
    with pytest.raises(DamagedRecordError, match="other networks"):
        read_validation("cd" * 32)
    write_validation(replace(validation(), bundle_sha256="ef" * 32)).write_text("{", "utf-8")
    with pytest.raises(DamagedRecordError, match="cannot be read"):
        read_validation("ef" * 32)
