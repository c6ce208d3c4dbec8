"""Train the detector: one run from a recipe to an ONNX file and its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marrowscope.models.bundle import DetectorSettings, load_bundle
from marrowscope.models.runtime import Network
from marrowscope.training.batch_norm import record_batch_statistics
from marrowscope.training.detector.data import CachedField, CanvasSampler, as_batch
from marrowscope.training.detector.export import check_parity, export_detector
from marrowscope.training.detector.loss import CellTargets, LossTerms, detection_loss
from marrowscope.training.detector.recipe import DetectorRecipe
from marrowscope.training.detector.settings import DETECTOR_SETTINGS
from marrowscope.training.detector.sources import ValidationSet, build_sampler, build_validation
from marrowscope.training.detector.threshold import operating_score
from marrowscope.training.detector.validation import average_precision, find_cells
from marrowscope.training.detector.yolox import YoloxNano, load_weights
from marrowscope.training.device import channels_last, precision_context
from marrowscope.training.finished_run import FinishedRun
from marrowscope.training.further import fill_from_layers
from marrowscope.training.loop import LoopRules, Trainee, TrainingLoop, open_run, smoothly_rising
from marrowscope.training.onnx_layers import layers_of_onnx
from marrowscope.training.recipe import sets_behind
from marrowscope.training.run_log import Progress, RunLog

EXPORTED = DETECTOR_SETTINGS.file

_RECORDED_CANVASES = 32
_STRICTER_BY = 0.25

Batch = tuple[Tensor, list[CellTargets]]


def train_detector(
    recipe: DetectorRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None
) -> Path:
    """Train after a recipe and return the path of ``out/detector.onnx``.

    The network whose averaged weights do best on the validating sources is kept; without such, the last.

    Parameters
    ----------
    recipe : of the run
    out : receives the network, ``detector.json`` (`FinishedRun`), ``metrics.jsonl`` and ``checkpoint.pt``
    resume : continue from the checkpoint in `out`
    progress : receives every record that also goes to ``metrics.jsonl``

    Raises
    ------
    InputError
        Recipe or weights cannot be used, or there is nothing to resume.
    DatasetError
        A source is not what it should be.
    """
    resumed = open_run(recipe, out, resume=resume)
    trainee = _Trainee(recipe, out, build_sampler(recipe, out / "cut_cells.npz"), build_validation(recipe))
    network = YoloxNano()
    channels_last(network)
    if resumed is None:
        _initialise(network, recipe, trainee.draw)
    loop = TrainingLoop(recipe, network, trainee, RunLog(out, progress), resumed)
    loop.run()
    trainee.finished_run(loop.step).write(out)
    return out / EXPORTED


@dataclass
class _Trainee(Trainee[YoloxNano, Batch]):
    """Canvases, loss and validation of one run; `best` mean of validation so far."""

    recipe: DetectorRecipe
    out: Path
    sampler: CanvasSampler
    validation: list[ValidationSet]
    best: float = -1.0

    rules = LoopRules(clipped_norm=10.0, kept=smoothly_rising, cosine_end=0.02)

    def draw(self, step: int) -> Batch:
        """Draw the canvases of a step: they follow from seed and step."""
        rng = np.random.default_rng([self.recipe.seed, step])
        side = int(rng.choice(self.recipe.canvas_px))
        # Batches of larger canvases are smaller, so that every step costs about the same.
        count = max(1, round(self.recipe.batch * (min(self.recipe.canvas_px) / side) ** 2))
        return as_batch([self.sampler.draw(rng, side) for _ in range(count)])

    def loss(self, network: YoloxNano, batch: Batch) -> LossTerms:
        """Run a batch through the network in training."""
        images, targets = batch
        device = next(network.parameters()).device
        with precision_context(device, self.recipe.precision):
            raw = network(images.to(device))
        return detection_loss(raw.float(), targets, images.shape[2], images.shape[3])

    def evaluate(self, averaged: YoloxNano, step: int, *, final: bool) -> dict[str, Any]:
        """Measure on every validating source; export the network when it is the best so far."""
        del final  # every evaluation is alike
        scores = {one.name: _score(averaged, one.fields, one.match_iou) for one in self.validation}
        mean = float(np.mean(list(scores.values()))) if scores else float(step)
        if mean >= self.best:
            self.best = mean
            exported = export_detector(averaged, self.out / EXPORTED)
            rng = np.random.default_rng(step)
            check_parity(averaged, exported, rng.uniform(0, 255, (1, 3, 96, 64)).astype(np.float32))
        return {"validation": scores, "mean": mean}

    def optimiser(self, network: YoloxNano) -> torch.optim.AdamW:
        """AdamW; weight decay only on convolution kernels, not on offsets and batch-norm scales."""
        kernels = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        peak = self.recipe.learning_rate
        groups = [
            {"params": kernels, "lr": peak, "peak": peak, "weight_decay": self.recipe.weight_decay},
            {"params": others, "lr": peak, "peak": peak, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups)

    def state(self) -> dict[str, Any]:
        """Give the best mean so far."""
        return {"best": self.best}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the best mean so far."""
        self.best = float(state["best"])

    def finished_run(self, step: int) -> FinishedRun[DetectorSettings]:
        """Choose the score from which the best network's boxes count, where validation has a cell."""
        chosen = None
        if (self.out / EXPORTED).is_file():
            network = Network(self.out / EXPORTED, self.recipe.threads)
            chosen = operating_score(network, DETECTOR_SETTINGS, self.validation)
        if chosen is None:
            return FinishedRun(DETECTOR_SETTINGS, sets_behind(self.recipe), step)
        settings = replace(DETECTOR_SETTINGS, score_threshold=chosen[0])
        figures = {"recall_on_validation": chosen[1]}
        return FinishedRun(settings, sets_behind(self.recipe), step, figures=figures)


def _initialise(network: YoloxNano, recipe: DetectorRecipe, draw: Callable[[int], Batch]) -> None:
    """Give a fresh network the weights to start from, its batch norms recorded on training canvases."""
    if recipe.start == "bundle":
        start = load_bundle(recipe.bundle)
        layers = layers_of_onnx(start.folder / start.detector.file)
        fill_from_layers(network, layers, _recording_images(draw))
    elif recipe.weights is not None:
        load_weights(network, recipe.weights)
        record_batch_statistics(network, _recording_images(draw))


def _recording_images(draw: Callable[[int], Batch]) -> Tensor:
    first = draw(0)[0]
    parts, index = [first], 1
    while sum(len(part) for part in parts) < _RECORDED_CANVASES:
        images = draw(index)[0]
        index += 1
        if images.shape[2:] == first.shape[2:]:
            parts.append(images)
    return torch.cat(parts)


def _score(network: YoloxNano, fields: tuple[CachedField, ...], match_iou: float) -> tuple[float, float]:
    """Give the average precision at `match_iou` and at a stricter overlap.

    The first alone saturates on easy fields and no longer distinguishes checkpoints.
    """
    found = [find_cells(network, field) for field in fields]
    return (
        average_precision(fields, found, match_iou),
        average_precision(fields, found, match_iou + _STRICTER_BY),
    )
