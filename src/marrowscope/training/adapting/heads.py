"""The heads of a classifier learned anew on features computed once, with earlier knowledge replayed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from marrowscope.models.bundle import ClassifierSettings
from marrowscope.training.calibration import probability

_KEEP = 1.0  # weight of unchanged predictions on replayed features; the new cells weigh one
_PULL = 0.2  # weight of staying near the old heads, in logits per standard deviation of a feature
_FLAT = 1e-6  # deviation below which a feature says nothing
_UNLIKELY = -8.0  # bias with which a new type starts
_ROUNDS = 200  # of the optimiser; it has converged before, as a rule
_ENOUGH = 1e-7  # relative fall of the loss in one of them below which it has

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellFeatures:
    """Features (n,F) of cells; `types` (n,) index, -1 for blasts and where not known."""

    features: Floats
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "CellFeatures":
        """Return the chosen rows."""
        return CellFeatures(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class Heads:
    """Weights on the features (n,F): `blast` (F,), `blast_bias` (), `types` (K,F), `types_bias` (K,)."""

    blast: Floats
    blast_bias: Floats
    types: Floats
    types_bias: Floats

    @classmethod
    def of_layers(cls, layers: "dict[str, tuple[Floats, Floats]]") -> "Heads":
        """Take the heads out of a classifier's linear layers ``blast`` and ``types``."""
        weight, bias = layers["blast"]
        return cls(weight[0], bias[0], *layers["types"])

    def as_layers(self) -> "dict[str, tuple[Floats, Floats]]":
        """Return the heads as the linear layers of a classifier: weight (outputs,F) and bias (outputs,)."""
        return {
            "blast": (self.blast[None], np.reshape(self.blast_bias, 1)),
            "types": (self.types, self.types_bias),
        }

    def logits(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the logits of both heads for features (n,F)."""
        return features @ self.blast + self.blast_bias, features @ self.types.T + self.types_bias

    def widened(self, types: int) -> "Heads":
        """Return heads for more types; the new ones are unlikely everywhere."""
        added = types - len(self.types)
        new = np.zeros((added, self.types.shape[1]), np.float32)
        bias = np.full(added, _UNLIKELY, np.float32)
        return replace(
            self, types=np.concatenate([self.types, new]), types_bias=np.concatenate([self.types_bias, bias])
        )

    def together(self) -> Floats:
        """Return both heads as one matrix (K+1,F+1): the blast's row first, the biases in the last column."""
        weights = np.concatenate([self.blast[None], self.types])
        biases = np.concatenate([np.reshape(self.blast_bias, 1), self.types_bias])
        return np.concatenate([weights, biases[:, None]], axis=1)

    @classmethod
    def apart(cls, matrix: Doubles) -> "Heads":
        """Return the heads of such a matrix."""
        single = np.asarray(matrix, np.float32)
        return cls(single[0, :-1], single[0, -1], single[1:, :-1], single[1:, -1])


class HeadReader:
    """Predictions of heads for features, as in inference.

    Parameters
    ----------
    settings : of the bundle: temperatures stay
    types : names of the types, the bundle's first
    """

    def __init__(self, settings: ClassifierSettings, types: Sequence[str]) -> None:
        self.settings = settings
        self.types = tuple(types)

    def p_blast(self, heads: Heads, cells: CellFeatures) -> npt.NDArray[np.float64]:
        """Return P(blast), (n,)."""
        blast, _ = heads.logits(cells.features)
        return probability(blast, self.settings.blast_temperature)

    def named(self, heads: Heads, cells: CellFeatures) -> npt.NDArray[np.int64]:
        """Return the likeliest type (n,)."""
        _, types = heads.logits(cells.features)
        return np.asarray(types.argmax(axis=1))

    def fitted(self, before: Heads, new: CellFeatures, replay: Floats) -> Heads:
        """Train on new cells with unchanged predictions on replayed features (m,F).

        The loss is convex, so that there is one result, whatever the way there (L-BFGS).
        """
        loss = _Loss(before, new, replay, self.settings)
        found = minimize(
            loss,
            np.zeros(loss.size),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _ROUNDS, "ftol": _ENOUGH},
        )
        return Heads.apart(loss.matrix(found.x))


