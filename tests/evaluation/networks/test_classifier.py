"""Classifier evaluation: known predictions give known figures, the background baseline finds the shortcut."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.layouts.fields import LabelledField, read_fields
from marrowscope.domain.cells import CellPredictions
from marrowscope.errors import DatasetError
from marrowscope.evaluation.networks.background import background_baseline
from marrowscope.evaluation.networks.classifier import evaluate_classifier, score_predictions
from marrowscope.evaluation.networks.predictions import Predictions
from marrowscope.evaluation.networks.shown_cells import ShownCell, cells_of_fields, cells_of_folders
from marrowscope.models.bundle import ClassifierSettings, load_bundle
from marrowscope.models.detector import Detector

CLASSES = ("blast", "lymphocyte", "monocyte", "platelet")


def predictions(rows: list[tuple[str, list[float]]], groups: list[str] | None = None) -> Predictions:
    names = tuple(name for name, _ in rows)
    return Predictions(
        CLASSES,
        np.array([p for _, p in rows], np.float32),
        np.arange(len(rows)) % 2 == 1,
        names,
        np.arange(3.0 * len(rows)).reshape(-1, 3),
        tuple(groups or [str(i) for i in range(len(rows))]),
        ("lab",) * len(rows),
    )


def test_figures_by_hand() -> None:
    result = score_predictions(
        predictions(
            [
                ("blast", [0.9, 0.1, 0.0, 0.0]),
                ("blast", [0.3, 0.7, 0.0, 0.0]),  # a blast missed, called a lymphocyte
                ("lymphocyte", [0.1, 0.8, 0.1, 0.0]),
                ("lymphocyte", [0.6, 0.3, 0.1, 0.0]),  # called a blast, its type still right
                ("monocyte", [0.0, 0.5, 0.4, 0.1]),  # unsure: unclassified, its likeliest type wrong
                ("platelet", [0.95, 0.0, 0.0, 0.05]),  # takes no part in the blast figures
            ]
        ),
        blast_threshold=0.5,
        type_threshold=0.55,
    )
    blast, types = result.blast, result.types
    assert (blast.n_blasts, blast.n_blasts_called, blast.n_others, blast.n_others_cleared) == (2, 1, 3, 2)
    assert blast.sensitivity.value == 0.5
    assert blast.specificity.value == pytest.approx(2 / 3)
    assert blast.auc.value == pytest.approx(5 / 6)
    assert types.accuracy.value == pytest.approx(3 / 4)
    assert result.abstained == pytest.approx(1 / 6)
    assert result.unfamiliar == 0.5
    by_row = dict(zip(types.confusion_rows, types.confusion, strict=True))
    assert types.confusion_columns == (*CLASSES, "unclassified")
    assert by_row["blast"] == (1, 1, 0, 0, 0)
    assert by_row["lymphocyte"] == (1, 1, 0, 0, 0)
    assert by_row["monocyte"] == (0, 0, 0, 0, 1)
    assert sum(sum(row) for row in types.confusion) == 6


def test_types_the_classifier_does_not_know_take_part_in_blast_figures_only() -> None:
    result = score_predictions(
        predictions(
            [("blast", [1, 0, 0, 0]), ("leukocyte_not_blast", [0, 1, 0, 0]), ("plasma_cell", [0, 1, 0, 0])]
        ),
        blast_threshold=0.5,
        type_threshold=0.5,
    )
    assert result.blast.n_others == 2
    assert (result.types.n, result.types.accuracy.value) == (0, None)
    assert result.types.unknown_types == ("leukocyte_not_blast", "plasma_cell")
    assert result.types.confusion_rows[-2:] == ("leukocyte_not_blast", "plasma_cell")
    assert result.types.confusion[-2:] == ((0, 1, 0, 0, 0), (0, 1, 0, 0, 0))


def test_one_kind_alone_defines_no_auc_and_still_prints() -> None:
    result = score_predictions(
        predictions([("monocyte", [0, 0, 1, 0])] * 4), blast_threshold=0.5, type_threshold=0.5
    )
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert content["blast"]["auc"] is None
    assert content["blast"]["specificity"] == 1
    assert content["background_only"]["auc"] is None
    assert {"accuracy", "macro_f1"} <= content["types"].keys()
    assert content["abstained"] == 0


def test_intervals_follow_groups() -> None:
    rows = [("blast", [0.9, 0.1, 0, 0])] * 50 + [("blast", [0.1, 0.9, 0, 0])] * 50
    together = score_predictions(predictions(rows, ["a"] * 50 + ["b"] * 50), 0.5, 0.5).blast.sensitivity
    apart = score_predictions(predictions(rows), 0.5, 0.5).blast.sensitivity
    assert (together.low, together.high) == (0, 1)
    assert apart.low is not None
    assert apart.low > 0.35


def test_a_figure_without_an_error_is_not_certain() -> None:
    rows = [("blast", [0.9, 0.1, 0, 0])] * 40 + [("lymphocyte", [0.1, 0.9, 0, 0])] * 40
    blast = score_predictions(predictions(rows), 0.5, 0.5).blast
    assert blast.sensitivity.value == 1
    assert blast.sensitivity.to_json() == pytest.approx([0.912, 1], abs=1e-3)  # Wilson's of 40 of 40
    assert blast.auc.value == 1
    assert blast.auc.to_json() is None
    of_one_slide = score_predictions(predictions(rows, ["a"] * 80), 0.5, 0.5).blast
    assert of_one_slide.sensitivity.to_json() is None


class BrightIsBlast:
    """A stand-in classifier that calls what is bright a blast."""

    classes = CLASSES

    def predict_crops(self, crops: npt.NDArray[np.uint8]) -> CellPredictions:
        p = (crops.mean(axis=(1, 2, 3)) > 128).astype(np.float32)
        return CellPredictions(np.stack([p, 1 - p, 0 * p, 0 * p], axis=1), p > 0.5)


def shown(n: int) -> Iterator[ShownCell]:
    for i in range(n):
        bright = i % 2
        crop = np.full((8, 8, 3), 250 * bright, np.uint8)
        yield ShownCell(crop, ("lymphocyte", "blast")[bright], np.full(3, 100.0 + i), f"g{i}", "lab")


def test_batches_reach_the_classifier_in_order() -> None:
    done: list[int] = []
    result = evaluate_classifier(
        BrightIsBlast(), shown(70), blast_threshold=0.5, type_threshold=0.5, on_batch=done.append
    )
    assert done == [32, 64, 70]
    assert result.blast.balanced_accuracy.value == 1
    with pytest.raises(DatasetError, match="no labelled cell"):
        evaluate_classifier(BrightIsBlast(), [], blast_threshold=0.5, type_threshold=0.5)


def test_background_baseline_sees_the_shortcut_and_only_it() -> None:
    rng = np.random.default_rng(0)
    is_blast = np.arange(200) < 100
    sources = ["munich" if b else "barcelona" for b in is_blast]
    same = background_baseline(rng.normal(220, 5, (200, 3)), is_blast, sources)
    other = background_baseline(rng.normal(220, 5, (200, 3)) + 12 * is_blast[:, None], is_blast, sources)
    assert same.blast_auc is not None
    assert other.blast_auc is not None
    assert other.source_balanced_accuracy is not None
    assert 0.35 < same.blast_auc < 0.65
    assert other.blast_auc > 0.97
    assert other.source_balanced_accuracy > 0.93


def test_background_baseline_agrees_with_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    is_blast = rng.random(300) < 0.3
    features = rng.normal(200, 10, (300, 3)) + 6 * is_blast[:, None]
    oracle = linear_model.LogisticRegression(C=100, class_weight="balanced").fit(features, is_blast)
    ours = background_baseline(features, is_blast, ["lab"] * 300, (features, is_blast, ["lab"] * 300))
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score  # noqa: PLC0415 - an optional oracle

    assert ours.blast_auc == pytest.approx(
        roc_auc_score(is_blast, oracle.decision_function(features)), abs=0.01
    )
    expected = balanced_accuracy_score(is_blast, oracle.predict(features))
    assert ours.blast_balanced_accuracy == pytest.approx(expected, abs=0.02)
    assert ours.source_balanced_accuracy is None


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(load_bundle())


def settings(input_px: int) -> ClassifierSettings:
    return replace(load_bundle().classifier, input_px=input_px, context=1.2)


def test_cells_are_shown_from_folders_and_fields(tmp_path: Path, detector: Detector) -> None:
    image = np.full((96, 96, 3), 230, np.uint8)
    image[36:60, 36:60] = (90, 40, 140)
    Image.fromarray(image).save(tmp_path / "x.png")
    single = [LabelledCell(tmp_path / "x.png", "myeloblast", "g", "s")]
    (cell,) = cells_of_folders(single, detector, settings(32))
    assert (cell.true_type, cell.crop.shape) == ("blast", (32, 32, 3))
    assert cell.crop[16, 16].tolist() == [90, 40, 140]
    assert cell.background.min() > 200
    boxes = np.array([[36, 36, 60, 60], [0, 0, 9, 9], [1, 1, 9, 9]], np.float32)
    field = LabelledField(
        tmp_path / "x.png", boxes, ("blast", "red_cell", "leukocyte"), np.array([0, 0, 1], bool), "g", "s"
    )
    (cell,) = cells_of_fields([field], detector, settings(32))  # no red cells to measure by
    assert cell.crop[16, 16].tolist() == [90, 40, 140]
    (cell,) = cells_of_fields([field], detector, settings(32), mpp=0.5)
    assert cell.crop[16, 16].tolist() == [90, 40, 140]
    assert cell.background.min() > 200


def test_real_backgrounds_give_blasts_away(shared_data: Path, detector: Detector) -> None:
    """The shortcut of the public single-cell sets: no cell is needed to tell Munich from Barcelona."""
    cells = read_folder_per_type(shared_data / "cells")
    some = [c for c in cells if c.cell_type in {"myeloblast", "monocyte"}][::40]
    colours = list(cells_of_folders(some, detector, settings(32)))
    baseline = background_baseline(
        np.stack([c.background for c in colours]),
        np.array([c.true_type == "blast" for c in colours]),
        [c.source for c in colours],
    )
    assert baseline.blast_balanced_accuracy is not None
    assert baseline.blast_balanced_accuracy > 0.9


def test_real_fields_with_both_kinds(shared_data: Path, detector: Detector) -> None:
    fields = read_fields(shared_data / "fields" / "allidb_validation")[:3]
    cells = list(cells_of_fields(fields, detector, settings(32)))
    assert {c.true_type for c in cells} <= {"blast", "leukocyte_not_blast"}
    assert len(cells) == sum(int((~f.ignore).sum()) for f in fields)
