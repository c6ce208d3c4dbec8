"""Adapting a bundle to a laboratory's cells: learns, keeps, adds types, and never gets worse."""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx")

from marrowscope.errors import BundleError, DatasetError
from marrowscope.models.bundle import Bundle, ClassifierSettings, load_bundle
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.models.classifier import Classifier, normalised
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.runtime import Network
from marrowscope.synth import draw_cell
from marrowscope.training.adapting.adapt import adapt_classifier
from marrowscope.training.adapting.adaptation import FOLDS, deal
from marrowscope.training.finished_run import read_run
from marrowscope.training.onnx_layers import layers_of_onnx
from marrowscope.training.release import bundle_of_runs

SIDE_PX = 160
NAMES = {"name": "ours", "version": "1", "licence": "Apache-2.0"}


def photographed(kind: str, seed: int) -> np.ndarray:
    """One drawn cell in the middle of empty glass, at 0.2 µm a pixel."""
    cell = draw_cell(np.random.default_rng(seed), kind, 0.2)
    image = np.full((SIDE_PX, SIDE_PX, 3), np.median(cell.pixels[0], axis=0), np.uint8)
    height, width = cell.pixels.shape[:2]
    top, left = (SIDE_PX - height) // 2, (SIDE_PX - width) // 2
    image[top : top + height, left : left + width] = cell.pixels
    return image


