"""From finished runs to a bundle."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import pytest

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import BlastKind, ErrorRates, Laboratory, PatientCells
from marrowscope.errors import BundleError, InputError
from marrowscope.evaluation.networks.left_out import LeftOutResult
from marrowscope.evaluation.networks.measured import write_measured
from marrowscope.models.bundle import load_bundle
from marrowscope.training.finished_run import FinishedRun
from marrowscope.training.release import bundle_of_runs


class Names(TypedDict):
    """What a bundle is called."""

    name: str
    version: str
    licence: str


NAMES: Names = {"name": "mine", "version": "2", "licence": "CC-BY-4.0"}


@pytest.fixture
def classifier_run(tmp_path: Path) -> Path:
    """A run as the trainer leaves it, with the built-in network."""
    builtin = load_bundle()
    settings = builtin.classifier
    run = tmp_path / "classifier"
    run.mkdir()
    shutil.copy(builtin.folder / settings.file, run / "classifier.onnx")
    changed = replace(
        settings,
        blast_threshold=0.3,
        type_threshold=0.4,
        blast_temperature=1.5,
        type_temperature=0.8,
        feature_space="",
    )
    FinishedRun(changed, ("my-laboratory",), 9, ErrorRates(90, 100, 95, 100, "held out")).write(run)
    return run


@pytest.fixture
def detector_run(tmp_path: Path) -> Path:
    """The same of a detector."""
    builtin = load_bundle()
    run = tmp_path / "detector"
    run.mkdir()
    shutil.copy(builtin.folder / builtin.detector.file, run / "detector.onnx")
    FinishedRun(replace(builtin.detector, score_threshold=0.33), ("my-fields", "synth"), 9).write(run)
    return run


def test_both_networks_newly_trained_leave_nothing_of_the_base(
    classifier_run: Path, detector_run: Path, tmp_path: Path
) -> None:
    made = bundle_of_runs(tmp_path / "bundle", detector_run, classifier_run, None, **NAMES)
    assert made.trained_on == ("my-fields", "synth", "my-laboratory")
    assert made.detector.score_threshold == 0.33
    assert made.laboratories == ()


def test_laboratories_left_out_by_the_procedure_are_taken_along(classifier_run: Path, tmp_path: Path) -> None:
    counts = {"blasts": 10, "blasts_called": 9, "others": 30, "others_called": 2, "groups": 4}
    one = {
        "name": "A",
        "specimen": "blood",
        "blast_kind": "myeloblast",
        "groups_are": "patients",
        "by_patient": [[10, 9, 30, 2]],
        **counts,
    }
    left_out = tmp_path / "folds.json"
    write_measured(LeftOutResult({"a": one}, (), recipes=1, steps=9).to_json(), left_out)
    made = bundle_of_runs(tmp_path / "bundle", None, classifier_run, None, left_out=left_out, **NAMES)
    assert made.laboratories == (
        Laboratory("A", Specimen.BLOOD, 10, 9, 30, 2, (PatientCells(10, 9, 30, 2),)),
    )
    assert made.blast_kinds == (BlastKind("myeloblast", 10, 9),)


def test_a_new_detector_joins_the_built_in_classifier(detector_run: Path, tmp_path: Path) -> None:
    made = bundle_of_runs(tmp_path / "bundle", detector_run, None, None, **NAMES)
    assert made.classifier == load_bundle().classifier
    assert made.error_rates == load_bundle().error_rates
    assert made.trained_on == (*load_bundle().trained_on, "my-fields")


@pytest.mark.parametrize("which", ["detector", "classifier"])
def test_a_run_that_does_not_say_what_it_learned_from_is_refused(
    classifier_run: Path, detector_run: Path, tmp_path: Path, which: str
) -> None:
    path = {"detector": detector_run, "classifier": classifier_run}[which] / f"{which}.json"
    document = json.loads(path.read_text()) | {"trained_on": []}
    path.write_text(json.dumps(document))
    with pytest.raises(BundleError, match=rf"{which}\.json does not say what the network was trained on"):
        bundle_of_runs(tmp_path / "bundle", detector_run, classifier_run, None, **NAMES)


def test_a_new_classifier_joins_the_built_in_detector(classifier_run: Path, tmp_path: Path) -> None:
    made = bundle_of_runs(tmp_path / "bundle", None, classifier_run, None, **NAMES)
    assert (made.name, made.version, made.licence) == ("mine", "2", "CC-BY-4.0")
    assert made.detector == load_bundle().detector
    assert (made.classifier.blast_threshold, made.classifier.type_temperature) == (0.3, 0.8)
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
    with pytest.raises(BundleError, match="no finished run"):
        bundle_of_runs(tmp_path / "bundle", tmp_path / "nowhere", None, None, **NAMES)
