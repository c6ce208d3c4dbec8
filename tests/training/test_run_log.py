"""A run's log: what goes in comes out, as lines and as curves."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from marrowscope.training.run_log import METRICS, RunLog, curves

pytestmark = pytest.mark.train


def test_records_are_appended_and_passed_on(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    log = RunLog(tmp_path, seen.append)
    log.write({"step": 1, "loss": 2.0})
    RunLog(tmp_path).write({"step": 2, "loss": 1.0})
    lines = (tmp_path / METRICS).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    assert seen == [{"step": 1, "loss": 2.0}]
    log.start_anew()
    log.start_anew()
    assert not (tmp_path / METRICS).exists()


def test_losses_and_held_out_figures_are_told_apart() -> None:
    losses, figures = curves(
        [
            {"step": 10, "seconds": 5, "loss": 1.5, "type_loss": 0.5, "learning_rate": 0.3},
            {"step": 20, "seconds": 9, "val_blast_auc": 0.9, "blast_threshold": 0.5, "test_blast_auc": 0.8},
            {"step": 30, "seconds": 9, "validation": {"bccd": [0.97, 0.8]}, "mean": 0.9},
        ]
    )
    assert losses == {"loss": ([10], [1.5]), "type_loss": ([10], [0.5])}
    assert figures == {
        "val_blast_auc": ([20], [0.9]),
        "validation bccd": ([30], [0.97]),
        "mean": ([30], [0.9]),
    }


def test_curves_are_drawn_even_before_the_first_evaluation(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.write({"step": 1, "loss": 2.0})
    with Image.open(log.draw()) as picture:
        assert picture.width > 800
