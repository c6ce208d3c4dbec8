"""Megakaryocytes are found on drawn slides that hold some, and nothing else is taken for one."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.imaging.slides.test_survey import InMemory

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.imaging.gallery import LARGE_PX
from marrowscope.imaging.slides import megakaryocytes
from marrowscope.imaging.slides.megakaryocytes import LEAST_FIELD_UM, in_layers, search_field
from marrowscope.imaging.slides.monolayer import Cover
from marrowscope.imaging.slides.survey import Survey, survey
from marrowscope.synth.slide import AREA_UM, Area, SyntheticSlide, draw_slide

# Other seeds, and other real fields, than those on which the method was made (0 to 5, every other field).
SEEDS = range(40, 48)


def monolayer(seed: int, megakaryocytes: int, distractors: int) -> SyntheticSlide:
    areas = np.full((64, 90), Area.MONOLAYER, np.uint8)
    return draw_slide(seed, mpp=0.5, areas=areas, megakaryocytes=megakaryocytes, distractors=distractors)


def hits(slide: SyntheticSlide, found: Sequence[MegakaryocyteCandidate]) -> npt.NDArray[np.bool_]:
    """Return (candidates, megakaryocytes): whether the middle of one lies in the other."""
    boxes = np.array([each.box for each in found], np.float64).reshape(-1, 4)
    middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = (middles >= slide.megakaryocytes[:, :2]) & (middles <= slide.megakaryocytes[:, 2:])
    return np.asarray(inside.all(axis=2))


def test_nine_of_ten_are_found_and_nothing_else_among_clumps_clots_and_precipitate() -> None:
    there = found = false = 0
    for seed in SEEDS:
        slide = monolayer(seed, 8, 8)
        pairs = hits(slide, search_field(slide.pixels, slide.mpp).candidates)
        there, found = there + pairs.shape[1], found + int(pairs.any(axis=0).sum())
        false += int((~pairs.any(axis=1)).sum())
    assert there >= 60
    assert found / there >= 0.9
    assert false <= 1, "of 192 clumps, clots and precipitates"


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_their_boxes_are_those_of_the_cells(seed: int) -> None:
    slide = monolayer(seed, 8, 0)
    found = search_field(slide.pixels, slide.mpp).candidates
    for candidate, row in zip(found, hits(slide, found), strict=True):
        (true,) = slide.megakaryocytes[row]
        np.testing.assert_allclose(candidate.box, true, atol=12 / slide.mpp)
        area = (true[2] - true[0]) * (true[3] - true[1]) * slide.mpp**2
        assert 0.5 * area <= candidate.area_um2 <= 1.05 * area
        assert candidate.nucleus_um2 < candidate.area_um2


@pytest.mark.parametrize("area", [Area.CLOT, Area.PARTICLE, Area.MONOLAYER])
def test_without_any_there_is_no_candidate(area: Area) -> None:
    areas = np.full((96, 96), area, np.uint8)
    areas[:, :8] = areas[:6] = Area.GLASS
    slide = draw_slide(50, mpp=0.5, areas=areas)
    found = survey(InMemory(slide.pixels, slide.mpp)).megakaryocytes
    assert found.candidates == ()
    if area in {Area.CLOT, Area.PARTICLE}:  # in which none could be seen
        assert found.examined_mm2 < 0.2 * areas.size * 0.016**2


@pytest.fixture(scope="module")
def smear() -> SyntheticSlide:
    """A smear of several regions of a survey, with a particle."""
    areas = np.full((100, 160), Area.MONOLAYER, np.uint8)
    areas[20:60, 20:50] = Area.PARTICLE
    areas[:3] = areas[-3:] = areas[:, -20:] = Area.GLASS
    return draw_slide(61, mpp=0.5, areas=areas, megakaryocytes=20, distractors=6)


@pytest.fixture(scope="module")
def found(smear: SyntheticSlide) -> Survey:
    return survey(InMemory(smear.pixels, smear.mpp))


def test_a_survey_finds_each_once_whatever_regions_it_looks_at(smear: SyntheticSlide, found: Survey) -> None:
    pairs = hits(smear, found.megakaryocytes.candidates)
    assert pairs.any(axis=0).mean() >= 0.85
    assert (pairs.sum(axis=0) <= 1).all()
    assert pairs.any(axis=1).all()
    scores = [each.score for each in found.megakaryocytes.candidates]
    assert scores == sorted(scores, reverse=True)
    smeared = (smear.areas == Area.MONOLAYER).sum() * 0.016**2
    assert found.megakaryocytes.examined_mm2 == pytest.approx(smeared, rel=0.15)


def test_a_survey_keeps_them_with_their_pictures(smear: SyntheticSlide, found: Survey) -> None:
    again = Survey.unpacked(found.packed())
    assert again.megakaryocytes == found.megakaryocytes
    assert again.pictures == found.pictures
    with Image.open(BytesIO(found.pictures)) as sheet:
        assert sheet.size == (16 * LARGE_PX, -(-len(found.megakaryocytes.candidates) // 16) * LARGE_PX)
        first = np.asarray(sheet.crop((0, 0, LARGE_PX, LARGE_PX))).astype(float)
    x0, y0, x1, y1 = found.megakaryocytes.candidates[0].box
    middle, half = ((x0 + x1) // 2, (y0 + y1) // 2), round(max(x1 - x0, y1 - y0) / 3)
    cell = smear.pixels[middle[1] - half : middle[1] + half, middle[0] - half : middle[0] + half]
    shown = round(LARGE_PX / 1.35 / 3)
    part = first[80 - shown : 80 + shown, 80 - shown : 80 + shown]
    np.testing.assert_allclose(part.mean(axis=(0, 1)), cell.mean(axis=(0, 1)), atol=6)
    assert survey(InMemory(smear.pixels, smear.mpp)).packed() == found.packed()


def test_thick_areas_are_not_examined_and_their_rims_are_taken_for_none() -> None:
    """Layers of cells with glass between them look like one: such an area is left out, of the count, too."""
    there = found = false = 0
    examined = monolayer_mm2 = 0.0
    for seed in range(60, 65):
        slide = draw_slide(seed, width_um=1800, height_um=1200, mpp=0.5, megakaryocytes=4)
        search = survey(InMemory(slide.pixels, slide.mpp)).megakaryocytes
        pairs = hits(slide, search.candidates)
        there, found = there + pairs.shape[1], found + int(pairs.any(axis=0).sum())
        false += int((~pairs.any(axis=1)).sum())
        examined += search.examined_mm2
        monolayer_mm2 += float((slide.areas == Area.MONOLAYER).sum()) * (AREA_UM / 1000) ** 2
        as_field = search_field(slide.pixels, slide.mpp)
        assert as_field.candidates == search.candidates
    assert there >= 18
    assert found >= there - 1
    assert false <= 2
    assert examined == pytest.approx(monolayer_mm2, rel=0.1)


def test_of_a_field_its_thick_part_is_not_examined() -> None:
    areas = np.full((30, 60), Area.MONOLAYER, np.uint8)
    areas[:, 48:] = Area.THICK
    slide = draw_slide(66, mpp=0.5, areas=areas, megakaryocytes=3)
    found = search_field(slide.pixels, slide.mpp)
    inner = found.examined_mm2 / (0.44 * 0.92)  # of what lies 20 µm and more from the field's edges
    assert 0.68 < inner < 0.82, "748 of 920 µm, without what lies beside the thick part"
    thick = np.ascontiguousarray(slide.pixels[:, -slide.pixels.shape[1] // 8 :])
    assert search_field(thick, slide.mpp) == MegakaryocyteSearch()


@pytest.mark.parametrize(("rows", "columns", "is_layered"), [(3, 3, False), (3, 4, True), (1, 12, True)])
def test_a_patch_is_of_layers_from_the_area_that_no_cell_has(
    rows: int, columns: int, is_layered: bool
) -> None:
    cover = Cover.none(8, 16)
    cover.patches[2 : 2 + rows, 2 : 2 + columns] = 1.0
    expected = np.zeros((8, 16), bool)
    expected[1 : 3 + rows, 1 : 3 + columns] = is_layered
    np.testing.assert_array_equal(in_layers(cover), expected)


def test_where_a_field_is_too_small_none_are_looked_for() -> None:
    slide = monolayer(40, 8, 0)
    side = round(LEAST_FIELD_UM / slide.mpp)
    assert search_field(slide.pixels[: side - 2], slide.mpp).examined_mm2 == 0
    small = search_field(slide.pixels[:side, :side], slide.mpp)
    assert small.examined_mm2 == pytest.approx(0.04**2)


def test_one_that_the_edge_cuts_is_left_out() -> None:
    slide = monolayer(40, 8, 0)
    x0, y0, x1, y1 = slide.megakaryocytes[0].astype(int)
    middle = (x0 + x1) // 2
    for part in (slide.pixels[y0 - 80 : y1 + 80, middle:], slide.pixels[y0 - 80 : y1 + 80, :middle]):
        for candidate in search_field(np.ascontiguousarray(part), slide.mpp).candidates:
            assert candidate.box[0] > 0
            assert candidate.box[2] < part.shape[1]


REAL = {
    "allidb_validation/images": 0.10, "apml": 0.10, "segpc/images": 0.16,
    "chula_background": 0.127, "deepbionet/images": 0.12,
}  # fmt: skip
"""Real fields without megakaryocytes, and micrometres per pixel."""


def test_real_fields_without_any_give_less_than_one_candidate_a_mm2(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of them are smaller than fields that are looked at otherwise."""
    monkeypatch.setattr(megakaryocytes, "LEAST_FIELD_UM", 55.0)
    gross = 0.0
    candidates = 0
    for folder, mpp in REAL.items():
        paths = sorted((shared_data / "fields" / folder).rglob("*.jpg"))[1::2]
        assert paths
        for path in paths:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            pixels = pixels[64:-64] if folder.startswith("segpc") else pixels  # without scale bars
            candidates += len(search_field(np.ascontiguousarray(pixels), mpp).candidates)
            gross += pixels.shape[0] * pixels.shape[1] * mpp**2 / 1e6
    assert gross > 1.5
    assert candidates / gross < 1
