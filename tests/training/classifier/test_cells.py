"""Cells in memory: cutting, outlines trimmed, sampling shares, the parts of a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import REPOSITORY

from marrowscope.datasets.labelled import LabelledField
from marrowscope.datasets.layouts.cells import LabelledCell
from marrowscope.datasets.outline import trimmed
from marrowscope.errors import DatasetError, InputError
from marrowscope.models.detector import Detector, built_in_detector
from marrowscope.synth import draw_cell
from marrowscope.training.classifier.cells import (
    CACHE_CONTEXT,
    CACHE_PX,
    NO_TYPE,
    SYNTHETIC,
    CellBank,
    bank_of_cells,
    bank_of_fields,
    bank_of_synthetic,
    joined,
)
from marrowscope.training.classifier.recipe import CELL_TYPES, ClassifierRecipe
from marrowscope.training.classifier.sampling import CellSampler, row_weights
from marrowscope.training.classifier.sets import clean_cells

TYPES = ("lymphocyte", "segmented_neutrophil")


@pytest.fixture(scope="module")
def bank() -> CellBank:
    return bank_of_synthetic(TYPES, per_type=3, seed=1)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return built_in_detector()


def _as_source(bank: CellBank, name: str) -> CellBank:
    columns = {f: getattr(bank, f) for f in CellBank.__dataclass_fields__}
    return CellBank(**(columns | {"sources": np.full(len(bank), name)}))


def test_synthetic_cells_are_half_blasts_and_lie_in_the_middle(bank: CellBank) -> None:
    assert bank.is_blast.sum() == len(bank) // 2
    assert (bank.types[bank.is_blast] == NO_TYPE).all()
    for mask in bank.masks > 127:
        rows, columns = np.nonzero(mask)
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert longer == pytest.approx(CACHE_PX / CACHE_CONTEXT, abs=3)
        assert rows.min() + rows.max() == pytest.approx(CACHE_PX, abs=4)


def test_a_bank_survives_the_disk(bank: CellBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank.npz")
    again = CellBank.load(tmp_path / "bank.npz")
    for name in CellBank.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(bank, name))
    assert [p.name for p in tmp_path.iterdir()] == ["bank.npz"]


def _photograph(folder: Path, name: str, neighbours: int = 0) -> tuple[Path, float]:
    """Draw a cell in the middle of 256 px, others beside it; give its file and its longer side in µm."""
    rng = np.random.default_rng(4)
    cell = draw_cell(rng, name, 0.13)
    field = np.full((256, 256, 3), np.median(cell.pixels[0], axis=0), dtype=np.uint8)
    height, width = cell.pixels.shape[:2]
    for number in range(neighbours, -1, -1):
        top, left = (256 - height) // 2, (256 - width) // 2 + (number and 90)
        part = cell.pixels[:, : max(0, 256 - left)]
        field[top : top + height, left : left + width] = part
    path = folder / f"{name}.png"
    Image.fromarray(field).save(path)
    box = cell.box
    return path, float(max(box[2] - box[0], box[3] - box[1]) * 0.13)


@pytest.mark.parametrize("neighbours", [0, 1])
def test_a_labelled_cell_is_cut_by_the_box_of_the_one_in_the_middle(
    tmp_path: Path, detector: Detector, neighbours: int
) -> None:
    path, longer_um = _photograph(tmp_path, "lymphocyte", neighbours)
    bank = bank_of_cells([LabelledCell(path, "lymphocyte", "g", "here")], TYPES, 0.13, detector)
    assert bank.side_um[0] == pytest.approx(CACHE_CONTEXT * longer_um, rel=0.25)
    assert (bank.types[0], bank.groups[0]) == (0, "g")


def test_a_cell_cut_out_on_black_lies_on_an_empty_slide(tmp_path: Path, detector: Detector) -> None:
    path, longer_um = _photograph(tmp_path, "blast")
    whole = np.asarray(Image.open(path))
    rows, columns = np.indices(whole.shape[:2]) - 128
    inside = np.hypot(rows, columns) * 0.13 < longer_um / 2
    Image.fromarray(np.where(inside[..., None], whole, np.uint8(0))).save(path)
    bank = bank_of_cells([LabelledCell(path, "blast", "g", "here")], TYPES, 0.13, detector)
    assert bank.crops[0].max(axis=2).min() > 20
    assert bank.outlined[0]
    assert bank.side_um[0] == pytest.approx(CACHE_CONTEXT * longer_um, rel=0.1)


def test_types_are_taught_as_the_nearest_one_the_classifier_knows(tmp_path: Path, detector: Detector) -> None:
    path, _ = _photograph(tmp_path, "lymphocyte")
    names = ("reactive_lymphocyte", "leukocyte_not_blast", "lymphoblast")
    bank = bank_of_cells([LabelledCell(path, name, "g", "s") for name in names], TYPES, 0.1, detector)
    assert bank.types.tolist() == [0, NO_TYPE, NO_TYPE]
    assert bank.is_blast.tolist() == [False, False, True]
    with pytest.raises(DatasetError, match="plasma_cell"):
        bank_of_cells([LabelledCell(path, "plasma_cell", "g", "s")], TYPES, 0.1, detector)


def test_cells_of_fields_are_cut_by_the_detector_s_boxes(tmp_path: Path, detector: Detector) -> None:
    """A label of the nucleus alone gives the crop of the whole cell; one at the border gives none."""
    path, longer_um = _photograph(tmp_path, "lymphocyte")
    near = 0.8 * longer_um / 0.13 / 2
    boxes = np.array([[128 - near, 128 - near, 128 + near, 128 + near], [0, 0, 40, 40]], np.float32)
    field = LabelledField(path, boxes, ("leukocyte", "leukocyte"), np.zeros(2, bool), "f", "s")
    bank = bank_of_fields([field], TYPES, 0.13, detector)
    assert len(bank) == 1
    assert not bank.is_blast[0]
    assert bank.side_um[0] == pytest.approx(CACHE_CONTEXT * longer_um, rel=0.25)


def test_a_red_cell_on_a_neck_is_cut_off() -> None:
    rows, columns = np.indices((128, 128))
    cell = (rows - 64) ** 2 + (columns - 50) ** 2 < 22**2
    red = (rows - 64) ** 2 + (columns - 92) ** 2 < 18**2
    neck = (np.abs(rows - 64) < 4) & (columns > 50) & (columns < 92)
    nucleus = (rows - 64) ** 2 + (columns - 50) ** 2 < 18**2
    kept = trimmed(cell | red | neck, nucleus)
    assert (kept & cell).sum() > 0.95 * cell.sum()
    assert (kept & red).sum() < 0.1 * red.sum()


def test_no_source_fills_a_batch_and_blasts_keep_their_share(bank: CellBank) -> None:
    munich = _as_source(bank.select(np.flatnonzero(bank.is_blast | (bank.types == 1))), "munich")
    barcelona = _as_source(bank.select(np.flatnonzero(bank.types >= 0)), "barcelona")
    others = [_as_source(bank, name) for name in ("milan", "delhi")]
    everything = joined([munich, *[barcelona] * 50, *others])
    weights = row_weights(everything)
    share = {str(s): weights[everything.sources == s].sum() for s in np.unique(everything.sources)}
    assert sum(share.values()) == pytest.approx(1.0)
    assert share["barcelona"] == pytest.approx(0.3)
    assert min(share.values()) > 0.1
    for name in ("munich", "milan"):
        here = everything.sources == name
        assert weights[here & everything.is_blast].sum() / share[name] == pytest.approx(0.35)


def test_a_frequent_type_is_drawn_more_often_but_each_cell_of_it_less(bank: CellBank) -> None:
    rare, frequent = (bank.select(np.flatnonzero(bank.types == index)) for index in (0, 1))
    weights = row_weights(_as_source(joined([rare, *[frequent] * 9]), "here"))
    of_rare, of_frequent = weights[: len(rare)], weights[len(rare) :]
    assert of_frequent.sum() == pytest.approx(3 * of_rare.sum())
    assert of_rare[0] == pytest.approx(3 * of_frequent[0])


def test_types_of_one_laboratory_are_told(bank: CellBank) -> None:
    typed = bank.select(np.flatnonzero(bank.types >= 0).repeat(10))
    types = tuple("abcdefghijklmnop")[: int(typed.types.max()) + 1]
    here, there = _as_source(typed, "here"), _as_source(typed.select(typed.types == 0), "there")
    assert set(here.of_one_source(types)) == set(types)
    assert "a" not in joined([here, there]).of_one_source(types)
    assert "b" in joined([here, there]).of_one_source(types)
    assert "a" in joined([here, _as_source(there, SYNTHETIC)]).of_one_source(types)


def test_batches_are_reproducible_and_of_the_network_s_size(bank: CellBank) -> None:
    def draw() -> CellSampler:
        return CellSampler(bank, [], size_px=32, context=1.4, seed=7)

    first, again = draw().draw(12), draw().draw(12)
    assert first.crops.shape == (12, 32, 32, 3)
    np.testing.assert_array_equal(first.crops, again.crops)
    np.testing.assert_array_equal(first.types, again.types)
    assert (first.types[first.is_blast] == NO_TYPE).all()


def test_cells_shown_as_photographed_teach_blasts_only_beside_blasts(bank: CellBank) -> None:
    munich = _as_source(bank.select(np.flatnonzero(bank.is_blast | (bank.types == 1))), "munich")
    barcelona = _as_source(bank.select(np.flatnonzero(bank.types >= 0)), "barcelona")
    both = joined([munich, barcelona])
    sampler = CellSampler(both, [], size_px=32, context=1.4, seed=5)
    batch = sampler.draw(200)
    silent = ~batch.teaches_blast  # plain cells of a laboratory without blasts
    assert (batch.types[silent] >= 0).all()
    assert 0.1 < silent[batch.types >= 0].mean() < 0.6
    assert len(np.unique(sampler.plain_chance[both.sources == "munich"])) == 1  # plainness tells no blast
    assert (sampler.plain_chance[both.sources == "barcelona"] > 0).all()


def test_disguised_background_tells_nothing_of_the_source(bank: CellBank) -> None:
    """The rim's colour differs between two sources by less than it varies within one."""
    pale = _as_source(bank, "pale")
    dark_crops = (bank.crops * 0.5).astype(np.uint8)
    dark = CellBank(
        dark_crops, bank.masks, bank.white * 0.5, bank.stain, bank.side_um,
        bank.is_blast, bank.types, np.full(len(bank), "dark"), bank.groups, bank.outlined,
    )  # fmt: skip
    sampler = CellSampler(joined([pale, dark]), [], size_px=32, context=1.4, seed=0)
    n = len(bank)
    rims = [np.stack([sampler.disguised(i % n + k * n)[0].mean(axis=0) for i in range(60)]) for k in (0, 1)]
    apart = np.abs(rims[0].mean(axis=0) - rims[1].mean(axis=0))
    assert (apart < 0.6 * rims[0].std(axis=0)).all()


