"""How much networks gain from a few labelled cells of a new source; measured by `runs/adapting.py`.

The measurement trains; here its result is read. The networks are those of a laboratory
left out: those of the bundle were taught it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from marrowscope.domain.rates import ErrorRates
from marrowscope.evaluation.networks.measured import read_measured
from marrowscope.models.bundle import Bundle


@dataclass(frozen=True)
class AdaptingResult:
    """Blast or not on cells of the source that were not learned from, before and after adapting.

    Attributes
    ----------
    cells_per_kind : at most so many cells of each kind were shown
    learned : cells shown in each round, per kind; the cells of the other rounds were tested
    before, after : counts over all rounds, each at its own bundle's threshold
    auc_before, auc_after : mean over the rounds: what adapting brings whatever the threshold
    """

    cells_per_kind: int
    learned: tuple[Mapping[str, int], ...]
    before: ErrorRates
    after: ErrorRates
    auc_before: float
    auc_after: float

    @property
    def gained_of_missing(self) -> float | None:
        """Rise of the balanced accuracy as a share of what was missing to 1; None where nothing was."""
        before, after = balanced_accuracy_of(self.before), balanced_accuracy_of(self.after)
        return (after - before) / (1 - before) if before < 1 else None

    def to_json(self) -> dict[str, object]:
        """Give the figures by name."""
        return {
            "gained_of_missing": self.gained_of_missing,
            "balanced_accuracy_before": balanced_accuracy_of(self.before),
            "balanced_accuracy_after": balanced_accuracy_of(self.after),
            "auc_before": self.auc_before,
            "auc_after": self.auc_after,
            "cells_per_kind": self.cells_per_kind,
            "learned": [dict(kinds) for kinds in self.learned],
            "before": asdict(self.before),
            "after": asdict(self.after),
        }


@dataclass(frozen=True)
class AdaptingTest:
    """Where the measurement lies.

    Attributes
    ----------
    data : the new source
    file : written by `write_measured`
    """

    data: Path
    file: Path

    def measure(self, bundle: Bundle, threads: int = 1) -> AdaptingResult:  # noqa: ARG002 - as its siblings
        """Read the measurement. Raises DatasetError where it cannot be read."""
        return read_adapting(self.file)


def balanced_accuracy_of(rates: ErrorRates) -> float:
    """Mean of sensitivity and specificity; both kinds must have been seen."""
    return (rates.blasts_called / rates.blasts_seen + rates.others_cleared / rates.others_seen) / 2


def read_adapting(path: Path) -> AdaptingResult:
    """Read a measurement. Raises DatasetError where it cannot be read."""
    return read_measured(path, _of, "no measurement of adapting; `runs/adapting.py` writes one")


def _of(document: dict[str, Any]) -> AdaptingResult:
    return AdaptingResult(
        document["cells_per_kind"],
        tuple(document["learned"]),
        ErrorRates(**document["before"]),
        ErrorRates(**document["after"]),
        document["auc_before"],
        document["auc_after"],
    )
