"""Annotated pictures: drawn when asked for, and when they are missing; no count depends on them."""

from pathlib import Path

import pytest
from PIL import Image

from marrowscope.engines import reading
from marrowscope.imaging.field_source import FieldSource
from marrowscope.models.bundle import load_bundle
from marrowscope.pipeline import FieldReader, FieldTask, ReadingSettings, load_field
from marrowscope.progress import Progress
from tests.cohorts import analyse, blank, table, write_fields, write_windows

TABLES = ("patients.csv", "cells.csv")
MPP = 0.1


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    write_fields(tmp_path / "P1", 3)
    return tmp_path / "P1"


def pictures(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "annotated").rglob("*.jpg"))}


def test_without_pictures_only_pictures_are_missing(patient: Path, tmp_path: Path) -> None:
    analyse(patient, tmp_path / "with", mpp=MPP)
    report = analyse(patient, tmp_path / "without", mpp=MPP, pictures=False)
    assert len(pictures(tmp_path / "with")) == 3
    assert not (tmp_path / "without" / "annotated").exists()
    for name in TABLES:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    with_, without = ((tmp_path / out / "report.html").read_text("utf-8") for out in ("with", "without"))
    assert "No annotated pictures" in without
    assert "No annotated pictures" not in with_
    assert 'href="annotated/' not in without
    shown = without.count("data:image/jpeg")
    assert shown > 0  # the cells
    assert with_.count("data:image/jpeg") == shown + 3  # and the fields
    assert report.provenance.settings["pictures"] == "false"
    assert not report.has_pictures


def test_pictures_are_drawn_later_without_reading_again(
    patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse(patient, tmp_path / "with", mpp=MPP)
    out = tmp_path / "out"
    analyse(patient, out, mpp=MPP, pictures=False)
    before = [(out / name).read_bytes() for name in TABLES]

    def refuse(self: FieldReader, *_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(FieldReader, "begin", refuse)
    told: list[str] = []

    def listen(progress: Progress) -> None:
        if progress.stage == "drawing":
            told.append(progress.field)

    report = analyse(patient, out, mpp=MPP, resume=True, listener=listen)
    assert pictures(out) == pictures(tmp_path / "with")
    assert told == [field.name for field in report.patients[0].fields]
    assert [(out / name).read_bytes() for name in TABLES] == before


def test_a_run_that_goes_on_without_pictures_leaves_none(patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    later = patient / "field_02.png"
    data = later.read_bytes()
    later.unlink()
    analyse(patient, out, mpp=MPP)
    later.write_bytes(data)
    report = analyse(patient, out, mpp=MPP, resume=True, pictures=False)
    assert len(report.patients[0].fields) == 3
    assert pictures(out) == {}


def test_cells_of_overlapping_fields_are_drawn_as_not_counted_later_too(tmp_path: Path) -> None:
    write_windows(tmp_path / "P1", (0, 0), (180, 120))
    analyse(tmp_path / "P1", tmp_path / "with", mpp=MPP)
    out = tmp_path / "out"
    analyse(tmp_path / "P1", out, mpp=MPP, pictures=False)
    analyse(tmp_path / "P1", out, mpp=MPP, resume=True)
    assert pictures(out) == pictures(tmp_path / "with")


def test_without_pictures_single_cells_have_no_sheets(tmp_path: Path) -> None:
    write_fields(tmp_path / "P1", 2, cells=1)
    report = analyse(tmp_path / "P1", tmp_path / "out", mpp=MPP, single_cells=True, pictures=False)
    assert len(table(tmp_path / "out" / "cells.csv")) == len(report.patients[0].cells) == 2
    assert not (tmp_path / "out" / "annotated").exists()


def test_drawing_beside_the_networks_gives_what_reading_one_by_one_gives(tmp_path: Path) -> None:
    paths = [*write_fields(tmp_path, 4), blank(tmp_path / "blank.png"), tmp_path / "broken.png"]
    paths[-1].write_bytes(b"no image")
    reader = FieldReader(load_bundle(), ReadingSettings(mpp=MPP))
    tasks = [FieldTask("P1", FieldSource(path.name, path), "") for path in paths]
    alone = [reader.read(task, load_field(task, reader.settings.limits)) for task in tasks]
    together = list(reading.read_here(reader, tasks))
    assert [each.reading.name for each in together] == [path.name for path in paths]
    for one, other in zip(alone, together, strict=True):
        assert one.reading.status is other.reading.status
        assert one.reading.cells.boxes.tobytes() == other.reading.cells.boxes.tobytes()
        assert one.reading.cells.probability.tobytes() == other.reading.cells.probability.tobytes()
        assert (one.annotated, one.gallery) == (other.annotated, other.gallery)
    assert [bool(each.annotated) for each in together] == [True] * 5 + [False]


def test_a_fields_picture_is_found_by_its_name_and_fields_of_one_stem_have_one_each(tmp_path: Path) -> None:
    for path, name in zip(write_fields(tmp_path / "P1", 2), ("x.png", "x.bmp"), strict=True):
        with Image.open(path) as image:
            image.save(path.with_name(name))
        path.unlink()
    analyse(tmp_path / "P1", tmp_path / "out", mpp=MPP)
    named = {row["field"] for row in table(tmp_path / "out" / "cells.csv")}
    assert named == {"x.png", "x.bmp"}
    folder = tmp_path / "out" / "annotated" / "P1"
    drawn = {(folder / f"{field}.jpg").read_bytes() for field in named}
    assert len(drawn) == 2
