"""The pictures of an evaluation: which there are, and that the commands write them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cohorts import write_fields
from typer.testing import CliRunner

from marrowscope.cli.app import app
from marrowscope.evaluation.card.model_card import Evaluation
from marrowscope.evaluation.networks.classifier import ClassificationResult, score_predictions
from marrowscope.evaluation.networks.predictions import Predictions
from marrowscope.evaluation.plots.evaluations import draw_classifier, draw_evaluations
from marrowscope.synth import draw_cell


def classified(true_types: tuple[str, ...]) -> ClassificationResult:
    n = len(true_types)
    p = np.full((n, 3), 0.1, np.float32)
    p[np.arange(n), [("blast", "monocyte", "basophil").index(name) for name in true_types]] = 0.8
    sides = tuple(str(i) for i in range(n))
    classes = ("blast", "monocyte", "basophil")
    return score_predictions(
        Predictions(classes, p, np.zeros(n, bool), true_types, np.ones((n, 3)), sides, ("lab",) * n), 0.5, 0.5
    )


def test_a_file_a_picture_named_after_its_set(tmp_path: Path) -> None:
    evaluation = Evaluation("cells/lmu (test)", "held out", classified(("blast", "monocyte") * 6))
    names = [path.name for path in draw_evaluations([evaluation], tmp_path / "plots")]
    assert names == [
        "confusion_cells_lmu_test.png", "reliability_cells_lmu_test.png", "risk_coverage_cells_lmu_test.png",
    ]  # fmt: skip
    for name in names:
        with Image.open(tmp_path / "plots" / name) as picture:
            assert min(picture.size) > 200


def test_one_kind_alone_is_drawn_too(tmp_path: Path) -> None:
    assert len(draw_classifier(classified(("monocyte",) * 5), tmp_path)) == 3


def test_commands_write_pictures(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="needs the `train` extra")
    write_fields(tmp_path / "fields" / "images", 1)
    (tmp_path / "fields" / "labels").mkdir()
    (tmp_path / "fields" / "labels" / "field_00.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    answer = run("detector", tmp_path / "fields", tmp_path / "plots")
    assert answer == 0
    for kind in ("blast", "lymphocyte"):
        (tmp_path / "cells" / kind).mkdir(parents=True)
        cell = draw_cell(np.random.default_rng(1), kind, 0.1)
        Image.fromarray(cell.pixels).save(tmp_path / "cells" / kind / "1.png")
    assert run("classifier", tmp_path / "cells", tmp_path / "plots") == 0
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "confusion.png", "precision_recall.png", "reliability.png", "risk_coverage.png",
    ]  # fmt: skip


def run(kind: str, data: Path, plots: Path) -> int:
    return CliRunner().invoke(app, ["evaluate", kind, "--data", str(data), "--plots", str(plots)]).exit_code
