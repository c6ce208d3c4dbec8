"""The training loop of both networks: schedule, averaged weights, cadences, checkpoints, resume.

A network's own module brings a `Trainee`: how a batch is drawn, what its loss is, how it is evaluated. A
resumed run draws, learns and averages as the undisturbed one does: the checkpoint holds the state of every
generator.
"""

import copy
import json
import math
import os
import pickle
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from marrowscope.datasets.known_sets import known_sets
from marrowscope.errors import InputError
from marrowscope.models.memory import keep_memory
from marrowscope.training.device import training_device
from marrowscope.training.recipe import TrainingRecipe
from marrowscope.training.run_log import RunLog

CHECKPOINT = "checkpoint.pt"
LOGGED_EVERY = 20  # steps

Net = TypeVar("Net", bound=nn.Module)
Batch = TypeVar("Batch")


class Terms(Protocol):
    """The terms of a loss."""

    @property
    def total(self) -> Tensor:
        """What is minimised."""

    def numbers(self) -> dict[str, float]:
        """Give the terms for a record, ``loss`` the total."""


def quickly_at_first(average: float, step: int) -> float:
    """Give the share of the averaged weights kept at a step: the mean of the first ones, then `average`."""
    return min(average, (1 + step) / (10 + step))


def smoothly_rising(average: float, step: int) -> float:
    """Give the share of the averaged weights kept at a step: rising to `average` in some hundred steps."""
    return average * (1.0 - math.exp(-step / 100.0))


@dataclass(frozen=True)
class LoopRules:
    """In what the training of the two networks differs.

    Attributes
    ----------
    clipped_norm : largest norm of a step's gradient
    kept : share of the averaged weights kept, of the recipe's `average` and the step: early weights are far
        from where a run ends
    cosine_end : factor of the learning rate at which the cosine ends
    least_factor : below which no factor falls
    """

    clipped_norm: float
    kept: Callable[[float, int], float]
    cosine_end: float = 0.0
    least_factor: float = 0.0


class Trainee(ABC, Generic[Net, Batch]):
    """What a network brings to the loop."""

    rules: ClassVar[LoopRules]

    @abstractmethod
    def optimiser(self, network: Net) -> torch.optim.Optimizer:
        """Make the optimiser; every group of its parameters has a ``peak`` learning rate."""

    @abstractmethod
    def draw(self, step: int) -> Batch:
        """Draw the batch of a step; called in a second thread, one step ahead, in the order of the steps."""

    @abstractmethod
    def loss(self, network: Net, batch: Batch) -> Terms:
        """Run a batch through the network in training."""

    @abstractmethod
    def evaluate(self, averaged: Net, step: int, *, final: bool) -> dict[str, Any]:
        """Measure the averaged weights and write what is kept of them; give figures for the log."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Give what a resumed run must know besides, as JSON values."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""


@dataclass(frozen=True)
class Schedule:
    """How far a run is, and the learning rate there: a linear warm-up, then half a cosine."""

    steps: int
    minutes: float | None
    warm_up: int
    rules: LoopRules

    def done(self, step: int, seconds: float) -> float:
        """Give the share of the run behind us, by steps or by time, whichever is further."""
        by_steps = step / self.steps if self.steps else 1.0
        return by_steps if self.minutes is None else max(by_steps, seconds / 60 / self.minutes)

    def factor(self, step: int, done: float) -> float:
        """Give the factor of the peak learning rate for the step after `step` others."""
        warm = min(1.0, (step + 1) / max(1, self.warm_up))
        end = self.rules.cosine_end
        falling = end + (1 - end) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return max(warm * falling, self.rules.least_factor)


class Clock:
    """Seconds spent training, over restarts."""

    def __init__(self, before: float = 0.0) -> None:
        self._started = time.monotonic() - before

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._started


@dataclass(frozen=True)
class Checkpoint:
    """A run as it was left; `tensors` of networks, optimiser and generators."""

    path: Path
    step: int
    seconds: float
    recipe: dict[str, Any]
    trainee: dict[str, Any]
    tensors: dict[str, Any]

    def write(self) -> None:
        """Write it; a run that is killed while writing leaves the previous one whole."""
        texts = {"recipe": json.dumps(self.recipe), "trainee": json.dumps(self.trainee)}
        content = {"step": self.step, "seconds": self.seconds, **texts, "tensors": self.tensors}
        partial = self.path.with_name(self.path.name + ".partial")
        torch.save(content, partial)
        partial.replace(self.path)

    @classmethod
    def read(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint. Raises InputError where there is none, or none that can be read."""
        if not path.is_file():
            raise InputError(f"{path.parent}: no checkpoint to resume from")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            texts = (json.loads(content["recipe"]), json.loads(content["trainee"]))
            return cls(path, int(content["step"]), float(content["seconds"]), *texts, content["tensors"])
        except (
            OSError,
            RuntimeError,
            EOFError,
            pickle.UnpicklingError,
            KeyError,
            TypeError,
            ValueError,
        ) as e:
            raise InputError(f"{path}: damaged, or not a checkpoint of this version; start anew") from e


