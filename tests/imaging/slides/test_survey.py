"""The countable area is the true monolayer, on slides composed of areas that are known."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.slides import Pixels, smaller, smear

from marrowscope.domain.case.megakaryocytes import MegakaryocyteSearch
from marrowscope.errors import ImageError
from marrowscope.imaging.slides.monolayer import BLOCK_UM, BlockKind, glass_colour
from marrowscope.imaging.slides.opening import SlideFiles
from marrowscope.imaging.slides.overview import draw_overview
from marrowscope.imaging.slides.slide import Level
from marrowscope.imaging.slides.survey import Survey, survey
from marrowscope.imaging.slides.tiles import TileOrder, ranks, tiles_of
from marrowscope.synth.slide import AREA_UM, Area, SyntheticSlide, draw_slide


@dataclass
class InMemory:
    """A slide of pixels in memory, with one smaller copy; remembers what was read."""

    pixels: Pixels
    mpp: float | None
    factor: int = 4
    read_boxes: list[tuple[int, int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._levels = [self.pixels, smaller(self.pixels, self.factor)]
        self.levels = tuple(
            Level(each.shape[1], each.shape[0], self.pixels.shape[1] / each.shape[1]) for each in self._levels
        )

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        region = self._levels[level][y : y + height, x : x + width]
        assert region.shape[:2] == (height, width), "read beyond the edge"
        self.read_boxes.append((x, y, width, height))
        return region

    def close(self) -> None:
        pass


def is_monolayer(slide: SyntheticSlide) -> npt.NDArray[np.bool_]:
    """Return the true monolayer in px of the slide."""
    side = round(AREA_UM / slide.mpp)
    return np.kron(slide.areas == Area.MONOLAYER, np.ones((side, side), bool))


def in_tiles(found: Survey) -> npt.NDArray[np.bool_]:
    mask = np.zeros((found.height, found.width), bool)
    for x, y in found.tiles:
        assert not mask[y : y + found.tile_px[1], x : x + found.tile_px[0]].any(), "tiles overlap"
        mask[y : y + found.tile_px[1], x : x + found.tile_px[0]] = True
    return mask


# Other seeds than those on which the method was made (0 to 5).
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_the_counted_area_is_the_true_monolayer(seed: int) -> None:
    slide = smear(seed)
    found = survey(InMemory(slide.pixels, slide.mpp))
    truth, tiles = is_monolayer(slide), in_tiles(found)
    side = round(BLOCK_UM / slide.mpp)
    blocks = np.kron(found.kinds == BlockKind.MONOLAYER, np.ones((side, side), bool))
    assert truth[: blocks.shape[0], : blocks.shape[1]][blocks].mean() >= 0.9
    assert blocks[truth[: blocks.shape[0], : blocks.shape[1]]].mean() >= 0.6
    assert tiles.any()
    assert truth[tiles].mean() >= 0.9
    assert found.countable_mm2 == pytest.approx(blocks.sum() * (slide.mpp / 1000) ** 2)


@pytest.mark.parametrize("area", [Area.GLASS, Area.THICK, Area.CLOT, Area.PARTICLE])
def test_where_no_cells_lie_singly_nothing_is_countable(area: Area) -> None:
    areas = np.full((64, 64), area, np.uint8)
    areas[:, :8] = Area.GLASS
    slide = draw_slide(31, mpp=0.5, areas=areas)
    assert len(survey(InMemory(slide.pixels, slide.mpp)).tiles) == 0


def test_bare_glass_is_not_looked_at_closely() -> None:
    areas = np.full((128, 128), Area.GLASS, np.uint8)
    areas[:32, :32] = Area.MONOLAYER
    slide = draw_slide(33, mpp=1.0, areas=areas)
    slide.pixels[(slide.areas == Area.GLASS).repeat(16, 0).repeat(16, 1)] = slide.pixels[-1, -1]
    seen = InMemory(slide.pixels, slide.mpp)
    found = survey(seen)
    assert len(found.tiles) == 4
    close = [box for box in seen.read_boxes if box[2] < slide.pixels.shape[1]]
    assert close
    assert all(x + width <= 1100 and y + height <= 1100 for x, y, width, height in close)


def test_without_a_scale_red_cells_give_it() -> None:
    slide = smear(22)
    found = survey(InMemory(slide.pixels, None))
    assert not found.is_stated
    assert found.mpp == pytest.approx(slide.mpp, rel=0.2)
    assert is_monolayer(slide)[in_tiles(found)].mean() >= 0.9


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_stated_scale_that_red_cells_contradict_measures_no_area(factor: float) -> None:
    slide = smear(22)
    right = survey(InMemory(slide.pixels, slide.mpp))
    found = survey(InMemory(slide.pixels, factor * slide.mpp))
    assert (right.mpp, right.is_stated, found.is_stated) == (slide.mpp, True, False)
    assert found.mpp == pytest.approx(slide.mpp, rel=0.2)
    assert found.countable_mm2 == pytest.approx(right.countable_mm2, rel=0.4)  # by the square of the scale
    given = survey(InMemory(slide.pixels, None), factor * slide.mpp)
    assert given.mpp == factor * slide.mpp


def test_what_the_scanner_left_out_is_no_glass() -> None:
    slide = smear(21)
    framed = np.full((slide.pixels.shape[0] + 2048, slide.pixels.shape[1], 3), 255, np.uint8)
    framed[: slide.pixels.shape[0]] = slide.pixels
    np.testing.assert_allclose(
        glass_colour(smaller(framed, 4)), glass_colour(smaller(slide.pixels, 4)), atol=3
    )
    assert len(survey(InMemory(framed, slide.mpp)).tiles) >= 5


@pytest.mark.parametrize(("laboratory", "mpp"), [("bccd", 0.08), ("deepbionet", 0.12), ("segpc", 0.16)])
def test_real_fields_are_countable(laboratory: str, mpp: float, shared_data: Path) -> None:
    """Each field, which somebody chose to photograph, is repeated to the size of a small slide."""
    paths = sorted(path for path in (shared_data / "fields" / laboratory).rglob("*.jpg"))[::40][:6]
    parts = []
    for path in paths:
        field = np.asarray(Image.open(path).convert("RGB"))[64:-64]  # without burnt-in scale bars
        times = [int(np.ceil(400 / (side * mpp))) for side in field.shape[:2]]
        found = survey(InMemory(np.tile(field, (*times, 1)), mpp))
        parts.append((found.kinds == BlockKind.MONOLAYER).mean())
    assert np.mean(parts) >= 0.9


def test_a_survey_is_the_same_when_it_was_stored() -> None:
    slide = smear(21)
    found = survey(InMemory(slide.pixels, slide.mpp))
    again = Survey.unpacked(found.packed())
    assert (again.width, again.height, again.mpp, again.tile_px) == (
        found.width, found.height, found.mpp, found.tile_px,
    )  # fmt: skip
    assert again.overview == found.overview
    for name in ("kinds", "tiles", "richness"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    with pytest.raises(ValueError, match="no survey"):
        Survey.unpacked(found.packed()[:100])


def test_a_slide_without_smaller_copies_is_refused_where_it_is_too_large_for_that() -> None:
    slide = InMemory(np.zeros((64, 64, 3), np.uint8), 0.25)
    slide.levels = (Level(100_000, 100_000, 1.0),)
    with pytest.raises(ImageError, match="no smaller copies"):
        survey(slide)
    assert not slide.read_boxes


def test_the_order_is_random_over_the_area_and_repeats(tmp_path: Path) -> None:
    slide = smear(21)
    found = survey(InMemory(slide.pixels, slide.mpp))
    first, second = "ab" * 32, "cd" * 32
    np.testing.assert_array_equal(
        ranks(first, found, TileOrder.RANDOM), ranks(first, found, TileOrder.RANDOM)
    )
    assert (ranks(first, found, TileOrder.RANDOM) != ranks(second, found, TileOrder.RANDOM)).any()
    best = np.argsort(ranks(first, found, TileOrder.BEST))
    assert (np.diff(found.richness[best]) <= 0).all()
    tiles = tiles_of("smear.svs", SlideFiles((tmp_path,), ()), first, found)
    assert tiles[0].name == f"smear.svs@{found.tiles[0][0]},{found.tiles[0][1]}"
    assert len({tile.sha256 for tile in tiles}) == len(tiles)


def test_the_overview_shows_the_area_the_tiles_and_the_blasts() -> None:
    slide = smear(21)
    found = survey(InMemory(slide.pixels, slide.mpp))
    corners = [(int(x), int(y)) for x, y in found.tiles[:2]]
    middle = np.array([[corners[0][0] + 100.0, corners[0][1] + 100.0]])
    without = np.asarray(draw_overview(found, [], np.zeros((0, 2)), "")).astype(int)
    drawn = np.asarray(draw_overview(found, corners, middle, "")).astype(int)
    factor = without.shape[1] / found.width
    x, y = (middle[0] * factor).astype(int)
    assert tuple(drawn[y, x]) == (214, 39, 40)
    edge = int(corners[1][0] * factor), int((corners[1][1] + found.tile_px[1] / 2) * factor)
    assert np.abs(drawn - without)[edge[1], edge[0] - 3 : edge[0] + 4].max() > 50


def test_by_an_assumed_scale_no_megakaryocyte_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marrowscope.imaging.slides.survey._red_cells", lambda *_: None)
    slide = draw_slide(8, mpp=0.5, areas=np.full((16, 20), Area.MONOLAYER, np.uint8), megakaryocytes=1)
    assert survey(InMemory(slide.pixels, slide.mpp)).megakaryocytes.candidates
    assert survey(InMemory(slide.pixels, None)).megakaryocytes == MegakaryocyteSearch()
