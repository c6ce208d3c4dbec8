"""Megakaryocytes are found on drawn slides that hold some, and nothing else is taken for one."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.imaging.slides.test_survey import InMemory

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate
from marrowscope.imaging.gallery import LARGE_PX
from marrowscope.imaging.slides import megakaryocytes
from marrowscope.imaging.slides.megakaryocytes import LEAST_FIELD_UM, search_field
from marrowscope.imaging.slides.survey import Survey, survey
from marrowscope.synth.slide import Area, SyntheticSlide, draw_slide

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