def open_run(recipe: TrainingRecipe, out: Path, *, resume: bool) -> Checkpoint | None:
    """Prepare the process and the folder of a run; give the checkpoint it is resumed from.

    Raises
    ------
    InputError
        There is no checkpoint to resume from, or its run had other settings; or a set may not be trained on.
    """
    _refuse_forbidden(recipe)
    checkpoint = Checkpoint.read(out / CHECKPOINT) if resume else None
    if checkpoint is not None:
        differing = recipe.differences(checkpoint.recipe)
        if differing:
            raise InputError(f"{out}: cannot resume, its run had other settings: {', '.join(differing)}")
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A step frees and fetches hundreds of megabytes. EfficientNet-B3, 128 px, batch 16, on a processor:
    # 1.68 s a step instead of 1.96.
    keep_memory(most=2**31 - 1, pad=64 << 20)
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    return checkpoint


def _refuse_forbidden(recipe: TrainingRecipe) -> None:
    for name in recipe.source_ids():
        known = known_sets().get(name)
        if known is not None and known.use and "train" not in known.use:
            raise InputError(f"{name} may not be trained on ({known.licence}): {known.note}")


class TrainingLoop(Generic[Net, Batch]):
    """One run.

    Parameters
    ----------
    recipe : of the run
    network : as it starts; it is moved to the training device, where its optimiser is made
    trainee : what the network brings
    log : of the run
    resumed : the checkpoint the run continues from
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        network: Net,
        trainee: Trainee[Net, Batch],
        log: RunLog,
        resumed: Checkpoint | None = None,
    ) -> None:
        self.recipe, self.trainee, self.rules, self.log = recipe, trainee, trainee.rules, log
        self.schedule = Schedule(recipe.steps, recipe.minutes, recipe.warm_up, self.rules)
        self.averaged = copy.deepcopy(network).eval()  # stays on the processor
        self.network = network.to(training_device())
        self.optimiser = trainee.optimiser(self.network)
        self.step = 0
        if resumed is not None:
            self._restore(resumed)
        else:
            log.start_anew()
        self.clock = Clock(resumed.seconds if resumed is not None else 0.0)

    def run(self) -> None:
        """Take steps until the schedule ends; evaluate and write checkpoints on the way and at the end."""
        evaluated = checkpointed = self.clock.seconds
        if self._is_running():
            for batch in prefetched(self.trainee.draw, self.step, self.recipe.steps):
                record = self._learn(batch)
                if self.step % LOGGED_EVERY == 0:
                    self._write(record)
                if not self._is_running():
                    break
                if self._is_evaluation_due(evaluated):
                    self._write(self.trainee.evaluate(self.averaged, self.step, final=False))
                    evaluated = self.clock.seconds
                if self.clock.seconds - checkpointed > 60 * self.recipe.checkpoint_minutes:
                    self._checkpoint()
                    checkpointed = self.clock.seconds
        self._checkpoint()
        self._write(self.trainee.evaluate(self.averaged, self.step, final=True))
        self.log.draw()

    def _is_running(self) -> bool:
        return self.schedule.done(self.step, self.clock.seconds) < 1.0

    def _is_evaluation_due(self, last: float) -> bool:
        steps, minutes = self.recipe.evaluate_steps, self.recipe.evaluate_minutes
        by_steps = steps is not None and self.step % steps == 0
        return by_steps or (minutes is not None and self.clock.seconds - last > 60 * minutes)

    def _learn(self, batch: Batch) -> dict[str, float]:
        """Take one step on a batch, follow with the averaged weights; give a record of it."""
        factor = self.schedule.factor(self.step, self.schedule.done(self.step, self.clock.seconds))
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        self.network.train()
        terms = self.trainee.loss(self.network, batch)
        descend(self.network, self.optimiser, terms.total, self.rules.clipped_norm)
        self.step += 1
        follow(self.averaged, self.network, self.rules.kept(self.recipe.average, self.step))
        numbers = {name: round(value, 4) for name, value in terms.numbers().items()}
        return {**numbers, "learning_rate": self.optimiser.param_groups[0]["lr"]}

    def _write(self, record: dict[str, Any]) -> None:
        self.log.write({"step": self.step, "seconds": round(self.clock.seconds, 1), **record})

    def _checkpoint(self) -> None:
        tensors: dict[str, Any] = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generators": _generators(),
        }
        path, plain = self.log.folder / CHECKPOINT, self.recipe.plain()
        Checkpoint(path, self.step, self.clock.seconds, plain, self.trainee.state(), tensors).write()

    def _restore(self, resumed: Checkpoint) -> None:
        """Take up networks, optimiser and generators; the optimiser's state goes where its network is."""
        tensors = resumed.tensors
        try:
            self.network.load_state_dict(tensors["network"])
            self.averaged.load_state_dict(tensors["averaged"])
            self.optimiser.load_state_dict(tensors["optimiser"])
            self.trainee.restore(resumed.trainee)
            _set_generators(tensors["generators"])
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{resumed.path}: not a checkpoint of this network") from error
        self.step = resumed.step
        self.log.forget_after(self.step)


