"""From finished runs to a bundle."""

import json
import shutil
from pathlib import Path

import pytest

from marrowscope.errors import BundleError, InputError
from marrowscope.models.bundle import load_bundle
from marrowscope.models.nucleus_size import NucleusSizes
from marrowscope.training.release import bundle_of_runs

NAMES = {"name": "mine", "version": "2", "licence": "CC-BY-4.0"}


@pytest.fixture
def classifier_run(tmp_path: Path) -> Path:
    """A run as the trainer leaves it, with the built-in network."""
    builtin = load_bundle()
    settings = builtin.classifier
    run = tmp_path / "classifier"
    run.mkdir()
    shutil.copy(builtin.folder / settings.file, run / "classifier.onnx")
    facts = {
        "input_px": settings.input_px,
        "context": settings.context,
        "mean": settings.mean,
        "std": settings.std,
        "types": settings.types,
        "blast_threshold": 0.3,
        "type_threshold": 0.4,
        "blast_temperature": 1.5,
        "type_temperature": 0.8,
        "nuclei": {"um": {"blast": [13.0, 0.2]}, "error": 0.1},
        "trained_on": ["my-laboratory"],
        "figures": {"test": {"blast": {"tp": 90, "fn": 10, "tn": 95, "fp": 5}}},
    }
    (run / "classifier.json").write_text(json.dumps(facts))
    return run


def test_a_new_classifier_joins_the_built_in_detector(classifier_run: Path, tmp_path: Path) -> None:
    made = bundle_of_runs(tmp_path / "bundle", None, classifier_run, None, **NAMES)
    assert (made.name, made.version, made.licence) == ("mine", "2", "CC-BY-4.0")
    assert made.detector == load_bundle().detector
    assert (made.classifier.blast_threshold, made.classifier.type_temperature) == (0.3, 0.8)
    assert made.classifier.nuclei == NucleusSizes({"blast": (13.0, 0.2)}, 0.1)
    assert made.error_rates is not None
    assert (made.error_rates.blasts_called, made.error_rates.blasts_seen) == (90, 100)
    assert (made.error_rates.others_cleared, made.error_rates.others_seen) == (95, 100)
    assert "my-laboratory" in made.trained_on
    assert set(load_bundle().trained_on) <= set(made.trained_on)


def test_nothing_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing newly trained"):
        bundle_of_runs(tmp_path / "bundle", None, None, None, **NAMES)


def test_an_unfinished_run_is_refused(classifier_run: Path, tmp_path: Path) -> None:
    (classifier_run / "classifier.json").unlink()
    with pytest.raises(BundleError, match="no finished run"):
        bundle_of_runs(tmp_path / "bundle", None, classifier_run, None, **NAMES)
    with pytest.raises(BundleError, match="no such file"):
        bundle_of_runs(tmp_path / "bundle", tmp_path / "nowhere", None, None, **NAMES)
