"""The intervals hold the truth and decisions are right as often as docs/statistics.md says."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coverage_bench", ROOT / "bench" / "coverage.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_bench"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("share", [0.05, 0.18, 0.2, 0.22, 0.8])
@pytest.mark.parametrize("correlation", [0, 0.05])
def test_measured_again_on_fewer_smears(bench: ModuleType, share: float, correlation: float) -> None:
    setting = bench.Setting(500, share, 0.96, 0.96, correlation)
    outcome = bench.simulated(setting, 4000, np.random.default_rng(9))
    assert 93 <= outcome.covered <= 97.5
    assert outcome.wrong <= 2.5


def test_the_published_table_keeps_what_it_promises(bench: ModuleType) -> None:
    text = (ROOT / "docs" / "statistics.md").read_text("utf-8")
    table = text.split(bench.START)[1].split(bench.END)[0]
    main, unfamiliar = (
        [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")][1:]
        for part in table.split("Other sizes of fields")
    )
    rows = main
    assert len(rows) == len(list(bench.settings()))
    for row in rows:
        true, covered, wrong = float(row[2]), float(row[4]), float(row[6])
        assert covered >= 93
        assert covered <= 97.5 or true <= 5
        assert wrong <= 2.5
    assert sum(float(row[4]) > 97.5 for row in rows) <= 4
    assert len(unfamiliar) == len(bench.UNFAMILIAR) * len(bench.SHARES)
    for row in unfamiliar:
        assert float(row[2]) >= 93
        assert float(row[3]) <= 2.5


@pytest.mark.parametrize(("share", "decided"), [(0.02, True), (0.2, False), (0.8, True)])
def test_smears_of_unfamiliar_cells_are_decided_where_both_ways_agree(
    bench: ModuleType, share: float, decided: bool
) -> None:
    outcome = bench.unfamiliar_smears(share, 0.4, 150, np.random.default_rng(4))
    assert outcome.covered >= 97
    assert outcome.wrong == 0
    assert (outcome.open_ < 10) == decided
