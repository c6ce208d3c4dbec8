"""One reader for both networks' recipes: types, unknown and renamed words, paths."""

from dataclasses import fields
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY

from marrowscope.errors import InputError
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.detector.recipe import DetectorRecipe
from marrowscope.training.recipe import NEW_WORDS, TrainingRecipe

pytestmark = pytest.mark.train

CELLS = '[[cells]]\npath = "a"\nmpp = 0.1\n'
FIELDS = '[[source]]\npath = "a"\nlayout = "voc"\nmpp = 0.1\n'


def read(tmp_path: Path, text: str, kind: type[TrainingRecipe] = ClassifierRecipe) -> TrainingRecipe:
    (tmp_path / "r.toml").write_text(text)
    return kind.from_toml(tmp_path / "r.toml", tmp_path)


@pytest.mark.parametrize(("kind", "sources"), [(ClassifierRecipe, CELLS), (DetectorRecipe, FIELDS)])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("steps = ", "cannot be read as TOML"),
        ("stepz = 3", "unknown settings: stepz"),
        ('steps = "many"', "steps must be a whole number, not 'many'"),
        ("steps = 2.5", "steps must be a whole number"),
        ("seed = true", "seed must be a whole number"),
        ('learning_rate = "high"', "learning_rate must be a number"),
        ('precision = "double"', "precision must be one of auto, single, mixed"),
        ("weights = 3", "weights must be a text"),
        ("weights_trained_on = 3", "weights_trained_on must be a list"),
        ("steps = -1", "steps and warm_up must not be negative"),
        ("average = 1.0", "average must be"),
        ("minutes = 0", "minutes must be positive"),
        ('start = "weights"', "belong together"),
        ('start = "nothing"', "start must be one of"),
        ("ema_decay = 0.9", "ema_decay is now called average"),
        ("warm_up_steps = 9", "warm_up_steps is now called warm_up"),
        ("checkpoint_seconds = 9", "checkpoint_seconds is now called checkpoint_minutes"),
        ("validate_every = 9", "validate_every is now called evaluate_steps"),
    ],
)
def test_a_faulty_setting_is_one_line(
    tmp_path: Path, kind: type[TrainingRecipe], sources: str, setting: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, f"{setting}\n{sources}", kind)
    assert "\n" not in str(caught.value)


def test_old_words_of_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cells: um_per_px is now called mpp"):
        read(tmp_path, CELLS.replace("mpp", "um_per_px"))
    with pytest.raises(InputError, match="source: root is now called path"):
        read(tmp_path, FIELDS.replace("path", "root"), DetectorRecipe)


def test_both_recipes_share_their_words() -> None:
    shared = {one.name for one in fields(TrainingRecipe)}
    for kind in (ClassifierRecipe, DetectorRecipe):
        names = {one.name for one in fields(kind)}
        assert shared <= names
        assert not names & set(NEW_WORDS)


def test_changes_replace_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(f"steps = 5\nbatch = 4\n{CELLS}")
    recipe = ClassifierRecipe.from_toml(tmp_path / "r.toml", tmp_path, {"steps": 7, "learning_rate": 1})
    assert (recipe.steps, recipe.batch, recipe.learning_rate) == (7, 4, 1.0)


def test_a_change_inside_a_table_leaves_the_rest_of_it() -> None:
    shipped = REPOSITORY / "runs" / "detector.toml"
    recipe = DetectorRecipe.from_toml(shipped, Path("data"), {"composites": {"share": 0.9}})
    assert recipe.composites is not None
    assert (recipe.composites.share, recipe.composites.limit) == (0.9, 3000)


def test_the_recipes_name_every_set_that_the_built_in_bundle_learned_from() -> None:
    from marrowscope.models.bundle import load_bundle  # noqa: PLC0415 - one test needs it

    named = {
        source
        for kind, name in ((ClassifierRecipe, "classifier"), (DetectorRecipe, "detector"))
        for source in kind.from_toml(REPOSITORY / "runs" / f"{name}.toml", Path("data")).source_ids()
    }
    weights = {"coco_yolox_nano", "imagenet_efficientnet_lite2"}
    assert set(load_bundle().trained_on) - weights <= named


def test_sets_are_recognised_or_stated(tmp_path: Path, shared_data: Path) -> None:
    text = f'{CELLS}set = "our-laboratory"\n[[cells]]\npath = "{shared_data}/cells/pbc"\nmpp = 0.13\n'
    assert read(tmp_path, text).source_ids() == ("our-laboratory", "pbc")
