"""Composed fields: boxes tell where the cells lie, cells crowd but do not hide each other, seeds repeat."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from marrowscope.datasets.layouts.fields import list_images
from marrowscope.errors import DatasetError
from marrowscope.models.detector import built_in_detector
from marrowscope.training.composites.backgrounds import background_from, red_cells_of
from marrowscope.training.composites.compose import Crowding, DenseComposer
from marrowscope.training.composites.cutouts import (
    CutOut,
    cells_of_part,
    cut_out,
    cut_outs_of,
)
from marrowscope.training.composites.sheet import MAX_BOX_IOU, Sheet
from marrowscope.training.detector.recipe import CompositeFields, DetectorRecipe, FieldSet
from marrowscope.training.detector.sources import build_validation
from marrowscope.training.recipe import ImageSet

EMPTY = (240, 225, 215)
CHROMATIN = (85, 45, 130)
RED = (190, 150, 145)
CROWDED = (Crowding(1.0, (0.4, 0.6), 0.8),)


def crop(radius: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (256, 256), EMPTY)
    ImageDraw.Draw(image).ellipse((128 - radius, 128 - radius, 128 + radius, 128 + radius), fill=CHROMATIN)
    return np.asarray(image)


def disc(radius: int) -> NDArray[np.bool_]:
    return np.asarray(crop(radius)[..., 0] == CHROMATIN[0])


def field(red_cells: int = 12) -> NDArray[np.uint8]:
    image = Image.new("RGB", (640, 480), EMPTY)
    brush = ImageDraw.Draw(image)
    for index in range(red_cells):
        x, y = 70 + 130 * (index % 4), 80 + 130 * (index // 4)
        brush.ellipse((x - 27, y - 27, x + 27, y + 27), fill=RED)
    return np.asarray(image)


@pytest.fixture(scope="module")
def cut_outs() -> list[CutOut]:
    kinds = ((40, "blast"), (30, "lymphocyte"), (16, "platelet"))
    return [cut_out(crop(radius), disc(radius), 0.13, kind, "pbc") for radius, kind in kinds]


@pytest.fixture(scope="module")
def crowded(cut_outs: list[CutOut]) -> DenseComposer:
    return DenseComposer(cut_outs, [background_from(field(), 0.127)], crowdings=CROWDED)


def pairwise_iou(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    iou: NDArray[np.float32] = both / (areas[:, None] + areas[None, :] - both)
    np.fill_diagonal(iou, 0)
    return iou


def test_a_cut_out_keeps_its_size_in_micrometres(cut_outs: list[CutOut]) -> None:
    assert [one.is_cell for one in cut_outs] == [True, True, False]
    for mpp in (0.13, 0.2, 0.3):
        picture, level = cut_outs[0].at_least(mpp)
        area = (np.asarray(picture)[..., 3] > 127).sum() * level**2
        assert level <= mpp
        assert area == pytest.approx(np.pi * (40 * 0.13) ** 2, rel=0.12)


@pytest.mark.parametrize("mpp", [0.13, 0.2, 0.35])
@pytest.mark.parametrize("size_px", [160, 416])
def test_boxes_lie_inside_and_do_not_repeat(crowded: DenseComposer, size_px: int, mpp: float) -> None:
    for seed in range(3):
        pixels, boxes, _ = crowded.compose(np.random.default_rng(seed), size_px, mpp)
        assert pixels.shape == (size_px, size_px, 3)
        assert pixels.dtype == np.uint8
        assert boxes.dtype == np.float32
        assert boxes.shape[1] == 4
        assert (boxes >= 0).all()
        assert (boxes <= size_px).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_neighbours_overlap_little(crowded: DenseComposer) -> None:
    for seed in range(4):
        _, boxes, _ = crowded.compose(np.random.default_rng(seed), 416, 0.2)
        whole = boxes[(boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < 416).all(axis=1)]
        assert len(boxes) >= 12
        assert pairwise_iou(whole).max() <= MAX_BOX_IOU + 1e-6


def test_every_box_holds_a_dark_cell_and_the_rest_holds_none(cut_outs: list[CutOut]) -> None:
    cells = [one for one in cut_outs if one.is_cell]
    sparse = (Crowding(1.0, (0.05, 0.1), 0.0),)
    composer = DenseComposer(cells, [background_from(field(), 0.127)], crowdings=sparse, plain_share=0.0)
    pixels, boxes, _ = composer.compose(np.random.default_rng(5), 416, 0.2)
    dark = pixels[..., 0] < 0.62 * np.median(pixels[..., 0])
    assert len(boxes) > 0
    for left, top, right, bottom in boxes.astype(int):
        # A disc fills 0.785 of its box, half a disc at the border no less.
        assert dark[top:bottom, left:right].mean() > 0.5
        dark[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2] = False
    assert dark.mean() < 0.01


def test_the_same_seed_gives_the_same_field(crowded: DenseComposer) -> None:
    first, second = (crowded.compose(np.random.default_rng(7), 256, 0.2) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    other = crowded.compose(np.random.default_rng(8), 256, 0.2)
    assert not np.array_equal(first[0], other[0])


def test_fields_go_from_empty_to_crowded(cut_outs: list[CutOut]) -> None:
    composer = DenseComposer(cut_outs, [background_from(field(), 0.127)])
    counts = [len(composer.compose(np.random.default_rng(seed), 416, 0.2)[1]) for seed in range(24)]
    assert min(counts) <= 3
    assert max(counts) >= 20
    assert 3 <= np.median(counts) <= 30


def test_platelets_alone_give_no_boxes(cut_outs: list[CutOut]) -> None:
    composer = DenseComposer(
        cut_outs, [background_from(field(), 0.127)], crowdings=(Crowding(1.0, (0, 0), 0),)
    )
    assert all(len(composer.compose(np.random.default_rng(seed), 256, 0.2)[1]) == 0 for seed in range(5))


def test_smudges_lie_among_the_cells_with_boxes_that_are_ignored(cut_outs: list[CutOut]) -> None:
    smudge = cut_out(crop(44), disc(44), 0.13, "smudge_cell", "pbc")
    assert not smudge.is_cell
    composer = DenseComposer([*cut_outs, smudge], [background_from(field(), 0.127)], crowdings=CROWDED)
    ignored = np.concatenate([composer.compose(np.random.default_rng(s), 416, 0.2)[2] for s in range(8)])
    assert 0.01 < ignored.mean() < 0.15


def test_a_sheet_refuses_a_crowding_cell_and_drops_slivers() -> None:
    light = np.full((100, 100, 3), 230, dtype=np.uint8)
    patch = np.full((40, 40, 4), 255, dtype=np.uint8)
    patch[..., :3] = 60
    sheet = Sheet(light, light)
    assert sheet.lay_cell(patch, 50, 50, 0.2)
    assert not sheet.lay_cell(patch, 50, 70, 0.2)
    assert sheet.lay_cell(patch, 50, 85, 0.2)
    assert sheet.lay_cell(patch, 12, -15, 0.2)
    assert not sheet.lay_cell(patch, 200, 200, 0.2)
    boxes, ignore = sheet.boxes()
    np.testing.assert_array_equal(boxes, [[30, 30, 70, 70], [65, 30, 100, 70]])
    assert not ignore.any()


def test_red_cells_come_from_single_round_shapes() -> None:
    found = red_cells_of(background_from(field(9), 0.127))
    assert len(found) == 9
    assert {one.cell_type for one in found} == {"red_cell"}


def test_nothing_to_lay_is_an_error(cut_outs: list[CutOut]) -> None:
    with pytest.raises(DatasetError, match="at least one"):
        DenseComposer([cut_outs[2]], [background_from(field(), 0.127)])
    with pytest.raises(DatasetError, match="no cell"):
        cut_outs_of([], built_in_detector())


def test_training_cells_leave_the_later_blocks_out(tmp_path: Path) -> None:
    folder = tmp_path / "pbc" / "lymphocyte"
    folder.mkdir(parents=True)
    for index in range(20):
        Image.fromarray(crop(30)).save(folder / f"LY_{index}.png")
    names = [one.cell.path.stem for one in cells_of_part([ImageSet(tmp_path / "pbc", 0.13)], "train")]
    assert names == [f"LY_{index}" for index in range(14)]
    assert len(cells_of_part([ImageSet(tmp_path / "pbc", 0.13)], "train", limit=5)) == 5


def test_the_cache_gives_the_same_fields(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "pbc" / "lymphocyte"
    folder.mkdir(parents=True)
    for index in range(4):
        Image.fromarray(crop(26 + 3 * index)).save(folder / f"LY_{index}.png")
    Image.fromarray(field()).save(tmp_path / "empty.png")
    cache = tmp_path / "cut.npz"
    fields = []
    for _ in range(2):
        composer = DenseComposer.from_folders(
            [ImageSet(tmp_path / "cells" / "pbc", 0.13)],
            built_in_detector(),
            [tmp_path / "empty.png"],
            0.127,
            cache=cache,
        )
        fields.append(composer.compose(np.random.default_rng(1), 256, 0.13))
    assert cache.is_file()
    np.testing.assert_allclose(fields[0][1], fields[1][1], atol=1)
    np.testing.assert_allclose(fields[0][0].mean(), fields[1][0].mean(), atol=1)


def test_composes_from_real_cells(shared_data: Path) -> None:
    backgrounds = list_images(shared_data / "fields" / "chula_background")[:2]
    sets = [ImageSet(shared_data / "cells" / "pbc", 0.13), ImageSet(shared_data / "cells" / "lmu", 0.096)]
    composer = DenseComposer.from_folders(sets, built_in_detector(), backgrounds, 0.127, limit=13)
    counts = [len(composer.compose(np.random.default_rng(seed), 416, 0.2)[1]) for seed in range(3)]
    assert 0 < np.mean(counts) < 40


def test_a_detector_is_validated_on_composites_of_cells_it_did_not_see(tmp_path: Path) -> None:
    folder = tmp_path / "cells" / "pbc" / "lymphocyte"
    folder.mkdir(parents=True)
    for index in range(20):
        Image.fromarray(crop(26 + index)).save(folder / f"LY_{index:02}.png")
    (tmp_path / "empty").mkdir()
    Image.fromarray(field()).save(tmp_path / "empty" / "1.png")
    composites = CompositeFields(
        0.5, (ImageSet(tmp_path / "cells" / "pbc", 0.13),), tmp_path / "empty", 0.127, limit=20
    )
    source = FieldSet(path=tmp_path / "empty", layout="unlabelled", mpp=0.127)
    (composed,) = build_validation(DetectorRecipe(sources=(source,), composites=composites))
    boxes = np.concatenate([one.boxes for one in composed.fields])
    assert composed.name == "composites"
    assert len(boxes) > 100
    # The cells of the validation part are the larger ones of this set: 41 to 44 of 26 to 45 px radius.
    whole = boxes[(boxes[:, :2] > 0).all(axis=1) & (boxes[:, 2:] < 416).all(axis=1)]
    assert np.median(whole[:, 2] - whole[:, 0]) * 0.2 > 2 * 36 * 0.13
