"""A whole slide through the main job: where it is counted, how much, its files; bad ones are answers."""

import json
import shutil
import struct
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

import marrowscope
from marrowscope.domain.geometry import overlaps
from marrowscope.domain.patient import (
    CohortReport,
    FieldReading,
    FieldStatus,
    PatientReading,
    SlideReading,
)
from marrowscope.errors import InputError
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.sources import discover
from marrowscope.journal import Journal
from marrowscope.pipeline import FieldResult
from marrowscope.planning import SeenSlide, Unreadable, look, told_for_both
from marrowscope.progress import Progress
from marrowscope.synth.slide import AREA_UM, Area, SyntheticSlide, draw_slide
from tests.cohorts import analyse, planned, table, write_fields
from tests.slides import write_svs

MPP = 0.25
LONG = 4  # TIFF 6.0: the type of an entry of 32 bits
ENOUGH = 110
"""Cells that about two tiles hold."""


@pytest.fixture(scope="module")
def slide() -> SyntheticSlide:
    areas = np.full((44, 64), Area.MONOLAYER, np.uint8)
    areas[:, :10] = Area.THICK
    areas[:2] = areas[-2:] = areas[:, -2:] = Area.GLASS
    return draw_slide(7, mpp=MPP, areas=areas)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, slide: SyntheticSlide) -> Path:
    made = tmp_path_factory.mktemp("slides") / "P1"
    made.mkdir()
    write_svs(made / "smear.svs", slide.pixels, MPP)
    return made


