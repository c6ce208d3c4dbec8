"""Trains the detector from a recipe: AdamW, cosine learning rate, weight averaging, checkpoints, resume."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marrowscope.errors import InputError
from marrowscope.models.bundle import load_bundle
from marrowscope.models.runtime import Network
from marrowscope.training.batch_norm import record_batch_statistics
from marrowscope.training.detector.data import CachedField, as_batch
from marrowscope.training.detector.export import check_parity, export_detector
from marrowscope.training.detector.loss import CellTargets, detection_loss
from marrowscope.training.detector.recipe import DetectorRecipe
from marrowscope.training.detector.sources import ValidationSet, build_sampler, build_validation
from marrowscope.training.detector.threshold import operating_score
from marrowscope.training.detector.validation import average_precision, find_cells
from marrowscope.training.detector.yolox import YoloxNano, load_weights
from marrowscope.training.device import Precision, keep_memory, precision_context, training_device
from marrowscope.training.onnx_layers import fill_from_layers, layers_of_onnx
from marrowscope.training.release import DETECTOR_SETTINGS
from marrowscope.training.run_log import Progress, RunLog

CHECKPOINT = "checkpoint.pt"
EXPORTED = "detector.onnx"
SETTINGS = "detector.json"
_RECORDED_CANVASES = 32
_CLIPPED_NORM = 10.0
_LOGGED_EVERY = 20
_STRICTER_BY = 0.25

Batch = tuple[Tensor, list[CellTargets]]


@dataclass
class TrainingState:
    """Everything that changes while training; what a checkpoint holds.

    `network` may live on a graphics processor, `averaged` and the loss stay on the processor: they are small.
    """

    network: YoloxNano
    averaged: YoloxNano
    optimiser: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0
    best: float = -1.0

    def save(self, path: Path) -> None:
        """Write a checkpoint; a run that is killed while writing leaves the previous one whole."""
        content = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "counters": {"step": self.step, "seconds": self.seconds, "best": self.best},
        }
        partial = path.with_suffix(".partial")
        torch.save(content, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises InputError when it is not one of this network."""
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            self.network.load_state_dict(content["network"])
            self.averaged.load_state_dict(content["averaged"])
            self.optimiser.load_state_dict(content["optimiser"])
            counters = content["counters"]
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise InputError(f"{path}: not a checkpoint of this detector") from error
        self.step, self.seconds, self.best = int(counters["step"]), counters["seconds"], counters["best"]


