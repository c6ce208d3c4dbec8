"""Slides of every format give the pixels, the scale and the levels that were written, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.slides import LABEL_GREY, Pixels, smaller, smear, write_dicom, write_ome, write_pyramid, write_svs

from marrowscope.errors import ImageError
from marrowscope.imaging.field_source import FieldSource
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.sources import discover
from marrowscope.imaging.slides.opening import SlideFiles, open_slide, opened, slides_of
from marrowscope.imaging.slides.slide import Slide

MPP = 0.5
WRITERS: dict[str, Callable[[Path, Pixels], Path]] = {
    "svs": lambda folder, pixels: write_svs(folder / "smear.svs", pixels, MPP),
    "pyramid": lambda folder, pixels: write_pyramid(folder / "smear.tif", pixels, MPP),
    "ome": lambda folder, pixels: write_ome(folder / "smear.ome.tif", pixels, MPP),
    "dicom": lambda folder, pixels: write_dicom(folder / "series", pixels, MPP),
}


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.tile(smear().pixels, (1, 2, 1))


def slides_in(folder: Path) -> tuple[SlideFiles, ...]:
    (patient,) = discover([folder])
    (entry,) = patient.fields
    return slides_of(entry, DEFAULT_LIMITS.max_pixels)


def opened_first(folder: Path) -> Slide:
    return open_slide(slides_in(folder)[0])


@pytest.mark.parametrize("kind", WRITERS)
def test_a_slide_gives_what_was_written(kind: str, tmp_path: Path, pixels: Pixels) -> None:
    WRITERS[kind](tmp_path, pixels)
    (files,) = slides_in(tmp_path)
    slide = open_slide(files)
    full, *copies = slide.levels
    assert (full.width, full.height, full.downsample) == (pixels.shape[1], pixels.shape[0], 1.0)
    assert copies[-1].downsample == 4.0
    assert slide.mpp == pytest.approx(MPP)
    for x, y in ((0, 0), (700, 333), (full.width - 300, full.height - 200)):
        region = slide.read(0, x, y, 300, 200)
        assert region.dtype == np.uint8
        assert np.abs(region.astype(int) - pixels[y : y + 200, x : x + 300]).mean() < 5
    small = slide.read(len(slide.levels) - 1, 0, 0, copies[-1].width, copies[-1].height)
    assert np.abs(small.astype(int) - smaller(pixels, 4)).mean() < 6
    assert small.min(axis=-1).max() > LABEL_GREY
    slide.close()


@pytest.mark.parametrize("kind", ["svs", "dicom"])
def test_labels_and_macro_images_are_no_levels(kind: str, tmp_path: Path, pixels: Pixels) -> None:
    WRITERS[kind](tmp_path, pixels)
    (files,) = slides_in(tmp_path)
    slide = open_slide(files)
    shapes = {level.width / level.height for level in slide.levels}
    assert max(shapes) - min(shapes) < 0.01
    for number, level in enumerate(slide.levels):
        corner = slide.read(number, 0, 0, min(level.width, 128), min(level.height, 96))
        assert not (corner == LABEL_GREY).all(axis=-1).any()


def test_a_field_saved_as_a_small_pyramid_stays_a_field(tmp_path: Path, pixels: Pixels) -> None:
    write_pyramid(tmp_path / "field.tif", pixels[:1500, :2000], MPP)
    assert slides_in(tmp_path) == ()


def test_two_series_in_a_folder_are_two_slides(tmp_path: Path, pixels: Pixels) -> None:
    small = pixels[:600, :800]
    for name in ("a", "b"):
        made = write_dicom(tmp_path / "made", small, MPP, levels=())
        for path in made.iterdir():
            (tmp_path / "P1").mkdir(exist_ok=True)
            path.rename(tmp_path / "P1" / f"{name}{path.name}")
        made.rmdir()
    found = slides_in(tmp_path / "P1")
    assert [files.paths[0].name for files in found] == ["a0.dcm", "b0.dcm"]
    assert all(len(files.paths) == 2 for files in found)


def test_the_folder_of_a_mirax_slide_holds_no_images(tmp_path: Path, pixels: Pixels) -> None:
    write_svs(tmp_path / "smear.mrxs", pixels[:600, :600], MPP)  # never opened here
    (tmp_path / "smear").mkdir()
    (tmp_path / "smear" / "Slidedat.ini").write_text("[GENERAL]")
    (tmp_path / "smear" / "Data0000.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (patient,) = discover([tmp_path])
    assert [entry.name for entry in patient.fields] == ["smear.mrxs"]
    (files,) = slides_of(patient.fields[0], DEFAULT_LIMITS.max_pixels)
    assert [path.name for path in files.paths] == ["smear.mrxs", "Data0000.jpg", "Slidedat.ini"]


@pytest.mark.parametrize(
    ("kind", "missing", "told"),
    [
        ("svs", "openslide", "a whole slide needs the 'wsi' extra: pip install 'marrowscope[wsi]'"),
        ("dicom", "wsidicom", "a DICOM slide needs the 'dicom' extra: pip install 'marrowscope[dicom]'"),
    ],
)
def test_without_the_extra_one_line_says_what_to_install(
    kind: str, missing: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.full((600, 600, 3), 230, np.uint8)
    WRITERS[kind](tmp_path, pixels)
    monkeypatch.setattr("marrowscope.errors.find_spec", lambda name: None if name == missing else name)
    with pytest.raises(ImageError) as caught:
        opened_first(tmp_path)
    assert str(caught.value) == told


def test_a_slide_that_changed_is_not_read_as_the_one_before(tmp_path: Path, pixels: Pixels) -> None:
    path = write_svs(tmp_path / "smear.svs", pixels[:600, :800], MPP)
    (files,) = slides_in(tmp_path)
    with opened(files) as slide:
        assert slide.levels[0].width == 800
    write_svs(path, pixels[:700, :900], MPP)
    with pytest.raises(ImageError, match="changed while the run went on"), opened(files):
        pass


def test_a_slide_in_an_archive_is_refused_with_advice() -> None:
    with pytest.raises(ImageError, match="unpack it"):
        slides_of(FieldSource("smear.svs", Path("cohort.zip"), "smear.svs"), DEFAULT_LIMITS.max_pixels)
