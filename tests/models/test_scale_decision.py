"""No scale is believed blindly: files, red cells and leukocytes are compared, and contradictions are said."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.imaging.files.decode import FieldImage, decode
from marrowscope.imaging.scale import resample
from marrowscope.models.bundle import load_bundle
from marrowscope.models.scale_decision import scale_of_field
from marrowscope.pipeline import FieldReader, ReadingSettings, scale_sample
from marrowscope.synth import draw_field

MPP = 0.12
SIZE = (700, 520)


@cache
def reader() -> FieldReader:
    return FieldReader(load_bundle(), ReadingSettings())


@cache
def drawn(seed: int, mpp: float = MPP, red_cells: float = 0.5) -> FieldImage:
    field = draw_field(seed, width=SIZE[0], height=SIZE[1], mpp=mpp, cells=6, red_cells=red_cells)
    return FieldImage(field.pixels, None)


def stating(image: FieldImage, mpp: float | None) -> FieldImage:
    return FieldImage(image.pixels, mpp)


def measured(images: list[FieldImage]) -> Scale:
    (scale,) = reader().measure_scales(images).values()
    return scale


def test_red_cells_are_measured_where_nothing_is_stated() -> None:
    scale = measured([drawn(seed) for seed in range(4)])
    assert scale.source is ScaleSource.RED_CELLS
    assert scale.mpp == pytest.approx(MPP, rel=0.12)
    assert scale.remark == ""


def test_a_stated_scale_that_red_cells_confirm_is_believed() -> None:
    scale = measured([stating(drawn(seed), MPP) for seed in range(4)])
    assert scale == Scale(MPP, ScaleSource.METADATA)


@pytest.mark.parametrize("wrong", [0.03, 0.5, 1.0])
def test_a_stated_scale_that_red_cells_contradict_is_not(wrong: float) -> None:
    scale = measured([stating(drawn(seed), wrong) for seed in range(4)])
    assert scale.source is ScaleSource.RED_CELLS
    assert scale.mpp == pytest.approx(MPP, rel=0.12)
    assert f"the files state {wrong:.3g} µm per pixel" in scale.remark


def test_without_red_cells_leukocytes_contradict() -> None:
    images = [stating(drawn(seed, red_cells=0.0), 0.9) for seed in range(4)]
    scale = measured(images)
    assert scale.source is ScaleSource.LEUKOCYTES
    assert scale.mpp == pytest.approx(MPP, rel=0.6)
    assert "0.9" in scale.remark


@pytest.mark.parametrize("mpp", [0.08, 0.2])
@pytest.mark.parametrize("cell_type", ["segmented_neutrophil", "eosinophil"])
def test_one_cell_alone_tells_the_scale_and_not_the_lobes_of_its_nucleus(cell_type: str, mpp: float) -> None:
    for seed in range(4):
        field = draw_field(seed, width=640, height=480, mpp=mpp, cell_types=[cell_type], red_cells=0.0)
        scale = measured([FieldImage(field.pixels, None)])
        assert scale.source is ScaleSource.LEUKOCYTES
        assert scale.mpp == pytest.approx(mpp, rel=0.25)


def test_the_tag_of_one_file_does_not_speak_for_the_others() -> None:
    images = [stating(drawn(0), 1.0), *(drawn(seed) for seed in range(1, 4))]
    common = measured(images)
    assert common.source is ScaleSource.RED_CELLS
    assert common.mpp == pytest.approx(MPP, rel=0.12)
    assert scale_of_field(images[1], common) == common
    tagged = scale_of_field(images[0], common)
    assert tagged.mpp == common.mpp
    assert "the file states 1 µm per pixel" in tagged.remark
    rightly = scale_of_field(stating(drawn(0), MPP), common)
    assert (rightly.mpp, rightly.source, rightly.remark) == (MPP, ScaleSource.METADATA, "")


def test_two_objectives_behind_one_camera_are_told_apart() -> None:
    images = [drawn(seed, mpp) for mpp in (0.1, 0.25) for seed in range(4)]
    assert reader().measure_scales(images) == {}
    for image, mpp in zip(images, [0.1] * 4 + [0.25] * 4, strict=True):
        assert reader().scale_of(image).mpp == pytest.approx(mpp, rel=0.15)


def test_two_objectives_do_not_take_the_scale_of_another_camera() -> None:
    images = [drawn(seed, mpp) for mpp in (0.1, 0.25) for seed in range(4)]
    other = FieldImage(drawn(9).pixels[:-10], None)
    assert list(reader().measure_scales([*images, other])) == [other.pixels.shape[1::-1]]


def test_a_given_scale_is_kept_and_the_contradiction_said() -> None:
    given = FieldReader(load_bundle(), ReadingSettings(mpp=0.4))
    (scale,) = given.measure_scales([drawn(0), drawn(1)]).values()
    assert (scale.mpp, scale.source) == (0.4, ScaleSource.GIVEN)
    assert "by its red cells" in scale.remark
    right = FieldReader(load_bundle(), ReadingSettings(mpp=MPP))
    (scale,) = right.measure_scales([drawn(0), drawn(1)]).values()
    assert scale == Scale(MPP, ScaleSource.GIVEN)


def test_nothing_measured_lies_beyond_what_a_microscope_makes() -> None:
    """A field enlarged tenfold has specks that look like red cells and cells of no known size."""
    tiny = FieldImage(resample(drawn(3).pixels, 0.08), None)
    scales = reader().measure_scales([tiny])
    assert all(0.04 <= scale.mpp <= 0.6 for scale in scales.values())


def test_a_sample_begins_with_evenly_spread_fields() -> None:
    assert scale_sample(list(range(5))) == [0, 3, 1, 4, 2]
    chosen = scale_sample(list(range(240)))
    assert len(chosen) == len(set(chosen)) == 24
    assert np.ptp(chosen[:8]) > 180


def test_single_cells_of_real_patients(shared_data: Path) -> None:
    patients = sorted((shared_data / "patients" / "jhu").glob("patient_*"))[::8]
    if not patients:
        pytest.skip("the patients' cells are not at hand")
    for patient in patients:
        chosen = scale_sample(sorted(patient.glob("*/*.*")))
        scale = measured([decode(path.read_bytes()) for path in chosen])
        assert scale.mpp == pytest.approx(0.138, rel=0.25)
