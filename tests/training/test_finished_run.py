"""What a finished run hands to a bundle: written whole, read back typed, complete or refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import BundleError
from marrowscope.models.bundle import ClassifierSettings, DetectorSettings, load_bundle
from marrowscope.training.classifier.recipe import CellSet, ClassifierRecipe
from marrowscope.training.finished_run import FinishedRun, read_run
from marrowscope.training.recipe import sets_behind

pytestmark = pytest.mark.train

RATES = ErrorRates(9, 10, 18, 20, "held out")


def finished() -> FinishedRun[ClassifierSettings]:
    return FinishedRun(load_bundle().classifier, ("ours",), 7, RATES, {"val": {"blast_auc": 0.9}})


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    assert finished().write(tmp_path).name == "classifier.json"
    assert read_run(tmp_path, ClassifierSettings) == finished()
    detector = FinishedRun(load_bundle().detector, ("ours",), 3)
    assert detector.write(tmp_path).name == "detector.json"
    assert read_run(tmp_path, DetectorSettings) == detector
    assert sorted(p.name for p in tmp_path.iterdir()) == ["classifier.json", "detector.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trained_on": []}, "does not say what the network was trained on"),
        ({"format": 0}, "another version"),
        ({"settings": {"file": "x"}}, "incomplete"),
        ({"error_rates": {"tp": 1}}, "incomplete"),
    ],
)
def test_an_incomplete_run_is_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = finished().write(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BundleError, match=message):
        read_run(tmp_path, ClassifierSettings)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_what_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BundleError, match="no finished run"):
        read_run(tmp_path, ClassifierSettings)
    (tmp_path / "classifier.json").write_text(text)
    with pytest.raises(BundleError, match=r"classifier\.json"):
        read_run(tmp_path, ClassifierSettings)


def test_the_sets_behind_the_starting_weights_are_behind_the_run(tmp_path: Path) -> None:
    recipe = ClassifierRecipe(cells=(CellSet(tmp_path, 0.1, set_id="ours"),), synthetic_per_type=1)
    assert sets_behind(recipe) == ("ours", "synth", "imagenet_efficientnet_lite2")
    assert sets_behind(replace(recipe, start="random")) == ("ours", "synth")
    earlier = tuple(name for name in load_bundle().trained_on if name != "synth")
    assert sets_behind(replace(recipe, start="bundle")) == ("ours", "synth", *earlier)
    weights = replace(recipe, start="weights", weights=tmp_path / "earlier.pt")
    assert sets_behind(weights) == ("ours", "synth", "earlier")
    assert sets_behind(replace(weights, weights_trained_on=("theirs",))) == ("ours", "synth", "theirs")
    replace(finished(), trained_on=("before",)).write(tmp_path)
    assert sets_behind(weights) == ("ours", "synth", "before")
