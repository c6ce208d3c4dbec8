"""Training on a few drawn cells: it learns, resumes to the same state, and its export computes the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from tests.conftest import REPOSITORY

from marrowscope.errors import DatasetError, InputError
from marrowscope.evaluation.statistics.matching import Found
from marrowscope.models.bundle import DetectorSettings
from marrowscope.training.detector import train
from marrowscope.training.detector.data import as_batch, cached
from marrowscope.training.detector.export import ParityError, check_parity, export_detector
from marrowscope.training.detector.recipe import DetectorRecipe
from marrowscope.training.detector.sources import build_sampler
from marrowscope.training.detector.train import _Trainee, train_detector
from marrowscope.training.detector.validation import average_precision, find_cells
from marrowscope.training.detector.yolox import YoloxNano
from marrowscope.training.finished_run import read_run
from marrowscope.training.loop import CHECKPOINT, Checkpoint, descend
from marrowscope.training.recipe import ImageSet
from marrowscope.training.run_log import METRICS

pytestmark = pytest.mark.train


@pytest.fixture
def drawn_fields(tmp_path: Path) -> Path:
    """Ten small fields with purple discs, YOLO layout."""
    root = tmp_path / "drawn"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    rng = np.random.default_rng(0)
    for index in range(10):
        image = Image.new("RGB", (128, 96), (230, 215, 220))
        rows = []
        for _ in range(2):
            x, y, r = rng.uniform(25, 100), rng.uniform(25, 70), rng.uniform(12, 20)
            ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), fill=(90, 40, 130))
            rows.append(f"0 {x / 128} {y / 96} {2 * r / 128} {2 * r / 96}")
        image.save(root / "images" / f"{index}.png")
        (root / "labels" / f"{index}.txt").write_text("\n".join(rows))
    return root


def tiny(root: Path, **settings: Any) -> DetectorRecipe:
    values: dict[str, Any] = {
        "canvas_px": [96],
        "batch": 2,
        "steps": 4,
        "evaluate_steps": 2,
        "warm_up": 1,
    }
    return DetectorRecipe.from_folder(root, "yolo", 0.4, {**values, **settings})


def test_loss_falls_on_a_batch_seen_again(drawn_fields: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = tiny(drawn_fields)
    trainee = _Trainee(recipe, tmp_path, build_sampler(recipe), [])
    batch = as_batch([trainee.sampler.draw(np.random.default_rng(seed), 96) for seed in range(4)])
    network = YoloxNano()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        terms = trainee.loss(network, batch)
        descend(network, optimiser, terms.total, 10.0)
        losses.append(terms.numbers()["loss"])
    assert losses[-1] < 0.9 * losses[0]


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    drawn_fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Exporting takes seconds and is tested by itself.
    monkeypatch.setattr(train, "export_detector", lambda _network, path: path)
    monkeypatch.setattr(train, "check_parity", lambda *_: 0.0)
    recipe = tiny(drawn_fields, checkpoint_minutes=1e-9)
    train_detector(recipe, tmp_path / "whole")

    def stop(_record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_detector(recipe, tmp_path / "parts", progress=stop)
    train_detector(recipe, tmp_path / "parts", resume=True)
    whole, parts = (
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True)["tensors"]["averaged"]
        for name in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    for name in ("whole", "parts"):
        records = [json.loads(line) for line in (tmp_path / name / METRICS).read_text().splitlines()]
        assert [record["step"] for record in records if "validation" in record] == [2, 4]


def test_a_finished_run_says_what_a_bundle_must_know(drawn_fields: Path, tmp_path: Path) -> None:
    recipe = tiny(drawn_fields, steps=1, synthetic_share=0.5)
    path = train_detector(recipe, tmp_path)
    run = read_run(tmp_path, DetectorSettings)
    assert (run.settings.file, run.step) == (path.name, 1)
    assert run.trained_on == ("drawn", "synth")


def test_a_checkpoint_of_another_network_is_named(drawn_fields: Path, tmp_path: Path) -> None:
    recipe = tiny(drawn_fields)
    tensors: dict[str, Any] = {"network": {}, "averaged": {}, "optimiser": {}, "generators": {}}
    Checkpoint(tmp_path / CHECKPOINT, 1, 1.0, recipe.plain(), {}, tensors).write()
    with pytest.raises(InputError, match="not a checkpoint of this network"):
        train_detector(recipe, tmp_path, resume=True)


def test_the_export_takes_any_size_and_agrees(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = YoloxNano().eval()
    path = export_detector(network, tmp_path / "detector.onnx")
    rng = np.random.default_rng(0)
    for shape in ((1, 3, 64, 96), (2, 3, 128, 64)):
        images = rng.uniform(0, 255, shape).astype(np.float32)
        assert check_parity(network, path, images) < 1e-3
    other = YoloxNano().eval()
    with pytest.raises(ParityError):
        check_parity(other, path, images)


def test_average_precision_of_known_findings() -> None:
    boxes = np.array([[10, 10, 30, 30], [50, 50, 70, 70]], np.float32)
    field = cached(np.zeros((96, 96, 3), np.uint8), boxes, np.array([False, True]), mpp=0.2)
    sure = np.ones(1, np.float32)
    assert average_precision([field], [Found(boxes[:1], sure)], 0.5) == pytest.approx(1.0)
    assert average_precision([field], [Found(boxes[:1] + 15, sure)], 0.5) == 0.0
    assert average_precision([field], [Found(boxes[:0], sure[:0])], 0.5) == 0.0
    both = Found(boxes[::-1].copy(), np.array([0.9, 0.8], np.float32))
    assert average_precision([field], [both], 0.5) == pytest.approx(1.0)  # the ignored one costs nothing
    empty = cached(np.zeros((96, 96, 3), np.uint8), boxes[:0], np.zeros(0, bool), mpp=0.2)
    assert np.isnan(average_precision([empty], [both], 0.5))


def test_cells_are_reported_in_pixels_of_the_field() -> None:
    field = cached(
        np.full((50, 70, 3), 200, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, bool), mpp=0.4
    )
    found = find_cells(YoloxNano().eval(), field)
    assert found.boxes.shape == (len(found.scores), 4)
    assert (found.boxes <= np.array([70.01, 50.01, 70.01, 50.01])).all()


def test_a_recipe_reads_from_toml(tmp_path: Path, drawn_fields: Path) -> None:
    source = f'[[source]]\npath = "{drawn_fields.name}"\nlayout = "yolo"\nmpp = 0.4\n'
    text = f"steps = 7\ncanvas_px = [64, 96]\n{source}"
    (tmp_path / "recipe.toml").write_text(text + "take = [0.0, 0.5]\n")
    recipe = DetectorRecipe.from_toml(tmp_path / "recipe.toml", drawn_fields.parent)
    assert recipe.steps == 7
    assert recipe.canvas_px == (64, 96)
    assert len(recipe.sources[0].read()) == 5
    assert recipe.plain()["sources"][0]["path"] == "drawn"


def test_the_recipe_of_the_shipped_detector_reads() -> None:
    recipe = DetectorRecipe.from_toml(REPOSITORY / "runs" / "detector.toml", Path("data"))
    assert recipe.composites is not None
    assert recipe.composites.cells[0] == ImageSet(Path("data/cells/pbc"), 0.13)
    trained_on = {source.path.name for source in recipe.sources if source.role == "train"}
    assert not trained_on & {"deepbionet", "allidb_validation", "taleqani", "apml"}
    assert "test" not in {source.split for source in recipe.sources}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = 7", "lacks source"),
        ('[[source]]\npath = "a"\nlayout = "voc"\nmpp = 0.1\ncolour = 1', "source: unknown settings: colour"),
        ('[[source]]\npath = "a"\nlayout = "tiff"\nmpp = 0.1', "tiff"),
        ('[[source]]\npath = "a"\nlayout = "voc"\nmpp = -1', "positive"),
        ('[[source]]\npath = "a"\nlayout = "voc"\nmpp = 0.1\nrole = "validate"', "no source to train on"),
        ('canvas_px = [100]\n[[source]]\npath = "a"\nlayout = "voc"\nmpp = 0.1', "multiples of 32"),
    ],
)
def test_a_faulty_recipe_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        DetectorRecipe.from_toml(tmp_path / "recipe.toml", tmp_path)


def test_an_empty_part_is_refused(drawn_fields: Path) -> None:
    source = replace(tiny(drawn_fields).sources[0], take=(0.5, 0.5))
    with pytest.raises(DatasetError, match="no field"):
        source.read()