def shown(kind: str, seed: int, side_px: int) -> np.ndarray:
    """The middle of such a photograph at the network's size."""
    middle = Image.fromarray(photographed(kind, seed)[32:-32, 32:-32])
    return np.asarray(middle.resize((side_px, side_px), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The built-in networks with a feature space of drawn cells."""
    folder = tmp_path_factory.mktemp("start")
    builtin = load_bundle()
    network = Network(builtin.folder / builtin.classifier.file, 1)
    kinds = ("blast", "lymphocyte", "segmented_neutrophil")
    side_px = builtin.classifier.input_px
    crops = np.stack([shown(kind, seed, side_px) for kind in kinds for seed in range(12)])
    features = network(normalised(crops, builtin.classifier))["features"]
    FeatureSpace.fitted(features, np.repeat(np.arange(3), 12), features, 8).save(folder / "space.npz")
    content = BundleContent.of(builtin)
    settings = replace(content.classifier, feature_space="space.npz")
    return write_bundle(
        folder / "bundle",
        replace(content, name="start", classifier=settings, feature_space=folder / "space.npz"),
    )


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells of a laboratory whose stain is another: blasts, lymphocytes, and a type unknown to the bundle."""
    root = tmp_path_factory.mktemp("laboratory")
    for kind, drawn in (("blast", "blast"), ("lymphocyte", "lymphocyte"), ("mast_cell", "eosinophil")):
        (root / kind).mkdir()
        for number in range(12):
            green = (photographed(drawn, 100 + number).astype(float) * (0.8, 1.0, 0.75)).astype(np.uint8)
            Image.fromarray(green).save(root / kind / f"{number}.png")
    return root


@dataclass(frozen=True)
class Adapted:
    """The run of an adaptation to the laboratory, and what it said."""

    run: Path
    said: list[dict[str, object]]


@pytest.fixture(scope="module")
def adapted(start: Bundle, laboratory: Path, tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    run = tmp_path_factory.mktemp("adapted") / "run"
    said: list[dict[str, object]] = []
    adapt_classifier(laboratory, run, bundle=start.folder, mpp=0.2, progress=said.append)
    return Adapted(run, said)


def test_new_cells_and_a_new_type_are_learned(
    start: Bundle, laboratory: Path, adapted: Adapted, tmp_path: Path
) -> None:
    run = read_run(adapted.run, ClassifierSettings)
    assert run.trained_on == (*start.trained_on, laboratory.name)
    scores = run.figures["adaptation"]
    # A third of the cells are of a type the bundle could not name.
    assert scores["after"]["type_accuracy"] > scores["before"]["type_accuracy"]
    assert scores["after"]["auc"] >= scores["before"]["auc"] - 0.05
    made = bundle_of_runs(
        tmp_path / "made",
        None,
        adapted.run,
        start.folder,
        name="ours",
        version="1",
        licence="Apache-2.0",
    )
    assert made.trained_on == run.trained_on
    assert made.classifier.types == (*start.classifier.types, "mast_cell")
    classifier = Classifier(made)
    pixels = np.asarray(Image.open(laboratory / "mast_cell" / "11.png"))
    predictions = classifier(pixels, np.array([[48, 48, 112, 112]], np.float32))
    assert classifier.classes[int(predictions.probabilities[0].argmax())] == "mast_cell"
    assert FeatureSpace.load(made.folder / "feature_space.npz").means.shape[0] == 3 + 3


def test_what_was_known_is_kept(start: Bundle, adapted: Adapted) -> None:
    network = Network(adapted.run / "classifier.onnx", 1)
    old = Network(start.folder / start.classifier.file, 1)
    side_px = start.classifier.input_px
    crops = np.stack([shown("segmented_neutrophil", 40 + i, side_px) for i in range(8)])
    asked = normalised(crops, start.classifier)
    n = len(start.classifier.types)
    kept = network(asked)["type_logits"][:, :n].argmax(axis=1) == old(asked)["type_logits"].argmax(axis=1)
    assert kept.mean() >= 0.75
    before = layers_of_onnx(start.folder / start.classifier.file)
    after = layers_of_onnx(adapted.run / "classifier.onnx")
    assert not np.array_equal(after["blast"][0], before["blast"][0])
    np.testing.assert_array_equal(after["_conv_head"][0], before["_conv_head"][0])


def test_reviewed_cells_of_an_analysis_are_learned_from(start: Bundle, tmp_path: Path) -> None:
    """Two patients, their cells in rows of one field each; cells nobody looked at are left out."""
    rows = ["patient,field,cell,x0,y0,x1,y1,cell_type,reviewed_type"]
    for patient in ("A", "B"):
        (tmp_path / "patients" / patient).mkdir(parents=True)
        kinds = ["blast", "lymphocyte", "mast_cell", "blast", "lymphocyte"]
        drawn = ["eosinophil" if kind == "mast_cell" else kind for kind in kinds]
        field = np.concatenate([photographed(kind, 7 + i) for i, kind in enumerate(drawn)], axis=1)
        Image.fromarray(field).save(tmp_path / "patients" / patient / "1.png")
        for i, kind in enumerate(kinds):
            box = f"{SIDE_PX * i + 48},48,{SIDE_PX * i + 112},112"
            rows.append(f"{patient},1.png,{i},{box},lymphocyte,{kind}")
        rows.append(f"{patient},1.png,9,10,10,40,40,monocyte,")
    (tmp_path / "cells.csv").write_text("\n".join(rows) + "\n")
    said: list[dict[str, object]] = []
    adapt_classifier(
        tmp_path / "cells.csv", tmp_path / "run", images=tmp_path / "patients", bundle=start.folder,
        mpp=0.2, progress=said.append,
    )  # fmt: skip
    assert said[0] == {"types": [*start.classifier.types, "mast_cell"], "cells": 10}
    assert (tmp_path / "run" / "classifier.onnx").is_file()


def test_reviews_of_the_service_are_learned_from(
    start: Bundle, laboratory: Path, adapted: Adapted, tmp_path: Path
) -> None:
    """The archive the service gives teaches what the same cells in folders teach."""
    archive = tmp_path / "training.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(laboratory.rglob("*.png")):
            packed.write(path, path.relative_to(laboratory))
    said: list[dict[str, object]] = []
    adapt_classifier(
        None, tmp_path / "run", reviews=[archive], bundle=start.folder, mpp=0.2, progress=said.append
    )
    assert said == adapted.said
    with pytest.raises(DatasetError, match="not both"):
        adapt_classifier(
            tmp_path / "cells.csv", tmp_path / "no", images=tmp_path, reviews=[archive], bundle=start.folder
        )


def test_a_patients_cells_stay_in_one_fold() -> None:
    kinds = ["blast"] * 12 + ["lymphocyte"] * 12
    groups = [f"patient {i % 6}" for i in range(24)]
    folds = deal(kinds, groups)
    assert {len({f for f, g in zip(folds, groups, strict=True) if g == name}) for name in groups} == {1}
    assert len(set(folds.tolist())) == FOLDS
    one_patient = deal(kinds, ["patient"] * 24)
    assert np.bincount(one_patient).tolist() == [6] * FOLDS
    alone = deal(kinds, [str(i) for i in range(24)])
    assert np.bincount(alone[:12]).tolist() == np.bincount(alone[12:]).tolist() == [3] * FOLDS


def test_what_cannot_be_adapted_is_refused(start: Bundle, laboratory: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    (few / "blast").mkdir(parents=True)
    (few / "blast" / "0.png").write_bytes((laboratory / "blast" / "0.png").read_bytes())
    with pytest.raises(DatasetError, match="too few"):
        adapt_classifier(few, tmp_path / "run", bundle=start.folder)
    (few / "dragon").mkdir()
    (few / "dragon" / "0.png").write_bytes((laboratory / "blast" / "0.png").read_bytes())
    with pytest.raises(DatasetError, match="dragon"):
        adapt_classifier(few, tmp_path / "run", bundle=start.folder)
    content = BundleContent.of(start)
    blind = replace(content, classifier=replace(content.classifier, feature_space=""), feature_space=None)
    with pytest.raises(BundleError, match="no feature space"):
        adapt_classifier(laboratory, tmp_path / "run", bundle=write_bundle(tmp_path / "blind", blind).folder)
