"""The model card says what was measured, and only that."""

import json
from pathlib import Path

import numpy as np
import pytest

from marrowscope.datasets.fields import LabelledField
from marrowscope.datasets.known_sets import describe_set, known_sets
from marrowscope.errors import DatasetError
from marrowscope.evaluation.answers import Answers
from marrowscope.evaluation.classification import score_answers
from marrowscope.evaluation.detection import DetectionResult, score_detections
from marrowscope.evaluation.figures import draw_confusion_matrix, draw_precision_recall, draw_reliability
from marrowscope.evaluation.matching import Found
from marrowscope.evaluation.model_card import Evaluation, write_metrics, write_model_card
from marrowscope.evaluation.patients import evaluate_patients
from marrowscope.models.bundle import Bundle, ClassifierSettings, DetectorSettings

pytest.importorskip("pycocotools", reason="the `train` extra is not installed")


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
    answers = Answers(
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
            "lmu and pbc, last name blocks", "held out", score_answers(answers, 0.45, 0.5), "A remark."
        ),
        Evaluation(
            "synthetic patients", "held out", evaluate_patients(tmp_path / "r.csv", tmp_path / "t.csv")
        ),
    ]


def test_card_holds_the_measured_figures(bundle: Bundle, evaluations: list[Evaluation]) -> None:
    document = json.loads(write_metrics(bundle, evaluations).read_text())
    assert [entry["kind"] for entry in document["evaluations"]] == ["detector", "classifier", "patients"]
    card = write_model_card(bundle).read_text()
    for words in (
        "research use only",
        "Detector on deepbionet (external)",
        "| 0.505 |",  # average precision with half of the cells found
        "0.500 (0.000–1.000) (1 of 2)",
        "A remark.",
        "CC BY 3.0 (to be confirmed)",
        "| own | not recorded (to be confirmed)",
        "No public set here carries patient names",
    ):
        assert words in card
    assert "\n\n\n\n" not in card


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
    result = score_answers(
        Answers(("blast", "monocyte"), np.eye(2, dtype=np.float32), np.zeros(2, bool), ("blast", "monocyte"),
                np.ones((2, 3)), ("a", "b"), ("lab",) * 2), 0.5, 0.5
    )  # fmt: skip
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