def train_detector(
    recipe: DetectorRecipe,
    out: Path,
    *,
    init: Path | None = None,
    bundle: str | Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train as `recipe` says into the folder `out`; gives the path of the best network as ONNX.

    `init` are starting weights (`.npz` of named arrays), `bundle` one whose detector is gone on from.
    `resume` continues from the checkpoint in `out` when there is one. `progress` receives every record that
    also goes to `out/metrics.jsonl`. The network whose averaged weights do best on the validating sources is
    kept (without such sources: the last).

    Raises InputError or DatasetError when recipe, data or weights cannot be used.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_memory()
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    sampler = build_sampler(recipe, cache=out / "cut_cells.npz")
    validation = build_validation(recipe)

    def make_batch(step: int) -> Batch:
        rng = np.random.default_rng([recipe.seed, step])
        side = int(rng.choice(recipe.canvas_px))
        # Batches of larger canvases are smaller, so that every step costs about the same.
        count = max(1, round(recipe.batch * (min(recipe.canvas_px) / side) ** 2))
        return as_batch([sampler.draw(rng, side) for _ in range(count)])

    resumed = resume and (out / CHECKPOINT).is_file()
    network = YoloxNano().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not resumed:
        _initialise(network, init, bundle, make_batch)
    state = TrainingState(network, copy.deepcopy(network).eval(), _optimiser(network, recipe))
    if resumed:
        state.load(out / CHECKPOINT)
    network.to(training_device())
    log = RunLog(out, progress)
    _run(recipe, state, validation, make_batch, log)
    log.draw()
    _write_settings(out, validation, recipe.threads)
    return out / EXPORTED


def _write_settings(out: Path, validation: list[ValidationSet], threads: int) -> None:
    """Write `detector.json`: the score from which the best network's boxes count, where it can be chosen."""
    if not (out / EXPORTED).is_file():  # without a cell to find on validation none is the best
        return
    chosen = operating_score(Network(out / EXPORTED, threads), DETECTOR_SETTINGS, validation)
    if chosen is not None:
        score, recall = chosen
        facts = {"score_threshold": score, "recall_on_validation": recall}
        (out / SETTINGS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _initialise(
    network: YoloxNano, init: Path | None, bundle: str | Path | None, make_batch: Callable[[int], Batch]
) -> None:
    """Give a fresh network the weights to start from, its batch norms recorded on training canvases."""
    if bundle is not None:
        start = load_bundle(bundle)
        layers = layers_of_onnx(start.folder / start.detector.file)
        fill_from_layers(network, layers, _recording_images(make_batch))
    elif init is not None:
        load_weights(network, init)
        record_batch_statistics(network, _recording_images(make_batch))


def _recording_images(make_batch: Callable[[int], Batch]) -> Tensor:
    first = make_batch(0)[0]
    parts, index = [first], 1
    while sum(len(part) for part in parts) < _RECORDED_CANVASES:
        images = make_batch(index)[0]
        index += 1
        if images.shape[2:] == first.shape[2:]:
            parts.append(images)
    return torch.cat(parts)


def _optimiser(network: YoloxNano, recipe: DetectorRecipe) -> torch.optim.AdamW:
    """AdamW; weight decay only on convolution kernels, not on offsets and batch-norm scales."""
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _run(
    recipe: DetectorRecipe,
    state: TrainingState,
    validation: list[ValidationSet],
    make_batch: Callable[[int], Batch],
    log: RunLog,
) -> None:
    saved_at = clock = time.monotonic()
    for batch in _prefetched(make_batch, state.step, recipe.steps):
        done = _fraction_done(recipe, state)
        rate = learning_rate_at(recipe, state.step, done)
        record = train_step(state, batch, rate, recipe.ema_decay, recipe.precision)
        state.seconds, clock = state.seconds + time.monotonic() - clock, time.monotonic()
        if state.step % _LOGGED_EVERY == 0:
            log.write({"step": state.step, "seconds": round(state.seconds, 1), **record})
        finished = _fraction_done(recipe, state) >= 1.0
        if finished or state.step % recipe.validate_every == 0:
            _validate(state, validation, log)
        if finished or time.monotonic() - saved_at > recipe.checkpoint_seconds:
            state.save(log.folder / CHECKPOINT)
            saved_at = time.monotonic()
        if finished:
            break


def _prefetched(make_batch: Callable[[int], Batch], first: int, last: int) -> Iterator[Batch]:
    """Yield batches first..last-1; a second thread prepares the next while one is learned from."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        waiting = executor.submit(make_batch, first)
        for step in range(first, last):
            batch = waiting.result()
            if step + 1 < last:
                waiting = executor.submit(make_batch, step + 1)
            yield batch


def _fraction_done(recipe: DetectorRecipe, state: TrainingState) -> float:
    by_steps = state.step / recipe.steps
    return by_steps if recipe.minutes is None else max(by_steps, state.seconds / (60.0 * recipe.minutes))


def learning_rate_at(recipe: DetectorRecipe, step: int, done: float) -> float:
    """Linear warm-up, then half a cosine down to a fiftieth, over the fraction `done` of the run."""
    warm = min(1.0, (step + 1) / max(1, recipe.warm_up_steps))
    falling = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
    return recipe.learning_rate * warm * falling


def train_step(
    state: TrainingState,
    batch: Batch,
    learning_rate: float,
    ema_decay: float,
    precision: Precision = "auto",
) -> dict[str, float]:
    """One step of gradient descent on one batch; gives the loss terms."""
    images, targets = batch
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate
    state.network.train()
    device = next(state.network.parameters()).device
    with precision_context(device, precision):
        raw = state.network(images.to(device))
    terms = detection_loss(raw.float().cpu(), targets, images.shape[2], images.shape[3])
    state.optimiser.zero_grad()
    terms.total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), _CLIPPED_NORM)
    state.optimiser.step()
    state.step += 1
    # A short memory at first: early weights are far from where the run ends.
    _average_into(state.averaged, state.network, ema_decay * (1.0 - math.exp(-state.step / 100.0)))
    values = {"loss": terms.total, "box": terms.box, "objectness": terms.objectness, "class": terms.by_class}
    record = {name: round(value.item(), 4) for name, value in values.items()}
    return {**record, "assigned": float(terms.assigned), "learning_rate": learning_rate}


@torch.no_grad()
def _average_into(averaged: YoloxNano, network: YoloxNano, decay: float) -> None:
    """Exponential moving average of weights and batch-norm statistics."""
    own = averaged.state_dict()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            own[name].lerp_(value.to(own[name].device), 1.0 - decay)
        else:
            own[name].copy_(value)


def _validate(state: TrainingState, validation: list[ValidationSet], log: RunLog) -> None:
    """Measure the averaged network on every validating source; export it when it is the best so far."""
    scores = {one.name: _score(state.averaged, one.fields, one.match_iou) for one in validation}
    mean = float(np.mean(list(scores.values()))) if scores else float(state.step)
    log.write({"step": state.step, "seconds": round(state.seconds, 1), "validation": scores, "mean": mean})
    if mean >= state.best:
        state.best = mean
        exported = export_detector(state.averaged, log.folder / EXPORTED)
        rng = np.random.default_rng(state.step)
        check_parity(state.averaged, exported, rng.uniform(0, 255, (1, 3, 96, 64)).astype(np.float32))


def _score(network: YoloxNano, fields: tuple[CachedField, ...], match_iou: float) -> tuple[float, float]:
    """Give the average precision at `match_iou` and at a stricter overlap.

    The first alone saturates on easy fields and no longer tells one checkpoint from another.
    """
    found = [find_cells(network, field) for field in fields]
    return (
        average_precision(fields, found, match_iou),
        average_precision(fields, found, match_iou + _STRICTER_BY),
    )


def describe(recipe: DetectorRecipe) -> dict[str, Any]:
    """Give the recipe as plain values, for a model card."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe), default=str))
    return plain
