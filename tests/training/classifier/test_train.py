"""A whole run on a handful of drawn cells: steps, checkpoint, resume, ONNX, settings."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from marrowscope.cli.app import app
from marrowscope.errors import InputError
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.synth import draw_cell
from marrowscope.training.classifier.net import LAST_LAYER, CellClassifier
from marrowscope.training.classifier.recipe import CellSet, ClassifierRecipe
from marrowscope.training.classifier.report import PREDICTIONS
from marrowscope.training.classifier.sets import CleanCells
from marrowscope.training.classifier.train import _load_weights, train_classifier
from marrowscope.training.finished_run import read_run
from marrowscope.training.loop import CHECKPOINT, Checkpoint

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> ClassifierRecipe:
    """Two types and blasts, seven cells each, in the middle of 160 px; the smallest schedule."""
    root = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    for kind in ("blast", "lymphocyte", "segmented_neutrophil"):
        (root / kind).mkdir()
        for number in range(7):
            cell = draw_cell(rng, kind, 0.2)
            field = np.full((160, 160, 3), np.median(cell.pixels[0], axis=0), dtype=np.uint8)
            height, width = cell.pixels.shape[:2]
            top, left = (160 - height) // 2, (160 - width) // 2
            field[top : top + height, left : left + width] = cell.pixels
            Image.fromarray(field).save(root / kind / f"{number}.png")
    return ClassifierRecipe(
        cells=(CellSet(root, 0.2, set_id="drawn"),), types=("lymphocyte", "segmented_neutrophil"),
        start="random", input_px=32, steps=2, batch=4, evaluate_minutes=60,
    )  # fmt: skip


def test_a_run_leaves_a_network_and_what_a_bundle_must_know(recipe: ClassifierRecipe, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    lines: list[dict[str, object]] = []
    path = train_classifier(recipe, tmp_path, progress=lines.append)
    run = read_run(tmp_path, ClassifierSettings)
    settings = run.settings
    assert settings.types == ("lymphocyte", "segmented_neutrophil")
    assert run.trained_on == ("drawn",)
    assert run.error_rates is not None
    assert run.error_rates.blasts_seen + run.error_rates.others_seen == run.figures["test"]["cells"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    crops = np.zeros((5, 3, 32, 32), dtype=np.float32)
    blast, types, features = session.run(["blast_logit", "type_logits", "features"], {"crops": crops})
    assert blast.shape == (5, 1)
    assert types.shape == (5, 2)
    assert features.shape == (5, LAST_LAYER["b3"])
    space = FeatureSpace.load(tmp_path / settings.feature_space)
    assert space.distance(features).shape == (5,)
    assert path.stat().st_size < 25e6  # half-precision storage
    assert (tmp_path / "metrics.jsonl").read_text().count("\n") == len(lines)

    train_classifier(replace(recipe, steps=3), tmp_path, resume=True)
    assert read_run(tmp_path, ClassifierSettings).step == 3


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    recipe: ClassifierRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout, style mixing and the draws included; evaluations on the way disturb nothing."""
    monkeypatch.setattr(CleanCells, "thinned", lambda cells, _every: cells)  # a third of so few is none
    small = replace(recipe, architecture="lite2", look_at_test=False)
    recipe = replace(small, steps=3, evaluate_steps=2, checkpoint_minutes=1e-9)
    train_classifier(replace(recipe, evaluate_steps=None), tmp_path / "whole")

    def stop(record: dict[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # at the evaluation after two steps
        train_classifier(recipe, tmp_path / "parts", progress=stop)
    assert Checkpoint.read(tmp_path / "parts" / CHECKPOINT).step == 1
    train_classifier(recipe, tmp_path / "parts", resume=True)
    whole, parts = (
        torch.load(tmp_path / name / "averaged-000003.pt", weights_only=True) for name in ("whole", "parts")
    )
    for name in ("blast.weight", "types.bias", "trunk._conv_stem.weight"):
        torch.testing.assert_close(parts[name], whole[name], rtol=0, atol=0)


def test_a_run_goes_on_from_a_network_with_other_types(recipe: ClassifierRecipe, tmp_path: Path) -> None:
    torch.save(CellClassifier(5).state_dict(), tmp_path / "earlier.pt")
    fitting = CellClassifier(2)
    _load_weights(fitting, tmp_path / "earlier.pt")
    earlier = torch.load(tmp_path / "earlier.pt", weights_only=True)
    torch.testing.assert_close(fitting.blast.weight.data, earlier["blast.weight"])
    torch.save({"something": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InputError, match="not the weights"):
        _load_weights(fitting, tmp_path / "other.pt")
    with pytest.raises(InputError, match="belong together"):
        replace(recipe, start="weights")


def test_without_steps_the_weights_stay(recipe: ClassifierRecipe, tmp_path: Path) -> None:
    """To the last bit, the batch norms' statistics included: only what is fitted to predictions is new."""
    torch.manual_seed(4)
    earlier = CellClassifier(2)
    torch.save(earlier.state_dict(), tmp_path / "earlier.pt")
    alone = replace(recipe, start="weights", weights=tmp_path / "earlier.pt", steps=0)
    train_classifier(alone, tmp_path / "run")
    fitted = torch.load(tmp_path / "run" / "averaged-000000.pt", weights_only=True)
    for name, value in earlier.state_dict().items():
        torch.testing.assert_close(fitted[name], value, rtol=0, atol=0)
    assert read_run(tmp_path / "run", ClassifierSettings).step == 0
    with pytest.raises(InputError, match="steps"):
        replace(recipe, steps=-1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [("steps", "NAME = VALUE"), ("stepz = 3", "stepz"), ("input_px = 100", "multiple of")],
)
def test_a_wrong_change_of_a_setting_is_one_line(tmp_path: Path, change: str, complaint: str) -> None:
    (tmp_path / "r.toml").write_text('[[cells]]\npath = "a"\nmpp = 0.1\n')
    command = ["train", "classifier", "--data", str(tmp_path), "--recipe", str(tmp_path / "r.toml")]
    answer = CliRunner().invoke(app, [*command, "--set", change])
    assert answer.exit_code == 2
    assert complaint in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


def test_a_laboratory_left_out_is_read_whole_by_a_network_that_never_saw_it(
    recipe: ClassifierRecipe, tmp_path: Path
) -> None:
    (seen,) = recipe.cells
    unseen = tmp_path / "elsewhere"
    shutil.copytree(seen.path, unseen)
    both = replace(
        recipe, cells=(seen, CellSet(unseen, 0.2, set_id="elsewhere")), left_out=("elsewhere",),
        architecture="lite2", steps=1, look_at_test=False,
    )  # fmt: skip
    train_classifier(both, tmp_path / "run")
    run = read_run(tmp_path / "run", ClassifierSettings)
    assert run.trained_on == ("drawn",)
    assert run.figures["left_out"]["cells"] == 21
    assert set(run.figures["left_out"]["by_source"]) == {"elsewhere"}
    assert 0 <= run.figures["left_out"]["background"]["auc"] <= 1
    with np.load(tmp_path / "run" / PREDICTIONS) as stored:
        assert set(stored["left_out_sources"].tolist()) == {"elsewhere"}
        assert "elsewhere" not in stored["val_sources"].tolist()
        assert stored["left_out_is_blast"].sum() == 7