class _Loss:
    """Loss and gradient of both heads, as one matrix, on new cells and replayed features.

    New cells: cross entropy of both heads. Replayed features: cross entropy to what the heads said before.
    Both heads are pulled to where they were. The loss is a function of the way from there: of what each
    weight moves a calibrated logit by, for a feature one deviation off its mean. So all weights are of one
    size, and the optimiser takes half as many rounds.
    """

    def __init__(
        self, before: Heads, new: CellFeatures, replay: Floats, settings: ClassifierSettings
    ) -> None:
        self._shape = before.together().shape
        self._start = before.together().astype(np.float64)
        self._x = _with_ones(np.concatenate([new.features, replay]))
        self._temperatures = np.full(self._shape[0], settings.type_temperature)
        self._temperatures[0] = settings.blast_temperature
        old_blast, old_types = before.logits(replay)
        old_p = expit(old_blast / settings.blast_temperature)
        old_named = softmax(old_types.astype(np.float64) / settings.type_temperature, axis=1)
        kept = np.full(len(replay), _KEEP / len(replay))
        typed = new.types >= 0
        one_hot = np.zeros((len(new), len(before.types)))
        one_hot[typed, new.types[typed]] = 1.0
        self._blast_target = np.concatenate([new.is_blast, old_p])
        self._blast_weight = np.concatenate([_balanced(new), kept])
        self._type_target = np.concatenate([one_hot, old_named])
        self._type_weight = np.concatenate([typed / max(typed.sum(), 1), kept])
        deviation = np.append(replay.std(axis=0, ddof=1), 1.0)
        self._unit = self._temperatures[:, None] / np.maximum(deviation, _FLAT)
        self._pull = np.full(self._shape[1], _PULL)
        self._pull[-1] = 0.0  # biases are free

    @property
    def size(self) -> int:
        """How many weights there are."""
        return self._start.size

    def matrix(self, way: Doubles) -> Doubles:
        """Return the heads at the end of a way, as `Heads.together` does."""
        return np.asarray(self._start + way.reshape(self._shape) * self._unit)

    def __call__(self, way: Doubles) -> tuple[float, Doubles]:
        """Return loss and gradient at the end of a way (size,)."""
        matrix, off = self.matrix(way), way.reshape(self._shape)
        # In single precision, as the networks compute.
        logits = (self._x @ matrix.astype(np.float32).T).astype(np.float64) / self._temperatures
        blast, types = logits[:, 0], logits[:, 1:]
        log_p = log_softmax(types, axis=1)
        loss = (
            self._blast_weight @ (np.logaddexp(0.0, blast) - self._blast_target * blast)
            - self._type_weight @ (self._type_target * log_p).sum(axis=1)
            + (self._pull * off**2).sum()
        )
        slope = np.empty_like(logits)
        slope[:, 0] = self._blast_weight * (expit(blast) - self._blast_target)
        slope[:, 1:] = self._type_weight[:, None] * (np.exp(log_p) - self._type_target)
        slope /= self._temperatures
        gradient = slope.astype(np.float32).T @ self._x * self._unit + 2 * self._pull * off
        return float(loss), np.asarray(gradient, np.float64).ravel()


def _with_ones(features: Floats) -> Floats:
    return np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)


def _balanced(cells: CellFeatures) -> Doubles:
    """Weigh cells (n,) so that blasts and others weigh one half each; all alike when one kind is missing."""
    blasts = cells.is_blast.sum()
    others = len(cells) - blasts
    if not blasts or not others:
        return np.full(len(cells), 1.0 / len(cells))
    return np.asarray(np.where(cells.is_blast, 0.5 / blasts, 0.5 / others))
