"""Train the cell classifier: one run from a recipe to an ONNX file and its settings."""

import copy
import json
import math
import pickle
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from marrowscope.errors import InputError
from marrowscope.models.bundle import load_bundle
from marrowscope.models.feature_space import FeatureSpace
from marrowscope.models.nucleus_size import NucleusSizes
from marrowscope.training.batch_norm import record_batch_norm
from marrowscope.training.classifier.answers import answers, as_input, features
from marrowscope.training.classifier.cells import SYNTHETIC
from marrowscope.training.classifier.export import export_classifier
from marrowscope.training.classifier.losses import classifier_loss
from marrowscope.training.classifier.net import (
    LAST_LAYER,
    PIXEL_MEAN,
    PIXEL_STD,
    CellClassifier,
)
from marrowscope.training.classifier.nucleus import nucleus_sizes
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.classifier.report import (
    ANSWERS,
    calibrated,
    classifier_settings,
    summary,
    write_answers,
)
from marrowscope.training.classifier.sampling import CellSampler
from marrowscope.training.classifier.sets import (
    CleanCells,
    TrainingSets,
    clean_cells,
    held_out_cells,
    load_sets,
)
from marrowscope.training.classifier.start import inherit_lite2, lite2_weights
from marrowscope.training.device import keep_memory, training_device
from marrowscope.training.onnx_layers import fill_from_layers, layers_of_onnx
from marrowscope.training.run_log import Progress, RunLog

HEADS = ("blast", "types", "nucleus")  # the beginnings of their names

FEATURE_SPACE = "feature_space.npz"
_SIZED = 1000  # cells on which nuclei are measured
_EVERY_IN_SPACE = 2  # training cells that shape the feature space: every other is plenty


def train_classifier(
    recipe: ClassifierRecipe, out: Path, *, resume: bool = False, progress: Progress | None = None
) -> Path:
    """Train after ``recipe`` and return the path of ``out/classifier.onnx``.

    `out` also receives `classifier.json` (what a bundle must know of the network), `metrics.jsonl` (a line
    every few steps and per evaluation) and `checkpoint.pt`, from which ``resume`` goes on. Raises InputError
    when there is nothing to resume, DatasetError when a source is not what it should be.
    """
    keep_memory()
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    sets = load_sets(recipe)
    run = _Run(recipe, out, sets, progress)
    if resume:
        run.restore()
    else:
        run.log.start_anew()
        run.start()
    run.train()
    return run.finish()


@dataclass
class _Clock:
    """Time spent training, over restarts."""

    before: float = 0.0
    started: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started


