"""Bundles: verified before use, rebuilt from parts."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.rates import laboratories, validation

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import BlastKind, Laboratory
from marrowscope.errors import BundleError
from marrowscope.models.bundle import (
    BUILTIN,
    DEFAULT_NAME,
    class_names,
    list_builtin,
    load_bundle,
    verify,
    write_sums,
)
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.models.classifier import Classifier, joint_probabilities
from marrowscope.models.detector import Detector, decode_predictions, network_input


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUILTIN / DEFAULT_NAME, tmp_path / "copy"))


def test_the_built_in_bundle_is_whole_and_small() -> None:
    bundle = load_bundle()
    assert bundle.name in list_builtin()
    assert sum(p.stat().st_size for p in bundle.folder.iterdir()) < 30_000_000
    assert (bundle.folder / "MODEL_CARD.md").is_file()
    assert (bundle.folder / "metrics.json").is_file()


@pytest.mark.parametrize("name", ["detector.onnx", "bundle.toml", "metrics.json"])
def test_an_altered_file_is_refused(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(BundleError, match=f"{name} is not the released file"):
        load_bundle(copy)


def test_a_missing_file_is_refused(copy: Path) -> None:
    (copy / "classifier.onnx").unlink()
    with pytest.raises(BundleError, match=r"has no file classifier\.onnx"):
        load_bundle(copy)


@pytest.mark.parametrize("line", ["00  ../../etc/passwd\n", "00  /etc/passwd\n", "nonsense\n"])
def test_a_list_of_digests_cannot_lead_outside(copy: Path, line: str) -> None:
    with (copy / "SHA256SUMS").open("a") as stream:
        stream.write(line)
    with pytest.raises(BundleError, match="not the digest of a file"):
        verify(copy)


def test_settings_that_do_not_fit_are_one_clear_error(copy: Path) -> None:
    text = (copy / "bundle.toml").read_text()
    (copy / "bundle.toml").write_text(text.replace("input_px", "input_size"))
    write_sums(copy)
    with pytest.raises(BundleError, match=r"bundle\.toml"):
        load_bundle(copy)


def test_a_folder_that_is_not_a_bundle_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither a folder nor built in"):
        load_bundle("no-such-bundle")
    with pytest.raises(BundleError, match="is not a bundle"):
        load_bundle(tmp_path)


def test_a_broken_network_is_reported_by_name(copy: Path) -> None:
    (copy / "detector.onnx").write_bytes(b"not a network")
    write_sums(copy)
    with pytest.raises(BundleError, match=r"detector\.onnx cannot be loaded"):
        Detector(load_bundle(copy))


def test_a_bundle_is_rebuilt_with_other_settings(tmp_path: Path) -> None:
    content = BundleContent.of(load_bundle())
    changed = replace(content, name="mine", classifier=replace(content.classifier, blast_threshold=0.25))
    made = write_bundle(tmp_path / "mine", changed)
    assert (made.name, made.classifier.blast_threshold) == ("mine", 0.25)
    assert made.detector == content.detector
    with pytest.raises(BundleError, match="not empty"):
        write_bundle(tmp_path, changed)


def test_figures_of_other_laboratories_are_written_into_a_bundle(tmp_path: Path) -> None:
    content = replace(BundleContent.of(load_bundle()), laboratories=(), blast_kinds=())
    made = write_bundle(tmp_path / "mine", content)
    assert made.laboratories == ()
    kinds = (BlastKind("myeloblast", 100, 90),)
    again = write_bundle(
        made.folder, replace(BundleContent.of(made), laboratories=laboratories(), blast_kinds=kinds)
    )
    assert again.laboratories == load_bundle(made.folder).laboratories == laboratories()
    assert again.known_errors().blast_kinds == BundleContent.of(again).blast_kinds == kinds
    assert (again.error_rates, again.classifier) == (made.error_rates, made.classifier)


def test_a_validation_of_other_networks_is_not_used() -> None:
    bundle = load_bundle()
    of_others = validation()
    own = replace(of_others, bundle_sha256=bundle.sha256)
    assert bundle.known_errors(of_others).validation is None
    assert bundle.known_errors(own).validation == own


def test_figures_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="a part is larger than the whole"):
        Laboratory("here", Specimen.MARROW, 10, 11, 10, 0)


def test_joint_probabilities_follow_the_product_rule() -> None:
    joint = joint_probabilities(np.asarray([0.0, 50.0, -50.0], np.float32), np.zeros((3, 4), np.float32))
    np.testing.assert_allclose(joint.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(joint[0], [0.5, 0.125, 0.125, 0.125, 0.125], rtol=1e-6)
    assert joint[1, 0] == pytest.approx(1)
    np.testing.assert_allclose(joint[2], [0, 0.25, 0.25, 0.25, 0.25], atol=1e-6)


def test_predictions_decode_to_known_boxes() -> None:
    predictions = np.zeros((8 * 8 + 4 * 4 + 2 * 2, 6), np.float32)
    predictions[9] = [0.5, 0.5, np.log(4), np.log(2), 0.9, 0.8]  # stride 8, row 1, column 1
    predictions[64 + 5] = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]  # stride 16, row 1, column 1
    boxes, scores = decode_predictions(predictions, 64, 64)
    np.testing.assert_allclose(boxes[9], [-4, 4, 28, 20], rtol=1e-5)
    np.testing.assert_allclose(boxes[69], [8, 8, 24, 24], rtol=1e-5)
    assert scores[9] == pytest.approx(0.72)
    assert scores[69] == 1


def test_the_network_sees_blue_first_and_grey_padding() -> None:
    pixels = np.zeros((40, 33, 3), np.uint8)
    pixels[..., 0] = 200
    batch = network_input(pixels)
    assert batch.shape == (1, 3, 64, 64)
    assert (batch[0, 2, :40, :33] == 200).all()
    assert (batch[0, 0, :40, :33] == 0).all()
    assert (batch[0, :, 40:] == 114).all()


def test_names_and_columns_agree() -> None:
    classifier = Classifier(load_bundle())
    grey, box = np.full((80, 80, 3), 200, np.uint8), np.asarray([[8, 8, 60, 60]], np.float32)
    answers = classifier(grey, box)
    assert classifier.classes == class_names(classifier.settings)
    assert answers.probabilities.shape == (1, len(classifier.classes))
    assert answers.probabilities.sum() == pytest.approx(1, abs=1e-5)
    nothing = classifier(grey, np.zeros((0, 4), np.float32))
    assert nothing.probabilities.shape == (0, len(classifier.classes))
    assert nothing.is_unfamiliar.shape == (0,)