@pytest.fixture(scope="module")
def out(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    analyse(folder, out, target=ENOUGH)
    return out


def only(report: CohortReport) -> tuple[PatientReading, SlideReading]:
    (patient,) = report.patients
    (found,) = patient.slides
    return patient, found


def place(field: str) -> tuple[int, int]:
    x, y = field.removeprefix("smear.svs@").split(",")
    return int(x), int(y)


def test_cells_are_those_of_the_slide_in_its_pixels(out: Path, slide: SyntheticSlide) -> None:
    cells = [row for row in table(out / "cells.csv") if row["counted"] == "true"]
    assert len(cells) >= ENOUGH
    boxes = np.array([[float(row[side]) for side in ("x0", "y0", "x1", "y1")] for row in cells], np.float32)
    best = overlaps(boxes, slide.boxes)[0].max(axis=1)
    assert (best > 0.5).mean() > 0.9
    side = 1024
    for row, box in zip(cells, boxes, strict=True):
        x, y = place(row["field"])
        assert x < box[0] < box[2] < x + side, "a cell cut by its tile's edge was counted"
        assert y < box[1] < box[3] < y + side


def test_it_ends_with_the_tile_that_reaches_the_target(out: Path) -> None:
    record = json.loads((out / "run.json").read_text("utf-8"))
    (patient,) = record["patients"]
    (row,) = table(out / "patients.csv")
    (found,) = patient["slides"]
    assert found["tiles_counted"] == len(patient["inputs"]) == int(row["fields"])
    assert found["tiles_counted"] < found["tiles"]
    assert found["counted_mm2"] == pytest.approx(found["tiles_counted"] * 0.256**2, abs=0.001)
    assert found["counted_mm2"] < found["countable_mm2"]
    assert patient["count"]["slides"] == {"smear.svs": int(row["counted"])}
    assert int(row["counted"]) - patient["count"]["cells_per_field"]["most"] < ENOUGH
    assert f"{found['counted_mm2']:.2f} mm² counted" in row["reasons"]
    assert {entry["scale_source"] for entry in patient["inputs"]} == {"metadata"}


def test_counted_tiles_are_true_monolayer(out: Path, slide: SyntheticSlide) -> None:
    side = round(AREA_UM / MPP)
    truth = np.kron(slide.areas == Area.MONOLAYER, np.ones((side, side), bool))
    parts = [
        truth[y : y + 1024, x : x + 1024].mean()
        for x, y in {place(row["field"]) for row in table(out / "cells.csv")}
    ]
    assert np.mean(parts) >= 0.9


def test_pictures_of_tiles_and_the_overview_lie_beside_the_report(out: Path) -> None:
    names = {path.name for path in (out / "annotated" / "P1").iterdir()}
    fields = {row["field"] for row in table(out / "cells.csv")}
    assert names == {"smear.svs@overview.jpg", *(f"{field}.jpg" for field in fields)}
    with Image.open(out / "annotated" / "P1" / "smear.svs@overview.jpg") as picture:
        assert picture.width >= 900
    page = (out / "report.html").read_text("utf-8")
    assert "annotated/P1/smear.svs%40overview.jpg" in page
    assert "Overview of smear.svs with the counted area" in page


def test_an_interrupted_run_goes_on_to_the_same_bytes(folder: Path, out: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(folder, tmp_path / "again", target=ENOUGH, listener=stop)
    analyse(folder, tmp_path / "again", target=ENOUGH, resume=True)
    for name in ("cells.csv", "patients.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_two_workers_count_the_same(folder: Path, out: Path, tmp_path: Path) -> None:
    analyse(folder, tmp_path / "out", target=ENOUGH, workers=2, threads=1)
    assert (tmp_path / "out" / "cells.csv").read_bytes() == (out / "cells.csv").read_bytes()


def test_a_lost_survey_is_made_again(folder: Path) -> None:
    plan = planned(folder)
    (survey,) = (folder.parent / "parts").glob("*.survey")
    survey.write_bytes(survey.read_bytes()[:50])
    assert planned(folder).tiles == plan.tiles
    assert [slide.survey.overview for slide in planned(folder).slides] == [
        slide.survey.overview for slide in plan.slides
    ]


def test_of_the_same_slide_twice_one_is_counted(folder: Path, tmp_path: Path) -> None:
    patient = shutil.copytree(folder, tmp_path / "P1")
    shutil.copy(patient / "smear.svs", patient / "copy.svs")
    plan = planned(patient)
    assert [slide.source.name for slide in plan.slides] == ["copy.svs"]
    said = {name: reading.message for name, reading in plan.settled.items()}
    assert said == {"smear.svs": "the same image as copy.svs; counted once"}


def test_fields_beside_a_slide_are_read_whole_and_count(folder: Path, tmp_path: Path) -> None:
    patient = shutil.copytree(folder, tmp_path / "P1")
    write_fields(patient, 2)
    report, _ = only(analyse(patient, tmp_path / "out", target=1))
    assert [field.name for field in report.fields] == ["field_00.png", "field_01.png"]


def test_a_slide_of_two_patients_is_told_for_both(folder: Path, tmp_path: Path) -> None:
    for name in ("P1", "P2"):
        shutil.copytree(folder, tmp_path / "cohort" / name)
    plans = told_for_both([planned(tmp_path / "cohort" / name) for name in ("P1", "P2")])
    assert [plan.notes for plan in plans] == [
        ("smear.svs is also an image of P2: check whose it is.",),
        ("smear.svs is also an image of P1: check whose it is.",),
    ]


def test_a_tile_out_of_focus_is_passed_over(slide: SyntheticSlide, tmp_path: Path) -> None:
    patient = tmp_path / "P1"
    patient.mkdir()
    left = round(320 / MPP)
    blurred = gaussian_filter(slide.pixels[128:1664, left : left + 1536], (6, 6, 0))
    write_svs(patient / "smear.svs", blurred, MPP)
    report, found = only(analyse(patient, tmp_path / "out", target=1))
    assert found.tiles_unfit == found.tiles > 0
    assert found.counted_mm2 == 0
    assert not report.fields
    assert any("not sharp or empty" in flag for flag in report.flags)


def test_best_first_and_until_settled_do_not_go_together(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="drawn at random"):
        analyse(folder, tmp_path / "out", until_settled=True, tiles="best")
    with pytest.raises(InputError, match="no order of tiles worst: choose random, best, all"):
        analyse(folder, tmp_path / "out", tiles="worst")


def looked_at(path: Path) -> SeenSlide | Unreadable:
    (patient,) = discover([path])
    (found,) = look(DEFAULT_LIMITS, path.parent / "parts", patient.fields[0])
    assert isinstance(found, SeenSlide | Unreadable)
    return found


def test_a_broken_slide_is_an_answer(slide: SyntheticSlide, tmp_path: Path) -> None:
    whole = write_svs(tmp_path / "whole.svs", slide.pixels[:1024, :1024], MPP).read_bytes()
    bad = {
        "truncated.svs": whole[: len(whole) // 3],
        "no levels.svs": whole[:8],
        "text.ndpi": b"not a slide at all\n" * 100,
        "empty.scn": b"",
        "alone.mrxs": b"\xff\xd8\xff\xe0" + bytes(500),
        "half.bif": whole[: len(whole) // 2],
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        found = looked_at(tmp_path / name)
        assert isinstance(found, Unreadable), name
        assert found.reason
        assert "\n" not in found.reason
        assert "Traceback" not in found.reason
        assert str(tmp_path) not in found.reason
    assert looked_at(tmp_path / "alone.mrxs").reason == (  # type: ignore[union-attr]  # told above
        "the folder alone that belongs to this MRXS slide is missing"
    )


@pytest.mark.parametrize(
    ("side", "told"), [(90_000, "no smaller copies"), (3_000_000_000, "this slide cannot be read")]
)
def test_absurd_sizes_are_refused_before_anything_is_read(
    side: int, told: str, slide: SyntheticSlide, tmp_path: Path
) -> None:
    path = write_svs(tmp_path / "huge.svs", slide.pixels[:1024, :1024], MPP)
    with tifffile.TiffFile(path) as whole:
        entries = [whole.pages.first.tags[tag].offset for tag in ("ImageWidth", "ImageLength")]
    content = bytearray(path.read_bytes())
    for entry in entries:
        content[entry + 2 : entry + 12] = struct.pack("<HII", LONG, 1, side)
    path.write_bytes(content)
    found = looked_at(path)
    assert isinstance(found, Unreadable)
    assert told in found.reason
    assert str(tmp_path) not in found.reason


def test_a_field_of_a_slide_knows_its_slide() -> None:
    tile = FieldReading("a@b.svs@100,200", FieldStatus.READ, slide_xy=(100, 200))
    assert tile.slide == "a@b.svs"


def test_a_live_count_is_stopped_within_a_slide(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    record = Journal.record

    def recording(journal: Journal, result: FieldResult) -> None:
        record(journal, result)
        stop.set()

    monkeypatch.setattr(Journal, "record", recording)
    report = marrowscope.watch(folder, tmp_path / "out", stop=stop)
    (slide,) = report.patients[0].slides
    assert slide.tiles_counted + slide.tiles_unfit == 1
