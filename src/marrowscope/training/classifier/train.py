"""Train the cell classifier: one run from a recipe to an ONNX file and its settings."""

import pickle
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from marrowscope.errors import InputError
from marrowscope.evaluation.networks.background import background_baseline
from marrowscope.models.bundle import load_bundle
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.training.batch_norm import record_batch_norm
from marrowscope.training.classifier.cells import SYNTHETIC
from marrowscope.training.classifier.export import export_classifier
from marrowscope.training.classifier.losses import LossTerms, classifier_loss
from marrowscope.training.classifier.net import CellClassifier
from marrowscope.training.classifier.predictions import as_input, features, predict
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.classifier.report import (
    PREDICTIONS,
    calibrated,
    classifier_run,
    summary,
    write_predictions,
)
from marrowscope.training.classifier.sampling import Batch, CellSampler
from marrowscope.training.classifier.sets import (
    CleanCells,
    TrainingSets,
    clean_cells,
    held_out_cells,
    left_out_cells,
    load_sets,
)
from marrowscope.training.classifier.start import inherit_lite2, lite2_weights
from marrowscope.training.device import channels_last
from marrowscope.training.finished_run import NETWORK
from marrowscope.training.further import fill_from_layers
from marrowscope.training.loop import LoopRules, Trainee, TrainingLoop, open_run, quickly_at_first
from marrowscope.training.onnx_layers import layers_of_onnx
from marrowscope.training.run_log import Progress, RunLog

HEADS = ("blast", "types")  # the beginnings of their names

FEATURE_SPACE = "feature_space.npz"
_EVERY_IN_SPACE = 2  # training cells that shape the feature space: every other is plenty
_MOMENTUM = 0.05  # of batch norms: statistics follow weights that move as fast as a short schedule moves them


def train_classifier(
    recipe: ClassifierRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None
) -> Path:
    """Train after a recipe and return the path of ``out/classifier.onnx``.

    Parameters
    ----------
    recipe : of the run
    out : receives the network, ``classifier.json`` (`FinishedRun`), ``feature_space.npz``,
        ``predictions.npz``, ``metrics.jsonl`` and ``checkpoint.pt``
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
    sets = load_sets(recipe)
    trainee = _Trainee(recipe, out, sets, _sampler(recipe, sets))
    net = CellClassifier(len(recipe.types), recipe.architecture, recipe.heads)
    _scale_drop_connect(net, recipe.drop_connect)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = _MOMENTUM
    channels_last(net)
    if resumed is None:
        trainee.initialise(net)
    log = RunLog(out, progress)
    TrainingLoop(recipe, net, trainee, log, resumed).run()
    return out / NETWORK


@dataclass(frozen=True)
class _Drawn:
    """A batch, and where the sampler's generator stood after it."""

    batch: Batch
    generator_state: dict[str, Any]


