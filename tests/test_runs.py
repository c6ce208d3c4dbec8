"""Readings are never lost under way: a folder in use, damaged records, files that change."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import marrowscope
from marrowscope.cli.app import app
from marrowscope.domain.patient import CohortReport, FieldStatus
from marrowscope.errors import DamagedRecordError, InputError
from marrowscope.journal import Journal, record_folder
from marrowscope.progress import Progress
from marrowscope.synth import draw_field


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    folder = tmp_path / "P 1"
    folder.mkdir()
    for seed in range(3):
        field = draw_field(seed, width=480, height=360, cells=4)
        Image.fromarray(field.pixels).save(folder / f"{seed}.png")
    return folder


def records(out: Path) -> list[Path]:
    return sorted((record_folder(out) / "fields").glob("*.json"))


def test_a_folder_in_use_is_refused(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Journal(out, {}), pytest.raises(InputError, match="another run is using"):
        marrowscope.analyse(patient, out, overwrite=True)
    marrowscope.analyse(patient, out, overwrite=True)  # free again


def test_an_earlier_run_is_replaced_only_when_asked(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    marrowscope.analyse(patient, out)
    with pytest.raises(InputError, match="holds an earlier run"):
        marrowscope.analyse(patient, out)
    marrowscope.analyse(patient, out, overwrite=True)


@pytest.mark.parametrize("damage", ["delete", "cut", "empty", "change", "nonsense"])
def test_a_damaged_record_is_read_again(patient: Path, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "out"
    marrowscope.analyse(patient, out)
    before = [(out / name).read_bytes() for name in ("patients.csv", "cells.csv")]
    for record in records(out):
        content = record.read_bytes()
        if damage == "delete":
            record.unlink()
        else:
            changed = {
                "cut": content[: len(content) // 2], "empty": b"", "nonsense": b"\xff\xfe",
                "change": content.replace(b"0", b"1"),
            }[damage]  # fmt: skip
            record.write_bytes(changed)
    marrowscope.analyse(patient, out, resume=True)
    assert [(out / name).read_bytes() for name in ("patients.csv", "cells.csv")] == before


def test_a_missing_picture_is_made_again(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    marrowscope.analyse(patient, out)
    picture = out / "annotated" / "P 1" / "1.png.jpg"
    before = picture.read_bytes()
    picture.unlink()
    marrowscope.analyse(patient, out, resume=True)
    assert picture.read_bytes() == before


@pytest.mark.parametrize("left", [0, 200])
def test_damaged_pictures_of_cells_are_told_of_and_made_again(
    patient: Path, tmp_path: Path, left: int
) -> None:
    out = tmp_path / "out"
    marrowscope.analyse(patient, out)
    before = (out / "report.html").stat().st_size
    sheet = sorted((out / ".marrowscope" / "fields").glob("*.jpg"))[0]
    sheet.write_bytes(sheet.read_bytes()[:left])
    with pytest.raises(DamagedRecordError, match="is damaged; run again with --resume"):
        marrowscope.analyse(patient, out, resume=True)
    marrowscope.analyse(patient, out, resume=True)
    assert abs((out / "report.html").stat().st_size - before) < 100


def test_a_record_that_disappears_under_way_is_an_error(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def lose_the_first(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 3:
            for record in records(out):
                record.unlink()

    with pytest.raises(DamagedRecordError, match="disappeared while the run went on"):
        marrowscope.analyse(patient, out, listener=lose_the_first)
    assert not (out / "patients.csv").exists()


def test_a_folder_deleted_under_way_is_an_error(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def delete(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 2:
            shutil.rmtree(out)

    with pytest.raises(DamagedRecordError):
        marrowscope.analyse(patient, out, listener=delete)


def test_a_file_swapped_after_listing_is_not_counted_under_its_digest(patient: Path, tmp_path: Path) -> None:
    def swap(progress: Progress) -> None:
        if progress.stage == "scale":
            shutil.copy(patient / "0.png", patient / "2.png")

    report = marrowscope.analyse(patient, tmp_path / "out", listener=swap)
    swapped = {field.name: field for field in report.patients[0].fields}["2.png"]
    assert swapped.status is FieldStatus.FAILED
    assert "changed while the run went on" in swapped.message


def test_a_run_in_which_no_image_could_be_read_ends_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "P 1"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (folder / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(600))
    result = CliRunner().invoke(app, ["analyse", str(folder), "-o", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 1
    assert "none of 2 images could be read" in result.stderr
    assert (tmp_path / "out" / "patients.csv").is_file()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left", "out/x"), "out/x: No space left"),
    ],
)
def test_foreign_errors_end_in_one_line(
    patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str
) -> None:
    def fail(*_: object, **__: object) -> CohortReport:
        raise error

    monkeypatch.setattr("marrowscope.api.analyse", fail)
    result = CliRunner().invoke(app, ["analyse", str(patient), "-o", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 1
    assert line in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_record_says_what_it_holds(patient: Path, tmp_path: Path) -> None:
    marrowscope.analyse(patient, tmp_path / "out")
    digest, text = records(tmp_path / "out")[0].read_bytes().split(b"\n", 1)
    assert len(digest) == 64
    assert json.loads(text)
