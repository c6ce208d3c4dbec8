"""How a recipe names the cells of laboratories it was not taught: a network for each laboratory left out.

The figures are those of the procedure that trained a bundle, not of the bundle's own network, which was
taught all of them. `runs/folds.py` trains and writes; this reads, and adds what a further laboratory may see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import BlastKind, Laboratory, PatientCells
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.evaluation.networks.measured import read_measured
from marrowscope.evaluation.statistics.bootstrap import group_bootstrap
from marrowscope.evaluation.statistics.metrics import (
    Bools,
    Floats,
    Integers,
    area_under_roc,
    balanced_accuracy,
    confusion_matrix,
    expected_calibration_error,
    f1_scores,
    reliability,
    share,
)
from marrowscope.models.bundle import Bundle

FEWEST = 20  # cells of a type in the laboratory left out and in those taught, for its F1 to count
FEWEST_OF_A_PATIENT = 40  # counted cells, for a share
FEWEST_PATIENTS = 10
SMALLER_IS_BETTER = frozenset({"smudges_called", "calibration_error", "share_error"})


@dataclass(frozen=True)
class LeftOutCells:
    """Cells of a laboratory and what a network that never saw it says of them, as columns.

    Attributes
    ----------
    laboratory : its name
    is_blast, types : (n,) truth; type index, negative where not known
    p_blast, named : (n,) probability of a blast, and the likeliest other type
    groups : n names of patients or fields
    threshold : probability from which a cell is called a blast
    names : the types
    taught : indices of types of which the network was taught enough
    background_auc : what the background's colour alone reaches, None where it cannot be told
    """

    laboratory: str
    is_blast: Bools
    types: Integers
    p_blast: Floats
    named: Integers
    groups: tuple[str, ...]
    threshold: float
    names: tuple[str, ...]
    taught: frozenset[int]
    background_auc: float | None

    @property
    def called(self) -> Bools:
        """Whether each cell is called a blast."""
        return np.asarray(self.p_blast >= self.threshold)

    @property
    def is_counted(self) -> Bools:
        """Whether each cell belongs to a differential; what is known to be no blast at least does."""
        return np.asarray((self.types < 0) | _counted(self.names)[self.types])

    @property
    def has_both(self) -> bool:
        """Whether the laboratory has blasts and others."""
        return bool(self.is_blast.any() and not self.is_blast.all())


Figure = Callable[[LeftOutCells, Floats], float]


def _auc(read: LeftOutCells, weights: Floats) -> float:
    return area_under_roc(read.is_blast, read.p_blast, weights)


def _balanced(read: LeftOutCells, weights: Floats) -> float:
    return balanced_accuracy(read.is_blast, read.called, weights)


def _sensitivity(read: LeftOutCells, weights: Floats) -> float:
    return share(read.called, read.is_blast, weights)


def _specificity(read: LeftOutCells, weights: Floats) -> float:
    return share(~read.called, ~read.is_blast, weights)


def _types_f1(read: LeftOutCells, weights: Floats) -> float:
    """Mean F1 over the types that both sides know; a cell called a blast is named none of them."""
    k = len(read.names)
    typed = (read.types >= 0) & ~read.is_blast
    named = np.where(read.called, k, read.named)
    matrix = confusion_matrix(read.types[typed], named[typed], k + 1, k + 1, weights[typed])
    here = np.bincount(read.types[typed], minlength=k + 1)
    known = [t for t in sorted(read.taught) if here[t] >= FEWEST]
    return float(np.mean(f1_scores(matrix)[known])) if known else float("nan")


def _smudges(read: LeftOutCells, weights: Floats) -> float:
    index = read.names.index("smudge_cell") if "smudge_cell" in read.names else -2
    return share(read.called, read.types == index, weights)


def _calibration(read: LeftOutCells, _: Floats) -> float:
    return float(expected_calibration_error(reliability(read.is_blast, read.p_blast)))


def _share_error(read: LeftOutCells, _: Floats) -> float:
    errors = share_errors(read)
    return float(np.abs(errors).mean()) if len(errors) >= FEWEST_PATIENTS else float("nan")


def _share_bias(read: LeftOutCells, _: Floats) -> float:
    errors = share_errors(read)
    return float(errors.mean()) if len(errors) >= FEWEST_PATIENTS else float("nan")


FIGURES: Mapping[str, Figure] = {
    "auc": _auc,
    "balanced_accuracy": _balanced,
    "sensitivity": _sensitivity,
    "specificity": _specificity,
    "types_macro_f1": _types_f1,
    "smudges_called": _smudges,
    "calibration_error": _calibration,
    "share_error": _share_error,
    "share_bias": _share_bias,
}
"""Names of the figures: the last two are of patients, in points of the blast share."""


def share_errors(read: LeftOutCells) -> npt.NDArray[np.float64]:
    """Give how many points the share of called blasts is above the true one, patient by patient."""
    counted = _counted(read.names)
    true = read.is_blast | ((read.types >= 0) & counted[read.types])
    read_so = read.called | counted[read.named]
    groups = np.array(read.groups)
    errors = []
    for group in np.unique(groups):
        here = groups == group
        if min((here & true).sum(), (here & read_so).sum()) >= FEWEST_OF_A_PATIENT:
            share_read = read.called[here].sum() / read_so[here].sum()
            errors.append(100 * (share_read - read.is_blast[here].sum() / true[here].sum()))
    return np.array(errors)


def _counted(names: Sequence[str]) -> Bools:
    return np.array([taxonomy()[name].is_counted for name in names])


def figures_of(readings: Sequence[LeftOutCells], groups_are: str = "cells") -> dict[str, Any]:
    """Give one laboratory's figures, JSON values; of each patient, too, where the groups are patients.

    Means over the readings, one for each seed; intervals (95 %, over patients or fields) and counts are of
    the first of them.
    """
    first = readings[0]
    kept = first.is_counted & ~first.is_blast
    figures = {
        name: _with_interval(figure, readings)
        for name, figure in FIGURES.items()
        if first.has_both or name == "types_macro_f1"
    }
    return {
        **{name: one for name, one in figures.items() if one["value"] is not None},
        "background_auc": first.background_auc,
        "blasts": int(first.is_blast.sum()),
        "blasts_called": int((first.is_blast & first.called).sum()),
        "others": int(kept.sum()),
        "others_called": int((kept & first.called).sum()),
        "groups": len(set(first.groups)),
        **({"by_patient": _by_patient(first, kept)} if groups_are == "patients" else {}),
    }


def _by_patient(read: LeftOutCells, others: Bools) -> list[list[int]]:
    """Give blasts, blasts called, others and others called of every patient."""
    _, row = np.unique(np.array(read.groups), return_inverse=True)
    kinds = (read.is_blast, read.is_blast & read.called, others, others & read.called)
    counts: list[list[int]] = (
        np.stack([np.bincount(row, kind) for kind in kinds], axis=1).astype(int).tolist()
    )
    return counts


def _with_interval(figure: Figure, readings: Sequence[LeftOutCells]) -> dict[str, Any]:
    values = [figure(read, np.ones(len(read.is_blast))) for read in readings]
    if np.isnan(np.mean(values)):
        return {"value": None}
    estimate = group_bootstrap(lambda weights: figure(readings[0], weights), readings[0].groups)
    interval = [round(bound, 4) for bound in estimate.to_json() or []] or None
    seeds = [round(value, 4) for value in values]
    return {"value": round(float(np.mean(values)), 4), "seeds": seeds, "interval": interval}


@dataclass(frozen=True)
class LeftOutResult:
    """Figures of laboratories left out.

    Attributes
    ----------
    laboratories : fold → its laboratory's name, specimen, kind of blasts, and what `figures_of` gives
    apart : names of those whose cells are not photographs; they enter neither mean nor worst
    recipes : number of recipes that were compared before this one was chosen
    steps : of each network
    """

    laboratories: Mapping[str, Mapping[str, Any]]
    apart: tuple[str, ...]
    recipes: int
    steps: int

    def values(self, name: str) -> list[float]:
        """Give a figure of every laboratory that has it and is not apart."""
        found = [figures.get(name) for figures in self._photographed()]
        return [float(one["value"]) for one in found if one is not None]

    def rates(self) -> tuple[Laboratory, ...]:
        """Give the rates that counts of a further laboratory are corrected by."""
        return tuple(
            Laboratory(
                name=one["name"],
                specimen=Specimen(one["specimen"]),
                **{name: one[name] for name in ("blasts", "blasts_called", "others", "others_called")},
                by_patient=tuple(PatientCells(*counts) for counts in one.get("by_patient", ())),
            )
            for one in self._photographed()
        )

    def blast_kinds(self) -> tuple[BlastKind, ...]:
        """Give the kinds of blasts tested, from laboratories whose blasts are all of one kind."""
        found: dict[str, BlastKind] = {}
        for one in self._photographed():
            if (kind := one.get("blast_kind")) is not None:
                so_far = found.get(kind, BlastKind(kind, 0, 0))
                found[kind] = BlastKind(
                    kind, so_far.cells + one["blasts"], so_far.called + one["blasts_called"]
                )
        return tuple(found.values())

    def _photographed(self) -> list[Mapping[str, Any]]:
        return [figures for lab, figures in self.laboratories.items() if lab not in self.apart]

    def to_json(self) -> dict[str, Any]:
        """Give all figures, their means, the worst, and the range for a further laboratory."""
        names = [name for name in FIGURES if self.values(name)]
        pick = {name: max if name in SMALLER_IS_BETTER else min for name in names}
        return {
            "laboratories": {name: dict(figures) for name, figures in self.laboratories.items()},
            "apart": list(self.apart),
            "recipes": self.recipes,
            "steps": self.steps,
            "mean": {name: round(float(np.mean(self.values(name))), 4) for name in names},
            "worst": {name: pick[name](self.values(name)) for name in names},
            "further": {name: further(self.values(name)) for name in ("auc", "sensitivity", "specificity")},
        }


def further(shares: Sequence[float]) -> list[float] | None:
    """Return the 95 % prediction interval of a share in one more laboratory, None for fewer than three.

    Student's t on the log odds of the laboratories measured, each weighing the same (Higgins, Thompson and
    Spiegelhalter 2009, with the spread between laboratories taken to exceed that of their own figures).
    """
    if len(shares) < 3:
        return None
    odds = special.logit(np.clip(shares, 0.001, 0.999))
    reach = stats.t.ppf(0.975, len(odds) - 1) * odds.std(ddof=1) * np.sqrt(1 + 1 / len(odds))
    return [round(float(bound), 4) for bound in special.expit([odds.mean() - reach, odds.mean() + reach])]


@dataclass(frozen=True)
class LeftOutTest:
    """Where the measurement lies.

    Attributes
    ----------
    data : the data root
    file : written by `runs/folds.py`
    """

    data: Path
    file: Path

    def measure(self, bundle: Bundle, threads: int = 1) -> LeftOutResult:  # noqa: ARG002 - as its siblings
        """Read the measurement. Raises DatasetError where it cannot be read."""
        return read_left_out(self.file)


def read_left_out(path: Path) -> LeftOutResult:
    """Read a measurement. Raises DatasetError where it cannot be read."""
    return read_measured(path, _of, "no figures of laboratories left out; `runs/folds.py` writes them")


def _of(document: dict[str, Any]) -> LeftOutResult:
    return LeftOutResult(
        document["laboratories"], tuple(document["apart"]), document["recipes"], document["steps"]
    )