class _Trainee(Trainee[CellClassifier, _Drawn]):
    """Cells, loss and evaluation of one run.

    `generator_state` is that of the sampler after the last batch learned from: the sampler itself may be a
    batch ahead.
    """

    rules = LoopRules(clipped_norm=5.0, kept=quickly_at_first, least_factor=0.003)

    def __init__(self, recipe: ClassifierRecipe, out: Path, sets: TrainingSets, sampler: CellSampler) -> None:
        self.recipe, self.out, self.sets, self.sampler = recipe, out, sets, sampler
        self.generator_state = sampler.generator_state

    def initialise(self, net: CellClassifier) -> None:
        """Give a network its first weights: inherited or earlier, recorded on these smears, or random."""
        recipe = self.recipe
        crops = [as_input(self.sampler.draw(32).crops) for _ in range(8)]
        self.generator_state = self.sampler.generator_state
        if recipe.start == "bundle":
            bundle = load_bundle(recipe.bundle)
            layers = layers_of_onnx(bundle.folder / bundle.classifier.file)
            fill_from_layers(net, layers, torch.cat(crops), may_differ="types")
        elif recipe.start == "lite2":
            inherit_lite2(net, lite2_weights(), seed=recipe.seed)
            record_batch_norm(net, crops)
        elif recipe.weights is not None:
            _load_weights(net, recipe.weights)
            if recipe.steps:
                record_batch_norm(net, crops)

    def draw(self, step: int) -> _Drawn:
        """Draw the next batch: each follows from the one before."""
        del step
        batch = self.sampler.draw(self.recipe.batch)
        return _Drawn(batch, self.sampler.generator_state)

    def loss(self, network: CellClassifier, batch: _Drawn) -> LossTerms:
        """Run a batch through the network in training."""
        self.generator_state = batch.generator_state
        return classifier_loss(network, batch.batch, self.recipe.label_smoothing, self.recipe.precision)

    def optimiser(self, network: CellClassifier) -> torch.optim.AdamW:
        """AdamW (arXiv:1711.05101): no decay on norms and biases, a higher rate for the new heads."""
        groups = []
        for is_head in (False, True):
            named = [(n, p) for n, p in network.named_parameters() if n.startswith(HEADS) == is_head]
            peak = self.recipe.head_learning_rate if is_head else self.recipe.learning_rate
            for decays in (False, True):
                chosen = [p for _, p in named if (p.ndim > 1) == decays]
                decay = self.recipe.weight_decay if decays else 0.0
                groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
        return torch.optim.AdamW(groups, betas=(0.9, 0.99))

    def state(self) -> dict[str, Any]:
        """Give where the generator stands."""
        return {"generator": self.generator_state}

    def restore(self, state: dict[str, Any]) -> None:
        """Put the generator where it stood."""
        self.sampler = self.sampler.at(state["generator"])
        self.generator_state = self.sampler.generator_state

    def evaluate(self, averaged: CellClassifier, step: int, *, final: bool) -> dict[str, Any]:
        """Measure the averaged weights, write ONNX and settings; look at the test part only at the end."""
        sampler = self.sampler.at(self.generator_state)  # training is not disturbed
        # Averaged weights have statistics of their own; those followed along lag behind (arXiv:1803.05407).
        if step:
            record_batch_norm(averaged, (as_input(sampler.draw(32).crops) for _ in range(24)))
        parts = self._parts(final=final)
        predicted = {name: predict(averaged, cells) for name, cells in parts.items()}
        fitted = calibrated(self.recipe.types, predicted["val"])
        write_predictions(self.out / PREDICTIONS, fitted, predicted)
        space = self._write_feature_space(averaged) if final else ""
        run = classifier_run(
            self.recipe,
            fitted,
            predicted,
            step,
            experimental=self.sets.train.of_one_source(self.recipe.types),
            feature_space=space,
        )
        crops = as_input(sampler.draw(8).crops).contiguous()
        moved = export_classifier(averaged, self.out / NETWORK, crops)
        record = summary(run)
        if "left_out" in parts:
            run.figures["left_out"]["background"] = self._background_alone(parts["left_out"])
        replace(run, figures={**run.figures, "half_precision_error": moved}).write(self.out)
        torch.save(averaged.state_dict(), self.out / f"averaged-{step:06d}.pt")
        return record

    def _parts(self, *, final: bool) -> dict[str, CleanCells]:
        """Give the cells to measure on, a third of validation on the way."""
        parts = {"val": self._val if final else self._val.thinned(3)}
        if final and self.recipe.look_at_test:
            parts["test"] = held_out_cells(self.recipe, "test")
        if final and self.recipe.left_out:
            parts["left_out"] = left_out_cells(self.recipe)
        return parts

    def _background_alone(self, cells: CleanCells) -> dict[str, object]:
        """Measure how far the background's colour alone tells blasts there, taught as the network was."""
        train = self.sets.train
        taught = (train.white.astype(np.float64), train.is_blast, train.sources.tolist())
        white = cells.white.astype(np.float64)
        return background_baseline(white, cells.is_blast, cells.sources.tolist(), taught).to_json()

    def _write_feature_space(self, averaged: CellClassifier) -> str:
        """Fit the feature space to training cells, its limit to held-out real ones; give the file's name."""
        chosen = self.sets.train.select(np.arange(0, len(self.sets.train), _EVERY_IN_SPACE))
        cells = clean_cells(chosen, self.recipe.input_px, self.recipe.context)
        # A class each for blasts, every type and cells of unknown type; drawn cells are classes of their own.
        classes = np.where(cells.is_blast, len(self.recipe.types), cells.types)
        classes = classes + 100 * (cells.sources == SYNTHETIC)
        space = FeatureSpace.fitted(
            features(averaged, cells.crops), classes, features(averaged, self._val.crops),
        )  # fmt: skip
        space.save(self.out / FEATURE_SPACE)
        return FEATURE_SPACE

    @cached_property
    def _val(self) -> CleanCells:
        return held_out_cells(self.recipe, "val")


def _sampler(recipe: ClassifierRecipe, sets: TrainingSets) -> CellSampler:
    return CellSampler(
        sets.train, sets.backgrounds,
        size_px=recipe.input_px, context=recipe.context, seed=recipe.seed,
    )  # fmt: skip


def _load_weights(net: CellClassifier, path: Path) -> None:
    """Fill a network from an earlier run; heads it lacks or has for other types are left as they are."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: no weights of a classifier ({error})") from error
    ours = net.state_dict()
    fitting = {k: v for k, v in state.items() if k in ours and ours[k].shape == v.shape}
    missing = {name.split(".")[0] for name in set(ours) - set(fitting)}
    if not missing <= {"types"}:
        raise InputError(f"{path}: not the weights of this classifier")
    net.load_state_dict(fitting, strict=False)


def _scale_drop_connect(net: CellClassifier, rate: float) -> None:
    """Set stochastic depth to grow linearly to ``rate`` at the last block."""
    blocks = [block for stack in net.stacks() for block in stack]
    for position, block in enumerate(blocks):
        block.drop_connect_rate = rate * position / len(blocks)