def descend(network: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor, clipped_norm: float) -> None:
    """Take one step of gradient descent, the gradient's norm clipped."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call] # torch gives it no types
    torch.nn.utils.clip_grad_norm_(network.parameters(), clipped_norm)
    optimiser.step()


@torch.no_grad()
def follow(averaged: nn.Module, network: nn.Module, kept: float) -> None:
    """Move averaged weights and batch-norm statistics towards the network's, wherever either lies.

    An exponential moving average: `kept` of the old, the rest of the new; counters are copied.
    """
    ours, theirs = averaged.state_dict(), network.state_dict()
    floats = [name for name, value in ours.items() if value.is_floating_point()]
    new = [theirs[name].to(ours[name].device) for name in floats]
    torch._foreach_lerp_([ours[name] for name in floats], new, 1.0 - kept)
    for name in ours.keys() - set(floats):
        ours[name].copy_(theirs[name])


def prefetched(draw: Callable[[int], Batch], first: int, last: int) -> Iterator[Batch]:
    """Give the batches of the steps first..last-1; a second thread draws the next while one is learned."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        waiting = executor.submit(draw, first)
        for step in range(first, last):
            batch = waiting.result()
            if step + 1 < last:
                waiting = executor.submit(draw, step + 1)
            yield batch


def _generators() -> dict[str, Tensor]:
    """Give the state of torch's generators: dropout and style mixing draw from them."""
    states = {"cpu": torch.get_rng_state()}
    return states | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def _set_generators(states: dict[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