def test_clean_cells_are_the_middle_of_the_cached_crop(bank: CellBank) -> None:
    clean = clean_cells(bank, CACHE_PX // 2, CACHE_CONTEXT / 2)
    inside = bank.crops[0, CACHE_PX // 4 : -CACHE_PX // 4, CACHE_PX // 4 : -CACHE_PX // 4]
    np.testing.assert_array_equal(clean.crops[0], inside)


def test_a_recipe_reads_its_paths_from_the_data_root(tmp_path: Path) -> None:
    text = 'steps = 7\n[[cells]]\npath = "cells/a"\nmpp = 0.1\nevery = 2\n'
    (tmp_path / "r.toml").write_text(text)
    recipe = ClassifierRecipe.from_toml(tmp_path / "r.toml", tmp_path / "data")
    assert recipe.cells[0].path == tmp_path / "data" / "cells" / "a"
    assert (recipe.steps, recipe.cells[0].every, recipe.types) == (7, 2, CELL_TYPES)
    changed = ClassifierRecipe.from_toml(tmp_path / "r.toml", tmp_path / "data", {"steps": 9})
    assert changed == replace(recipe, steps=9)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("steps = 3", "lacks cells"),
        ("cells = []", "no labelled cells"),
        ("stepps = 3", "stepps"),
        ("steps = ", "cannot be read as TOML"),
        ('[[cells]]\npath = "x"', "cells: lacks mpp"),
        ('start = "imagenet"\n[[cells]]\npath = "x"\nmpp = 0.1', "start"),
        ('input_px = 100\n[[cells]]\npath = "x"\nmpp = 0.1', "multiple of 32"),
    ],
)
def test_a_faulty_recipe_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(InputError, match=complaint):
        ClassifierRecipe.from_toml(tmp_path / "r.toml", tmp_path)


def test_the_shipped_recipe_is_valid(tmp_path: Path) -> None:
    shipped = REPOSITORY / "runs" / "classifier.toml"
    recipe = ClassifierRecipe.from_toml(shipped, tmp_path)
    trained_on = {source.path.name for source in (*recipe.cells, *recipe.fields)}
    assert trained_on.isdisjoint({"deepbionet", "segpc", "taleqani", "apml"})


def test_a_source_left_out_is_neither_taught_nor_forgotten(tmp_path: Path) -> None:
    shipped = REPOSITORY / "runs" / "classifier.toml"
    recipe = ClassifierRecipe.from_toml(shipped, tmp_path, {"left_out": ["jhu"]})
    assert [source.path.name for source in recipe.cells if not recipe.is_taught(source)] == ["jhu"]
    assert "jhu" not in recipe.source_ids()
    with pytest.raises(InputError, match="left_out names no source of this recipe: nowhere"):
        ClassifierRecipe.from_toml(shipped, tmp_path, {"left_out": ["nowhere"]})
