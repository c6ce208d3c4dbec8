"""``marrowscope export``: a finished run in every format, from the command line."""

import csv
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from tests.cohorts import analyse, write_fields
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app
from marrowscope.cli.commands.reading.export import ExportFormat


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Analyse two patients, one of whose images is stored lying."""
    root = tmp_path_factory.mktemp("exported")
    write_fields(root / "patients" / "P01", 2, seed=3)
    write_fields(root / "patients" / "P02", 1, seed=9)
    lying = root / "patients" / "P02" / "field_00.png"
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(lying) as upright:
        upright.transpose(Image.Transpose.ROTATE_90).save(lying, exif=exif)
    analyse(root / "patients", root / "out")
    return root


def export(run: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["export", str(run / "out"), *arguments])


@pytest.mark.parametrize("name", [each.value for each in ExportFormat])
def test_every_format_is_written(run: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "target"
    done = export(run, "--format", name, "-o", str(target))
    assert done.exit_code == 0, done.output
    written = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
    assert written
    assert all(path.stat().st_size for path in written)
    again = export(run, "--format", name, "-o", str(target))
    assert again.exit_code == 2
    assert "--overwrite" in again.output
    assert len(again.output.splitlines()) == 1
    assert export(run, "--format", name, "-o", str(target), "--overwrite").exit_code == 0


def test_boxes_that_are_turned_back_are_told(run: Path, tmp_path: Path) -> None:
    done = export(run, "--format", "geojson", "-o", str(tmp_path / "q"), "--images", str(run / "patients"))
    assert "1 image with an EXIF orientation" in done.stderr
    assert "2 patients, 3 images" in done.stdout
    image = tmp_path / "q" / "P02" / "field_00.png"
    assert image.read_bytes() == (run / "patients" / "P02" / "field_00.png").read_bytes()
    document = json.loads((tmp_path / "q" / "P02" / "field_00.png.geojson").read_text("utf-8"))
    with Image.open(image) as stored:
        width, height = stored.size
    for feature in document["features"]:
        for x, y in feature["geometry"]["coordinates"][0]:
            assert -1 <= x <= width + 1
            assert -1 <= y <= height + 1


def test_a_file_goes_into_a_folder_that_is_there_under_its_usual_name(run: Path, tmp_path: Path) -> None:
    for name, usual in (("coco", "coco.json"), ("xlsx", "patients.xlsx"), ("html", "report.html")):
        assert export(run, "--format", name, "-o", str(tmp_path)).exit_code == 0
        assert (tmp_path / usual).is_file()
    assert zipfile.is_zipfile(tmp_path / "patients.xlsx")
    assert 'href="annotated/' not in (tmp_path / "report.html").read_text("utf-8")


def test_what_cannot_be_is_told_in_one_line(run: Path, tmp_path: Path) -> None:
    refused = [
        export(run, "--format", "pdf", "-o", str(tmp_path / "x.pdf"), "--images", str(run / "patients")),
        export(run, "--format", "coco", "-o", str(tmp_path / "c.json"), "--images", str(tmp_path)),
        CliRunner().invoke(
            app, ["export", str(tmp_path), "--format", "coco", "-o", str(tmp_path / "c.json")]
        ),
    ]
    for each in refused:
        assert each.exit_code == 2, each.output
        assert len(each.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["geojson", "coco", "yolo", "voc", "dicom"])
def test_what_is_refused_leaves_nothing_behind(run: Path, tmp_path: Path, name: str) -> None:
    others = tmp_path / "others"
    write_fields(others / "P01", 2, seed=3)  # the images of P02 are missing
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    done = export(run, "--format", name, "-o", str(target), "--images", str(others))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "there").iterdir()) == []


def test_a_target_that_cannot_be_written_is_told_in_one_line(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("coco", "yolo"):
        done = export(run, "--format", name, "-o", str(tmp_path / "file" / "target"))
        assert done.exit_code == 2
        assert done.stderr.startswith("marrowscope: cannot write to ")
        assert len(done.stderr.splitlines()) == 1


def test_writing_over_keeps_what_others_put_there(run: Path, tmp_path: Path) -> None:
    assert export(run, "--format", "yolo", "-o", str(tmp_path / "y")).exit_code == 0
    (tmp_path / "y" / "notes.txt").write_text("mine", "utf-8")
    assert export(run, "--format", "yolo", "-o", str(tmp_path / "y"), "--overwrite").exit_code == 0
    assert (tmp_path / "y" / "notes.txt").read_text("utf-8") == "mine"


def test_folders_without_a_name_of_their_own_are_written_to(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "above" / "here")
    assert export(run, "--format", "yolo", "-o", "..", "--overwrite").exit_code == 0
    assert {path.name for path in (tmp_path / "above").iterdir()} == {"here", "labels", "classes.txt"}
    assert export(run, "--format", "yolo", "-o", ".").exit_code == 0
    assert {path.name for path in Path().iterdir()} == {"labels", "classes.txt"}


def test_a_batch_is_exported_as_one(run: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    rows = [f"{name},{run / 'patients' / name}" for name in ("P01", "P02")]
    manifest.write_text("\n".join(["patient,path", *rows]), "utf-8")
    command = ["batch", str(manifest), "-o", str(tmp_path / "batch"), "-q"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    arguments = ["export", str(tmp_path / "batch"), "--format"]
    done = CliRunner().invoke(app, [*arguments, "coco", "-o", str(tmp_path / "coco.json")])
    assert done.exit_code == 0, done.output
    names = [
        image["file_name"] for image in json.loads((tmp_path / "coco.json").read_text("utf-8"))["images"]
    ]
    assert names == ["P01/field_00.png", "P01/field_01.png", "P02/field_00.png"]
    done = CliRunner().invoke(app, [*arguments, "html", "-o", str(tmp_path / "report.html")])
    assert done.exit_code == 2


@pytest.mark.parametrize("name", ["yolo", "voc"])
def test_labels_of_a_set_that_holds_its_images_become_a_review(run: Path, tmp_path: Path, name: str) -> None:
    written, reviewed = tmp_path / name, tmp_path / "reviewed.csv"
    images = str(run / "patients")
    assert export(run, "--format", name, "-o", str(written), "--images", images).exit_code == 0
    cells = str(run / "out" / "cells.csv")
    asked = ["data", "convert", str(written), "--to", "review", "--cells", cells, "-o", str(reviewed)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    with reviewed.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert all(row["reviewed_type"] in {row["cell_type"], ""} for row in rows)
    assert {row["field"] for row in rows if row["reviewed_type"]} == {row["field"] for row in rows}
