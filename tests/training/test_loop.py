"""The one training loop: schedule, averaging, cadences, checkpoints, resume; on a network of one weight."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import REPOSITORY
from torch import Tensor, nn

from marrowscope.errors import InputError
from marrowscope.training.loop import (
    CHECKPOINT,
    Checkpoint,
    LoopRules,
    Schedule,
    Trainee,
    TrainingLoop,
    follow,
    open_run,
    prefetched,
    quickly_at_first,
    smoothly_rising,
)
from marrowscope.training.recipe import TrainingRecipe
from marrowscope.training.run_log import METRICS, RunLog

pytestmark = pytest.mark.train


@dataclass(frozen=True, kw_only=True)
class LineRecipe(TrainingRecipe):
    """A line through drawn points."""

    steps: int = 6
    warm_up: int = 2
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    average: float = 0.5
    evaluate_steps: int | None = 2
    checkpoint_minutes: float = 1e-9

    def source_ids(self) -> tuple[str, ...]:
        return ("points",)


@dataclass(frozen=True)
class Squared:
    total: Tensor

    def numbers(self) -> dict[str, float]:
        return {"loss": self.total.item()}


class Line(Trainee[nn.Linear, Tensor]):
    rules = LoopRules(clipped_norm=5.0, kept=quickly_at_first)

    def __init__(self) -> None:
        self.evaluated: list[tuple[int, bool]] = []
        self.lowest = 9.0

    def optimiser(self, network: nn.Linear) -> torch.optim.Optimizer:
        return torch.optim.AdamW([{"params": list(network.parameters()), "lr": 0.1, "peak": 0.1}])

    def draw(self, step: int) -> Tensor:
        return torch.from_numpy(np.random.default_rng([1, step]).normal(size=(4, 2))).float()

    def loss(self, network: nn.Linear, batch: Tensor) -> Squared:
        kept = nn.functional.dropout(batch[:, :1], 0.5)  # draws from torch's own generator
        return Squared((network(kept) - batch[:, 1:]).square().mean())

    def evaluate(self, averaged: nn.Linear, step: int, *, final: bool) -> dict[str, Any]:
        self.evaluated.append((step, final))
        self.lowest = min(self.lowest, float(averaged.weight.item()))
        return {"slope": averaged.weight.item()}

    def state(self) -> dict[str, Any]:
        return {"lowest": self.lowest}

    def restore(self, state: dict[str, Any]) -> None:
        self.lowest = float(state["lowest"])


def run(
    recipe: LineRecipe,
    out: Path,
    *,
    resume: bool = False,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[TrainingLoop[nn.Linear, Tensor], Line]:
    resumed = open_run(recipe, out, resume=resume)
    trainee = Line()
    loop = TrainingLoop(recipe, nn.Linear(1, 1), trainee, RunLog(out, progress), resumed)
    loop.run()
    return loop, trainee


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def test_it_evaluates_on_the_way_and_once_at_the_end(tmp_path: Path) -> None:
    _, trainee = run(LineRecipe(), tmp_path)
    assert trainee.evaluated == [(2, False), (4, False), (6, True)]
    assert [record["step"] for record in records(tmp_path)] == [2, 4, 6]
    assert (tmp_path / "curves.png").is_file()


def test_without_steps_the_start_is_evaluated(tmp_path: Path) -> None:
    loop, trainee = run(LineRecipe(steps=0), tmp_path)
    assert (loop.step, trainee.evaluated) == (0, [(0, True)])


def test_a_resumed_run_is_the_undisturbed_one(tmp_path: Path) -> None:
    whole, trainee = run(LineRecipe(), tmp_path / "whole")

    def stop(record: dict[str, Any]) -> None:
        if record["step"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(LineRecipe(), tmp_path / "parts", progress=stop)
    assert Checkpoint.read(tmp_path / "parts" / CHECKPOINT).step == 3
    parts, resumed = run(LineRecipe(threads=2), tmp_path / "parts", resume=True)
    for one, other in ((whole.network, parts.network), (whole.averaged, parts.averaged)):
        for name, value in one.state_dict().items():
            torch.testing.assert_close(value, other.state_dict()[name], rtol=0, atol=0)
    assert resumed.evaluated == [(4, False), (6, True)]
    assert resumed.lowest == trainee.lowest
    strip = [{k: v for k, v in r.items() if k != "seconds"} for r in records(tmp_path / "parts")]
    assert strip == [{k: v for k, v in r.items() if k != "seconds"} for r in records(tmp_path / "whole")]


def test_a_run_goes_on_for_more_steps_and_anew_without_resume(tmp_path: Path) -> None:
    run(LineRecipe(steps=2), tmp_path)
    loop, _ = run(LineRecipe(steps=4), tmp_path, resume=True)
    assert loop.step == 4
    _, trainee = run(LineRecipe(steps=2), tmp_path)
    assert trainee.evaluated == [(2, True)]
    assert [record["step"] for record in records(tmp_path)] == [2]


def test_there_must_be_a_checkpoint_of_the_same_settings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint to resume from"):
        run(LineRecipe(), tmp_path, resume=True)
    run(LineRecipe(steps=1), tmp_path)
    with pytest.raises(InputError, match=r"its run had other settings: batch, seed$"):
        run(LineRecipe(seed=3, batch=9, minutes=5), tmp_path, resume=True)


@pytest.mark.parametrize("damage", ["nothing", "text", "half", "others"])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, damage: str) -> None:
    run(LineRecipe(steps=1), tmp_path)
    path = tmp_path / CHECKPOINT
    whole = path.read_bytes()
    contents = {"nothing": b"", "text": b"no checkpoint", "half": whole[: len(whole) // 2]}
    if damage == "others":
        torch.save({"network": {}}, path)
    else:
        path.write_bytes(contents[damage])
    with pytest.raises(InputError, match="damaged, or not a checkpoint of this version"):
        run(LineRecipe(), tmp_path, resume=True)


def test_a_write_that_fails_leaves_the_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(LineRecipe(steps=1), tmp_path)

    def fill_the_disk(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", fill_the_disk)
    with pytest.raises(OSError, match="no space"):
        run(LineRecipe(steps=2), tmp_path, resume=True)
    monkeypatch.undo()
    assert Checkpoint.read(tmp_path / CHECKPOINT).step == 1


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_the_optimiser_keeps_its_state_where_its_network_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(LineRecipe(steps=1), tmp_path)
    monkeypatch.setattr("marrowscope.training.loop.training_device", lambda: torch.device("meta"))
    resumed = open_run(LineRecipe(), tmp_path, resume=True)
    loop = TrainingLoop(LineRecipe(), nn.Linear(1, 1), Line(), RunLog(tmp_path), resumed)
    (moments, _) = loop.optimiser.state.values()
    assert {loop.network.weight.device.type, moments["exp_avg"].device.type} == {"meta"}
    assert loop.averaged.weight.device.type == "cpu"


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    schedule = Schedule(100, None, 10, LoopRules(1.0, quickly_at_first, cosine_end=0.02))
    factors = [schedule.factor(step, schedule.done(step, 0.0)) for step in range(100)]
    assert factors[0] < 0.2 * max(factors)
    assert int(np.argmax(factors)) == 9
    assert 0.02 < factors[-1] < 0.05
    held = Schedule(100, None, 10, LoopRules(1.0, quickly_at_first, least_factor=0.3))
    assert min(held.factor(step, held.done(step, 0.0)) for step in range(100)) == 0.3


def test_the_schedule_follows_steps_or_minutes_whichever_is_further() -> None:
    schedule = Schedule(100, 2.0, 10, LoopRules(1.0, quickly_at_first))
    assert schedule.done(50, 30.0) == 0.5
    assert schedule.done(10, 90.0) == 0.75


def test_averages_follow_quickly_at_first() -> None:
    for kept in (quickly_at_first, smoothly_rising):
        shares = [kept(0.99, step) for step in (1, 10, 1000, 10_000)]
        assert shares == sorted(shares)
        assert shares[0] < 0.3
        assert shares[-1] == pytest.approx(0.99, abs=1e-3)
    averaged, network = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    network(torch.randn(8, 2))
    follow(averaged, network, 0.75)
    torch.testing.assert_close(averaged.running_mean, 0.25 * network.get_buffer("running_mean"))
    assert averaged.num_batches_tracked == network.num_batches_tracked


def test_batches_come_in_order_one_ahead_at_most() -> None:
    drawn: list[int] = []

    def draw(step: int) -> int:
        drawn.append(step)
        return step

    for batch in prefetched(draw, 3, 7):
        assert len(drawn) <= batch - 3 + 2
    assert drawn == [3, 4, 5, 6]


def test_no_training_has_a_loop_of_its_own() -> None:
    """Optimiser steps, checkpoints and averages stand in loop.py alone; adapting fits features at once."""
    folder = REPOSITORY / "src" / "marrowscope" / "training"
    words = ("optimiser.step()", "clip_grad_norm_", "_foreach_lerp_", "time.monotonic", '"checkpoint.pt"')
    homes = {p.name for p in folder.rglob("*.py") if any(word in p.read_text() for word in words)}
    assert homes == {"loop.py"}


def test_settings_may_change_only_where_a_run_stays_the_same() -> None:
    recipe = LineRecipe()
    assert recipe.differences(replace(recipe, minutes=3.0, evaluate_steps=9, threads=4).plain()) == []
    assert recipe.differences(replace(recipe, average=0.9).plain()) == ["average"]
    assert recipe.differences({**recipe.plain(), "later": 1}) == ["later"]


@pytest.mark.parametrize("name", ["segpc", "deepbionet", "taleqani"])
def test_a_set_kept_for_other_uses_is_not_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LineRecipe, "source_ids", lambda _: ("points", name))
    with pytest.raises(InputError, match=f"{name} may not be trained on"):
        open_run(LineRecipe(), tmp_path / "run", resume=False)
    assert not (tmp_path / "run").exists()
