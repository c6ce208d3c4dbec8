"""One field in several files is counted once and that is said; several fields in one file are all read."""

import io
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageEnhance, ImageFilter

from marrowscope.domain.patient import FieldStatus
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.sources import discover
from marrowscope.imaging.repeats.fields import SAME_FIELD, likeness, sketch
from marrowscope.planning import Plan, look, plan_patient, told_for_both
from tests.cohorts import planned
from tests.imaging.files.encoded import textured

Pixels = npt.NDArray[np.uint8]


def read(plan: Plan) -> list[str]:
    return [task.source.name for task in plan.tasks]


def said(plan: Plan) -> dict[str, str]:
    return {name: reading.message for name, reading in plan.settled.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "P1"
    made.mkdir()
    Image.fromarray(textured(1)).save(made / "other.png")
    return made


def test_one_field_in_three_formats_is_counted_once(folder: Path) -> None:
    image = Image.fromarray(textured(2))
    for suffix in ("png", "tif", "jpg"):
        image.save(folder / f"field.{suffix}")
    plan = planned(folder)
    assert len(read(plan)) == 2
    assert "other.png" in read(plan)
    assert list(said(plan).values()) == [f"the same field as {read(plan)[0]}; counted once"] * 2
    assert all(r.status is FieldStatus.DUPLICATE for r in plan.settled.values())


def test_of_a_field_and_its_thumbnail_the_field_is_read(folder: Path) -> None:
    image = Image.fromarray(textured(2, 800, 900))
    image.resize((112, 100)).save(folder / "a thumbnail.png")
    image.save(folder / "field.png")
    plan = planned(folder)
    assert read(plan) == ["field.png", "other.png"]
    assert said(plan) == {"a thumbnail.png": "the same field as field.png; counted once"}


def test_a_brightened_copy_is_counted_once(folder: Path) -> None:
    image = Image.fromarray(textured(2))
    image.save(folder / "field.png")
    ImageEnhance.Brightness(image).enhance(1.2).save(folder / "field bright.png")
    assert len(read(planned(folder))) == 2


def test_of_a_focus_series_in_files_the_sharpest_is_read(folder: Path) -> None:
    image = Image.fromarray(textured(2))
    for name, radius in (("z1", 2.0), ("z2", 0.0), ("z3", 1.5)):
        image.filter(ImageFilter.GaussianBlur(radius)).save(folder / f"{name}.png")
    assert read(planned(folder)) == ["other.png", "z2.png"]


def test_all_fields_of_one_file_are_read(folder: Path) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for seed in (3, 4, 5):
            writer.write(textured(seed), photometric="rgb", metadata=None)
    (folder / "fields.tif").write_bytes(stream.getvalue())
    plan = planned(folder)
    assert read(plan) == ["fields.tif#1", "fields.tif#2", "fields.tif#3", "other.png"]
    assert plan.names == tuple(read(plan))
    assert plan.notes == ("1 file held several fields; each was read.",)
    for task, seed in zip(plan.tasks, (3, 4, 5), strict=False):
        pixels = task.source.image(DEFAULT_LIMITS, task.sha256).pixels
        np.testing.assert_array_equal(pixels, textured(seed))


def test_a_file_called_like_a_field_of_another_file_is_read_under_its_own_name(folder: Path) -> None:
    with tifffile.TiffWriter(folder / "a.tif") as writer:
        for seed in (3, 4):
            writer.write(textured(seed), photometric="rgb", metadata=None)
    Image.fromarray(textured(5)).save(folder / "a.tif#1", "PNG")
    plan = planned(folder)
    assert read(plan) == ["a.tif#1", "a.tif#2", "a.tif#1 (2)", "other.png"]
    assert plan.names == tuple(read(plan))
    assert len({task.sha256 for task in plan.tasks}) == 4


def test_no_copy_of_a_broken_image_is_called_counted(folder: Path) -> None:
    whole = (folder / "other.png").read_bytes()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(whole[: len(whole) // 2])
    settled = planned(folder).settled
    assert {name for name in settled if settled[name].status is FieldStatus.FAILED} == {"a.png", "b.png"}
    assert all(len(settled[name].sha256) == 64 for name in ("a.png", "b.png"))


def test_images_of_a_kind_that_is_not_read_get_a_row(folder: Path) -> None:
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(600))
    (folder / "modern").write_bytes(b"\0\0\0\x18ftypavif" + bytes(600))
    (folder / "notes.txt").write_text("good smear")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    Image.fromarray(textured(9)).save(folder / "camera file", "JPEG")
    Image.fromarray(textured(10)).save(folder / "new.webp", lossless=True)
    plan = planned(folder)
    assert read(plan) == ["camera file", "new.webp", "other.png"]
    assert set(said(plan)) == {"phone.heic", "modern"}
    assert "HEIC" in said(plan)["phone.heic"]
    assert "AVIF" in said(plan)["modern"]
    assert all(r.status is FieldStatus.FAILED for r in plan.settled.values())


def test_a_name_too_long_is_refused_on_its_row(tmp_path: Path) -> None:
    patient = tmp_path / "cohort" / "P1"
    deep = patient.joinpath(*(["a" * 100] * 5))
    deep.mkdir(parents=True)
    Image.fromarray(textured(1)).save(patient / "other.png")
    Image.fromarray(textured(3)).save(deep / "field.png")
    plan = planned(tmp_path / "cohort")
    assert read(plan) == ["other.png"]
    ((name, message),) = said(plan).items()
    assert "514 characters, more than the limit" in message
    assert len(name) < 514
    assert name in plan.names


def test_the_same_image_under_two_patients_is_told_for_both(tmp_path: Path) -> None:
    for patient in ("P1", "P2", "P3"):
        (tmp_path / "cohort" / patient).mkdir(parents=True)
        Image.fromarray(textured(len(patient) + int(patient[1]))).save(
            tmp_path / "cohort" / patient / "own.png"
        )
    for patient in ("P1", "P2"):
        Image.fromarray(textured(20)).save(tmp_path / "cohort" / patient / "shared.png")
    sources = discover([tmp_path / "cohort"])
    plans = told_for_both(
        [plan_patient(s, partial(look, DEFAULT_LIMITS, tmp_path), lambda _: None) for s in sources]
    )
    assert plans[0].notes == ("shared.png is also an image of P2: check whose it is.",)
    assert plans[1].notes == ("shared.png is also an image of P1: check whose it is.",)
    assert plans[2].notes == ()
    assert all(len(plan.tasks) == n for plan, n in zip(plans, (2, 2, 1), strict=True))


def test_an_image_of_two_patients_is_told_where_another_copy_of_its_field_is_counted(tmp_path: Path) -> None:
    image = Image.fromarray(textured(20))
    for patient in ("P1", "P2"):
        (tmp_path / "cohort" / patient).mkdir(parents=True)
        image.save(tmp_path / "cohort" / patient / "shared.png")
    image.resize((2 * image.width, 2 * image.height)).save(tmp_path / "cohort" / "P1" / "larger.png")
    sources = discover([tmp_path / "cohort"])
    plans = told_for_both(
        [plan_patient(s, partial(look, DEFAULT_LIMITS, tmp_path), lambda _: None) for s in sources]
    )
    assert read(plans[0]) == ["larger.png"]
    assert plans[0].notes == ("shared.png is also an image of P2: check whose it is.",)
    assert plans[1].notes == ("shared.png is also an image of P1: check whose it is.",)


def test_different_single_cells_are_not_taken_for_one(shared_data: Path) -> None:
    """Images with a cell in the middle are all alike: none may be lost as another's copy."""
    patients = sorted((shared_data / "patients" / "jhu").glob("patient_*"))[:6]
    if not patients:
        pytest.skip("the patients' cells are not at hand")
    for patient in patients:
        sketches = [
            sketch(np.asarray(Image.open(path).convert("RGB"))) for path in sorted(patient.glob("*/*.*"))
        ]
        flat = np.stack(sketches).reshape(len(sketches), -1)
        alike = (flat @ flat.T)[np.triu_indices(len(flat), 1)]
        assert len(sketches) > 20
        assert alike.max() < SAME_FIELD


def test_likeness_is_one_for_the_same_and_small_for_others() -> None:
    assert likeness(sketch(textured(1)), sketch(textured(1))) == pytest.approx(1, abs=1e-5)
    assert likeness(sketch(textured(1)), sketch(textured(2))) < 0.6
    even = sketch(np.full((100, 100, 3), 200, np.uint8))
    assert likeness(even, even) == 0
