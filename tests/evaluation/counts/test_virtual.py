"""Virtual counts: known truth in, the same arithmetic as for a patient, no knowledge of the predictions."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.networks.named_cells import cells_of
from typer.testing import CliRunner

from marrowscope.cli.app import app
from marrowscope.domain.cells import Cells
from marrowscope.errors import DatasetError
from marrowscope.evaluation.counts.cells import MISSED, PredictedCells, predict_drawn_cells
from marrowscope.evaluation.counts.virtual import VirtualResult, compose, evaluate_virtual
from marrowscope.evaluation.plots.counts import draw_virtual
from marrowscope.models.bundle import load_bundle


def predicted(sensitivity: float, specificity: float, per_kind: int = 200) -> PredictedCells:
    """Blasts and lymphocytes named with such rates, the same in both halves."""
    called, types = [], []
    for name, rate in (("blast", sensitivity), ("lymphocyte", 1 - specificity)):
        hits = np.tile(np.arange(per_kind // 2) < round(rate * per_kind / 2), 2)
        called += [0.95 if hit else 0.02 for hit in hits]
        types += [name] * per_kind
    half = np.tile(np.repeat([0, 1], per_kind // 2), 2)
    return PredictedCells(tuple(types), half, np.arange(2 * per_kind), cells_of(called))


@pytest.fixture(scope="module")
def result() -> VirtualResult:
    return evaluate_virtual(predicted(0.9, 0.95), counts=60)


def test_the_corrected_share_finds_the_truth_that_the_counted_one_misses(result: VirtualResult) -> None:
    assert result.counted is not None
    assert result.corrected is not None
    # With 0.9 and 0.95 a mean share of 47.5 % reads 45.4 %: the bias of counting.
    assert result.counted.bias == pytest.approx(-2.1, abs=0.8)
    assert abs(result.corrected.bias) < 0.8
    assert result.corrected.mean_absolute < result.counted.mean_absolute
    assert result.all_counts.adjusted_interval_coverage.value == pytest.approx(0.97, abs=0.031)
    assert result.wrong_beyond_doubt == 0
    assert result.missed == 0


def test_every_count_stands_in_the_table_on_its_own_side(result: VirtualResult) -> None:
    content = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert sum(sum(row.values()) for row in content["all"].values()) == content["n_counts"] == 60
    assert {side: sum(row.values()) for side, row in content["nine"].items()} == {"over": 5, "not_over": 4}
    assert "patient" not in json.dumps(content)


def test_a_count_never_holds_cells_of_the_half_its_rates_are_from() -> None:
    cells = predicted(1, 1, 100)
    cells.cells.scores[:] = cells.half  # so that a cell's half can be seen in the reading
    rates = [cells.error_rates(half, "") for half in (0, 1)]
    composed = compose(cells, np.array([0.2, 0.5, 0.9]), 200, rates, np.random.default_rng(1))
    for number, count in enumerate(composed):
        assert set(count.reading.cells.scores) == {number % 2}
        assert len(count.reading.cells) == 200
    assert [count.true_percent for count in composed] == [20, 50, 90]


def test_a_missed_cell_is_part_of_the_truth_and_of_no_count() -> None:
    cells = predicted(1, 1, 100)
    cells.row[:100:2] = MISSED  # every second blast
    rates = [cells.error_rates(half, "") for half in (0, 1)]
    assert (rates[0].blasts_called, rates[0].blasts_seen) == (25, 25)
    (count,) = compose(cells, np.array([0.5]), 400, rates, np.random.default_rng(1))
    assert count.true_percent == 50
    assert count.reading.differential.counted == pytest.approx(300, abs=40)


def test_halves_without_blasts_are_refused() -> None:
    one_kind = PredictedCells(("lymphocyte",) * 4, np.array([0, 0, 1, 1]), np.arange(4), cells_of([0.1] * 4))
    with pytest.raises(DatasetError, match="must hold blasts"):
        evaluate_virtual(one_kind)


def test_pictures_are_not_named_after_patients(result: VirtualResult, tmp_path: Path) -> None:
    drawn = draw_virtual(result, tmp_path, "cells")
    assert {path.suffix for path in drawn} == {".png", ".svg"}
    assert all(path.stat().st_size > 2000 and "patient" not in path.name for path in drawn)


def test_drawn_cells_are_found_and_named() -> None:
    cells = predict_drawn_cells(load_bundle(), smears=2, seed=5)
    assert isinstance(cells.cells, Cells)
    assert {0, 1} == set(cells.half)
    assert (cells.row != MISSED).mean() > 0.9
    found = cells.row != MISSED
    assert (cells.cells.is_blast[cells.row[found]] == cells.is_blast[found]).mean() > 0.7


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "give either --cells FOLDER=MPP or --drawn SMEARS"),
        (["--cells", "here"], "--cells here: write FOLDER=MPP"),
        (["--cells", "here=far"], "--cells here=far: write FOLDER=MPP"),
        (["--cells", "nowhere=0.1"], "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_composed_is_told_in_one_line(options: list[str], told: str) -> None:
    outcome = CliRunner().invoke(app, ["evaluate", "virtual", *options])
    assert outcome.exit_code == 2
    assert told in outcome.output
    assert "Traceback" not in outcome.output
