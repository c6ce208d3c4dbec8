"""The model card says what was measured, and only that."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.networks.named_cells import cells
from tests.rates import laboratories

from marrowscope.datasets.known_sets import describe_set, known_sets
from marrowscope.datasets.layouts.fields import LabelledField
from marrowscope.domain.rates import ErrorRates
from marrowscope.errors import DatasetError
from marrowscope.evaluation.card.bars import Bar
from marrowscope.evaluation.card.model_card import (
    Evaluation,
    write_metrics,
    write_model_card,
)
from marrowscope.evaluation.card.summary import summary_table
from marrowscope.evaluation.counts.patients import evaluate_patients
from marrowscope.evaluation.fields.changes import FieldChange
from marrowscope.evaluation.fields.robustness import evaluate_robustness
from marrowscope.evaluation.fields.shares import evaluate_field_shares
from marrowscope.evaluation.networks.adapting import AdaptingResult
from marrowscope.evaluation.networks.classifier import score_predictions
from marrowscope.evaluation.networks.detector import DetectionResult, score_detections
from marrowscope.evaluation.networks.left_out import LeftOutResult
from marrowscope.evaluation.networks.predictions import Predictions
from marrowscope.evaluation.plots.networks import (
    draw_confusion_matrix,
    draw_precision_recall,
    draw_reliability,
)
from marrowscope.evaluation.statistics.matching import Found
from marrowscope.models.bundle import Bundle, ClassifierSettings, DetectorSettings

pytest.importorskip("pycocotools", reason="the `train` extra is not installed")


KINDS = ["detector", "classifier", "field_shares", "robustness", "adapting", "patients"]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    for name in ("detector.onnx", "classifier.onnx"):
        (tmp_path / name).write_bytes(name.encode())
    detector = DetectorSettings("detector.onnx", "YOLOX-Nano", 0.2, 640, 96, 65.0, 0.3, 0.55, 0.8)
    types = ("band_neutrophil", "monocyte")
    channel = (0.5, 0.5, 0.5)
    classifier = ClassifierSettings(
        "classifier.onnx", "EfficientNet-B3", 128, 1.2, channel, channel, types, 0.45, 0.5, 1.0, 1.0
    )
    return Bundle(
        tmp_path, "sample", "1.0", "Apache-2.0", ("bccd", "cells/lmu", "own"), "", detector, classifier, None
    )


@pytest.fixture
def detection() -> DetectionResult:
    boxes = np.array([[0, 0, 30, 30], [40, 40, 90, 90]], np.float32)
    field = LabelledField(Path("f.png"), boxes, ("leukocyte",) * 2, np.zeros(2, bool), "g", "s")
    return score_detections([field], [Found(boxes[:1], np.ones(1, np.float32))], operating_score=0.3)


@pytest.fixture
def evaluations(detection: DetectionResult, tmp_path: Path) -> list[Evaluation]:
    blank = [np.full((20, 20, 3), 230, np.uint8)] * 2
    reading = [cells(0, 2), cells(1, 1)]
    cells_at = {1.0: [cells(1, 1), cells(0, 0)], 0.5: [cells(1, 0), cells(0, 0)]}
    half = FieldChange("half size", lambda pixels: pixels[::2, ::2], 0.5)
    predictions = Predictions(
        ("blast", "band_neutrophil", "monocyte"),
        np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.8, 0.1], [0, 0.1, 0.9]], np.float32),
        np.zeros(4, bool),
        ("blast", "blast", "band_neutrophil", "monocyte"),
        np.ones((4, 3)),
        ("a", "b", "c", "d"),
        ("lab",) * 4,
    )
    (tmp_path / "r.csv").write_text("patient,decision\na,positive\nb,negative\n")
    (tmp_path / "t.csv").write_text("patient,truth\na,leukemia\nb,healthy\n")
    return [
        Evaluation("deepbionet", "external", detection),
        Evaluation(
            "lmu and pbc, last name blocks",
            "held out",
            score_predictions(predictions, 0.45, 0.5),
            "A remark.",
        ),
        Evaluation("taleqani", "external", evaluate_field_shares(["Benign", "Pro"], ["Pro"], blank, reading)),
        Evaluation(
            "deepbionet", "external", evaluate_robustness(lambda _, size: cells_at[size], blank, [half])
        ),
        Evaluation(
            "own",
            "choosing",
            AdaptingResult(
                50, ({"blast": 50},), ErrorRates(5, 10, 10, 10, ""), ErrorRates(9, 10, 10, 10, ""), 0.8, 0.97
            ),
        ),
        Evaluation(
            "synthetic patients", "held out", evaluate_patients(tmp_path / "r.csv", tmp_path / "t.csv")
        ),
    ]


def test_card_holds_the_measured_figures(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    document = json.loads(write_metrics(bundle, evaluations).read_text())
    assert [entry["kind"] for entry in document["evaluations"]] == KINDS
    card = write_model_card(bundle).read_text()
    for words in (
        "research use only",
        "Detector on deepbionet (external)",
        "| 0.505 |",  # average precision with half of the cells found
        "| recall (cells) | 1.000 (1) | 0.000 (1) |",
        "0.500 (0.000–1.000) (1 of 2)",
        "Remark: A remark.",
        "CC BY 3.0 (to be confirmed)",
        "| own | not recorded (to be confirmed)",
        "Where a set names no patients",
        "| Pro | yes | 1 | 1 | 2 | 50.0 % (50.0 %–50.0 %) |",
        "| half size | 1 | -50.0 % | 50.0 % | 100.0 % | +50.0 | – |",
        "0.750 before, 0.950 after: 80.0 % of what was missing",
    ):
        assert words in card
    assert "\n\n\n" not in card
    assert_tables_are_whole(card)


def assert_tables_are_whole(card: str) -> None:
    """Every run of table rows has a rule as its second line, and as many cells in each row."""
    runs = re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE)
    assert len(runs) > 3
    for run in runs:
        rows = run.splitlines()
        assert set(rows[1]) == {"|", "-"}
        assert {row.count("|") for row in rows} == {rows[0].count("|")}, run


def test_unfamiliar_cells_are_told_where_the_bundle_can_tell(
    bundle: Bundle, evaluations: list[Evaluation]
) -> None:
    bundle = replace(bundle, classifier=replace(bundle.classifier, feature_space="space.npz"))
    write_metrics(bundle, evaluations)
    card = write_model_card(bundle).read_text()
    assert_tables_are_whole(card)
    assert "| +50.0 | 0.0 % |" in card
    assert "of cells like those, 5.0 %" in card


def test_sections_stand_in_a_readers_order(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    write_metrics(bundle, evaluations)
    card = write_model_card(bundle).read_text()
    sections = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    assert sections == [
        "Intended use", "What it is", "What it reaches", "Operating point", "By laboratory", "Limits",
        "Trained on", "Files",
    ]  # fmt: skip
    bionet = card.index("### Bio-net")
    assert bionet < card.index("Detector on deepbionet") < card.index("The same fields changed: deepbionet")


def test_the_short_table_has_a_row_for_every_kind(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    document = json.loads(write_metrics(bundle, evaluations).read_text())
    rows = [line.split(" | ")[0].removeprefix("| ") for line in summary_table(document).splitlines()[2:]]
    assert rows == [
        "detector",
        "blast or not",
        "types",
        "blast share of whole fields",
        "the same fields changed",
        "adapted",
        "**blast share of patients, laboratory left out**",
    ]
    assert "cells counted change by at most 50.0 %, the blast share by 50.0 points" in summary_table(document)


def test_bars_come_from_the_plan_and_figures_from_the_evaluation(
    bundle: Bundle, evaluations: list[Evaluation]
) -> None:
    bars = (Bar("AP50", "ap50", at_least=0.98), Bar("false finds", "false_positives_per_field", at_most=0.02))
    found = evaluations[0].result.to_json()
    first = replace(evaluations[0], bars=tuple(bar.checked(found) for bar in bars))
    write_metrics(bundle, [first])
    card = write_model_card(bundle).read_text()
    assert "1 of 2 bars of the plan are met." in card
    assert "| AP50 | deepbionet | external | at least 0.98 | 0.505 | **no** |" in card
    assert "| false finds | deepbionet | external | at most 0.02 | 0.000 | yes |" in card


def test_the_threshold_stands_beside_what_it_was_chosen_on(
    bundle: Bundle, evaluations: list[Evaluation]
) -> None:
    bundle = replace(bundle, error_rates=ErrorRates(9, 10, 99, 100, "validation blocks"))
    write_metrics(bundle, evaluations)
    card = write_model_card(bundle).read_text()
    stated = "Stated in the bundle, from validation blocks: sensitivity\n0.900 (9 of 10)"
    assert f"from a probability of 0.45. {stated}" in card
    assert "specificity 0.990 (99 of 100)" in card


def test_laboratories_left_out_stand_in_the_card(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    write_metrics(bundle, evaluations)
    assert "a count by these networks\ndecides nothing" in write_model_card(bundle).read_text()
    card = write_model_card(replace(bundle, laboratories=laboratories())).read_text()
    assert "| laboratory 1 | marrow | 20 | 730 of 1000 | 190 of 1000 |" in card
    assert "decides nothing" not in card


def test_the_procedures_figures_stand_in_card_and_table_with_dashes_for_those_missing(bundle: Bundle) -> None:
    def laboratory(name: str, auc: float, **more: object) -> dict[str, object]:
        figures = {
            key: {"value": auc, "seeds": [auc], "interval": [auc - 0.1, auc + 0.05]}
            for key in ("auc", "balanced_accuracy", "sensitivity", "specificity", "calibration_error")
        }
        counts = {"blasts": 10, "blasts_called": 9, "others": 30, "others_called": 2, "groups": 4}
        about = {"name": name, "specimen": "marrow", "groups_are": "cells", "background_auc": 0.5}
        return {**about, **figures, **counts, **more}

    smudges = {"smudges_called": {"value": 0.04, "seeds": [0.04], "interval": None}}
    result = LeftOutResult(
        {"a": laboratory("Here", 0.9, **smudges), "b": laboratory("There", 0.8)}, ("b",), recipes=1, steps=9
    )
    path = write_metrics(bundle, [Evaluation("a", "external", result)])
    card = write_model_card(bundle).read_text()
    assert "| Here | 0.900 (0.800–0.950) | 0.500 |" in card
    assert "| There (apart) | 0.800 (0.700–0.850) |" in card
    assert_tables_are_whole(card)
    table = summary_table(json.loads(path.read_text()))
    assert "| Here: marrow | external | AUC 0.900 (background alone 0.500), sensitivity 0.900" in table
    assert "| There: cells cut out on black |" in table
    others_alone = {name: one for name, one in laboratory("C", 0.9).items() if not isinstance(one, dict)}
    write_metrics(bundle, [Evaluation("c", "external", LeftOutResult({"c": others_alone}, (), 1, 9))])
    assert "AUC – (background alone 0.500), sensitivity –" in summary_table(json.loads(path.read_text()))


def test_card_without_results_says_so(bundle: Bundle) -> None:
    write_metrics(bundle, [])
    assert "Nothing has been measured" in write_model_card(bundle).read_text()


def test_figures_of_other_networks_are_refused(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    write_metrics(bundle, evaluations)
    (bundle.folder / "detector.onnx").write_bytes(b"retrained")
    with pytest.raises(DatasetError, match="other networks"):
        write_model_card(bundle)


def test_sets_are_described() -> None:
    assert describe_set("fields/bccd").licence == "MIT"
    assert describe_set("clinic").licence == "not recorded"
    assert all(known.licence and known.title for known in known_sets().values())


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures_are_drawn_the_same_each_time(
    evaluations: list[Evaluation], detection: DetectionResult, tmp_path: Path, suffix: str
) -> None:
    kinds = ("blast", "monocyte")
    unfamiliar = np.zeros(2, bool)
    predictions = Predictions(
        kinds, np.eye(2, dtype=np.float32), unfamiliar, kinds, np.ones((2, 3)), ("a", "b"), ("lab",) * 2
    )
    result = score_predictions(predictions, 0.5, 0.5)
    types = result.types
    paths = [
        draw_confusion_matrix(
            types.confusion, types.confusion_rows, types.confusion_columns, tmp_path / f"c.{suffix}"
        ),
        draw_precision_recall({"a": detection}, tmp_path / "deep" / f"p.{suffix}"),
        draw_reliability(result.blast.reliability, tmp_path / f"r.{suffix}", result.blast.ece),
    ]
    first = [path.read_bytes() for path in paths]
    assert all(len(content) > 1000 for content in first)
    assert draw_reliability(result.blast.reliability, paths[2], result.blast.ece).stat().st_size == len(
        first[2]
    )