class _Run:
    """State of one training run."""

    def __init__(
        self, recipe: ClassifierRecipe, out: Path, sets: TrainingSets, progress: Progress | None
    ) -> None:
        self.recipe, self.out, self.sets = recipe, out, sets
        self.log = RunLog(out, progress)
        self.net = CellClassifier(len(recipe.types), recipe.architecture, recipe.heads)
        _scale_drop_connect(self.net, recipe.drop_connect)
        _quicken_batch_norm(self.net)
        _channels_last(self.net)
        self.optimiser = _optimiser(self.net, recipe)
        self.averaged = copy.deepcopy(self.net).eval()
        self.clock = _Clock()
        self.step = 0
        self.sampler = self._sampler()

    def _sampler(self) -> CellSampler:
        recipe = self.recipe
        return CellSampler(
            self.sets.train, recipe.types, self.sets.backgrounds,
            size_px=recipe.input_px, context=recipe.context, seed=recipe.seed + self.step,
        )  # fmt: skip

    def start(self) -> None:
        """Initialise the weights: inherited or earlier ones, recorded on these smears, or random."""
        recipe = self.recipe
        crops = [as_input(self.sampler.draw(32).crops) for _ in range(8)]
        if recipe.start == "bundle":
            bundle = load_bundle(recipe.bundle)
            layers = layers_of_onnx(bundle.folder / bundle.classifier.file)
            fill_from_layers(self.net, layers, torch.cat(crops), may_differ="types")
        elif recipe.start == "lite2":
            inherit_lite2(self.net, lite2_weights(), seed=recipe.seed)
            record_batch_norm(self.net, crops)
        elif recipe.weights is not None:
            _load_weights(self.net, recipe.weights)
            if recipe.steps:
                record_batch_norm(self.net, crops)
        self.averaged.load_state_dict(self.net.state_dict())

    def restore(self) -> None:
        """Go on from the last checkpoint."""
        path = self.out / "checkpoint.pt"
        if not path.is_file():
            raise InputError(f"{self.out}: no checkpoint to resume from")
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.clock.before = int(state["step"]), float(state["seconds"])
        self.sampler = self._sampler()

    def train(self) -> None:
        """Take steps until the schedule ends, with checkpoints and evaluations on the way."""
        recipe = self.recipe
        self.clock.start()
        self.net.to(training_device())  # the averaged network stays on the processor
        last_checkpoint = last_evaluation = self.clock.seconds
        self.net.train()
        while self._share_done() < 1.0:
            loss = self._one_step()
            if self.step % 20 == 0:
                self.log.write({"step": self.step, "seconds": round(self.clock.seconds, 1), **loss})
            if self.clock.seconds - last_checkpoint > 60 * recipe.checkpoint_minutes:
                self._checkpoint()
                last_checkpoint = self.clock.seconds
            if self.clock.seconds - last_evaluation > 60 * recipe.evaluate_minutes:
                self._evaluate()
                last_evaluation = self.clock.seconds

    def finish(self) -> Path:
        """Evaluate, look at the test part once, export; return the ONNX file."""
        self._checkpoint()
        return self._evaluate(final=True)

    def _share_done(self) -> float:
        """Share of the schedule behind us, by steps or by time, whichever is further on."""
        done = self.step / self.recipe.steps if self.recipe.steps else 1.0
        if self.recipe.minutes:
            done = max(done, self.clock.seconds / 60 / self.recipe.minutes)
        return done

    def _one_step(self) -> dict[str, float]:
        """Draw a batch, take one step, follow with the averaged weights."""
        done = self._share_done()
        factor = (
            min(1.0, (self.step + 1) / self.recipe.warm_up) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        )
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * max(factor, 0.003)
        batch = self.sampler.draw(self.recipe.batch)
        terms = classifier_loss(self.net, batch, self.recipe.label_smoothing, self.recipe.precision)
        self.optimiser.zero_grad(set_to_none=True)
        terms.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        _follow(self.averaged, self.net, min(self.recipe.average, (1 + self.step) / (10 + self.step)))
        return {
            "loss": round(terms.total.item(), 4),
            "blast_loss": round(terms.blast.item(), 4),
            "type_loss": round(terms.types.item(), 4),
            "nucleus_loss": round(terms.nucleus.item(), 4),
            "lr_factor": round(factor, 4),
        }

    def _evaluate(self, *, final: bool = False) -> Path:
        """Figures of the averaged weights, then ONNX and settings; the test part only at the end."""
        # Averaged weights have statistics of their own; those followed along lag behind (arXiv:1803.05407).
        if self.step:
            record_batch_norm(self.averaged, (as_input(self.sampler.draw(32).crops) for _ in range(24)))
        context = self.recipe.context
        parts = {"val": self._val if final else self._val.thinned(3)}
        if self.sets.choosing:
            parts["choosing"] = self.sets.choosing
        if final and self.recipe.look_at_test:
            parts["test"] = held_out_cells(self.recipe, "test")
        said = {name: answers(self.averaged, cells, context) for name, cells in parts.items()}
        fitted = calibrated(self.recipe.types, self._nuclei(), said["val"], said.get("choosing"))
        settings = classifier_settings(self.recipe, fitted, said)
        write_answers(self.out / ANSWERS, fitted, said)
        settings |= {"mean": list(PIXEL_MEAN), "std": list(PIXEL_STD), "step": self.step}
        settings["architecture"] = f"efficientnet-{self.recipe.architecture}"
        if final:
            settings["feature_space"] = self._write_feature_space()
        path = self.out / "classifier.onnx"
        settings["half_precision_error"] = export_classifier(
            self.averaged, path, as_input(self.sampler.draw(8).crops).contiguous()
        )
        partial = self.out / "classifier.json.partial"
        partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        partial.replace(self.out / "classifier.json")
        torch.save(self.averaged.state_dict(), self.out / f"averaged-{self.step:06d}.pt")
        self.log.write({"step": self.step, "seconds": round(self.clock.seconds, 1), **summary(settings)})
        self.log.draw()
        return path

    def _write_feature_space(self) -> str:
        """Fit the feature space to training cells, its limit to held-out real ones; give the file's name."""
        chosen = self.sets.train.select(np.arange(0, len(self.sets.train), _EVERY_IN_SPACE))
        cells = clean_cells(chosen, self.recipe.input_px, self.recipe.context)
        # A class each for blasts, every type and cells of unknown type; drawn cells are classes of their own.
        classes = np.where(cells.is_blast, len(self.recipe.types), cells.types)
        classes = classes + 100 * (cells.sources == SYNTHETIC)
        space = FeatureSpace.fitted(
            features(self.averaged, cells.crops), classes, features(self.averaged, self._val.crops),
            LAST_LAYER[self.recipe.architecture],
        )  # fmt: skip
        space.save(self.out / FEATURE_SPACE)
        return FEATURE_SPACE

    def _nuclei(self) -> NucleusSizes:
        """Measure the nuclei of training cells with the averaged network."""
        measured = answers(self.averaged, self._sized, self.recipe.context)
        return nucleus_sizes(measured.nucleus_um, measured.types, self.recipe.types)

    @cached_property
    def _sized(self) -> CleanCells:
        """Outlined training cells of known type, spread over the sets."""
        train = self.sets.train
        chosen = np.flatnonzero(train.outlined & (train.types >= 0) & (train.sources != SYNTHETIC))
        chosen = chosen[:: max(1, len(chosen) // _SIZED)]
        return clean_cells(train.select(chosen), self.recipe.input_px, self.recipe.context)

    @cached_property
    def _val(self) -> CleanCells:
        return held_out_cells(self.recipe, "val")

    def _checkpoint(self) -> None:
        """Write all that a resumed run needs, atomically."""
        state = {
            "net": self.net.state_dict(), "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(), "step": self.step, "seconds": self.clock.seconds,
        }  # fmt: skip
        partial = self.out / "checkpoint.pt.partial"
        torch.save(state, partial)
        partial.replace(self.out / "checkpoint.pt")


def _optimiser(net: CellClassifier, recipe: ClassifierRecipe) -> torch.optim.AdamW:
    """AdamW (arXiv:1711.05101): no decay on norms and biases, a higher rate for the new heads."""
    groups = []
    for is_head in (False, True):
        named = [(n, p) for n, p in net.named_parameters() if n.startswith(HEADS) == is_head]
        peak = recipe.head_learning_rate if is_head else recipe.learning_rate
        for decays in (False, True):
            chosen = [p for _, p in named if (p.ndim > 1) == decays]
            decay = recipe.weight_decay if decays else 0.0
            groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW(groups, betas=(0.9, 0.99))


def _channels_last(net: CellClassifier) -> None:
    """Lay the weights out channels last: a training step on a CPU is three times faster."""
    for parameter in net.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _load_weights(net: CellClassifier, path: Path) -> None:
    """Fill a network from an earlier run; heads it lacks or has for other types are left as they are."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: no weights of a classifier ({error})") from error
    ours = net.state_dict()
    fitting = {k: v for k, v in state.items() if k in ours and ours[k].shape == v.shape}
    missing = {name.split(".")[0] for name in set(ours) - set(fitting)}
    if not missing <= {"types", "nucleus", "blast_texture"}:
        raise InputError(f"{path}: not the weights of this classifier")
    net.load_state_dict(fitting, strict=False)


def _quicken_batch_norm(net: CellClassifier, momentum: float = 0.05) -> None:
    """Let running statistics follow weights that move as fast as a short schedule moves them."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = momentum


def _scale_drop_connect(net: CellClassifier, rate: float) -> None:
    """Set stochastic depth to grow linearly to ``rate`` at the last block."""
    blocks = [block for stack in net.stacks() for block in stack]
    for position, block in enumerate(blocks):
        block.drop_connect_rate = rate * position / len(blocks)


@torch.no_grad()
def _follow(averaged: CellClassifier, net: CellClassifier, keep: float) -> None:
    """Move the averaged weights and statistics towards the network's."""
    ours, theirs = averaged.state_dict(), net.state_dict()
    floats = [k for k, v in ours.items() if v.is_floating_point()]
    new = [theirs[k].to(ours[k].device) for k in floats]
    torch._foreach_lerp_([ours[k] for k in floats], new, 1.0 - keep)
