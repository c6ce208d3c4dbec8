"""What a trained classifier's bundle must know: temperatures, thresholds, error rates, figures."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.evaluation.statistics.metrics import area_under_roc, confusion_matrix, macro_f1
from marrowscope.models.bundle import ClassifierSettings
from marrowscope.training.calibration import (
    blast_counts,
    fit_blast_temperature,
    fit_type_temperature,
    probability,
    threshold_for,
    uncertain_range,
)
from marrowscope.training.classifier.net import PIXEL_MEAN, PIXEL_STD
from marrowscope.training.classifier.recipe import ClassifierRecipe
from marrowscope.training.finished_run import NETWORK, FinishedRun
from marrowscope.training.recipe import sets_behind

PREDICTIONS = "predictions.npz"

TYPE_THRESHOLD = 0.5
"""Probability below which a type is not named."""


@dataclass(frozen=True)
class Predictions:
    """Logits of n cells, `blast` (n,) and `type_logits` (n,K), and of each: truth, origin."""

    blast: npt.NDArray[np.float32]
    type_logits: npt.NDArray[np.float32]
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]

    def select(self, rows: npt.NDArray[np.bool_]) -> "Predictions":
        """Return the chosen cells."""
        return Predictions(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True)
class Calibration:
    """How logits become probabilities."""

    types: tuple[str, ...]
    type_temperature: float
    blast_temperature: float = 1.0

    def p_blast(self, part: Predictions) -> npt.NDArray[np.float64]:
        """Return P(blast), (n,), as inference does."""
        return probability(part.blast, self.blast_temperature)

    def named(self, part: Predictions) -> npt.NDArray[np.int64]:
        """Return the likeliest type (n,), as inference does."""
        return np.asarray(part.type_logits.argmax(axis=1))


def calibrated(types: tuple[str, ...], val: Predictions) -> Calibration:
    """Fit both temperatures on validation; that of types on its cells of known type."""
    typed = val.types >= 0
    fitted = Calibration(types, fit_type_temperature(val.type_logits[typed], val.types[typed]))
    blasts = [(part.blast, part.is_blast) for part in by_source(val)]
    return replace(fitted, blast_temperature=fit_blast_temperature(blasts))


def by_source(part: Predictions) -> list[Predictions]:
    """Give the predictions of each source that has both kinds: every laboratory is to weigh the same."""
    sources = [part.sources == source for source in np.unique(part.sources)]
    return [part.select(rows) for rows in sources if 0 < part.is_blast[rows].sum() < rows.sum()]


def classifier_run(
    recipe: ClassifierRecipe,
    fitted: Calibration,
    parts: Mapping[str, Predictions],
    step: int,
    *,
    experimental: tuple[str, ...] = (),
    feature_space: str = "",
) -> FinishedRun[ClassifierSettings]:
    """Return what a run hands to a bundle.

    The blast threshold is chosen on validation, every laboratory weighing the same.

    Parameters
    ----------
    recipe : of the run
    fitted : temperatures
    parts : predictions of ``val`` and, where they were looked at, ``test`` and ``left_out``
    step : training steps behind the weights
    experimental : types taught from one laboratory alone
    feature_space : its file beside the network, if there is one
    """
    sets = [(fitted.p_blast(part), part.is_blast) for part in by_source(parts["val"])]
    threshold = threshold_for(sets)
    settings = ClassifierSettings(
        file=NETWORK,
        architecture=f"efficientnet-{recipe.architecture}",
        input_px=recipe.input_px,
        context=recipe.context,
        mean=PIXEL_MEAN,
        std=PIXEL_STD,
        types=recipe.types,
        blast_threshold=threshold,
        type_threshold=TYPE_THRESHOLD,
        uncertain_blast=uncertain_range(threshold, sets),
        blast_temperature=fitted.blast_temperature,
        type_temperature=fitted.type_temperature,
        experimental=experimental,
        feature_space=feature_space,
    )
    test = parts.get("test")
    counts = None if test is None else blast_counts(fitted.p_blast(test), test.is_blast, threshold)
    return FinishedRun(
        settings,
        sets_behind(recipe),
        step,
        None if counts is None else counts.error_rates("held-out blocks of the training sources"),
        {name: _figures(part, fitted, threshold) for name, part in parts.items()},
    )


def summary(run: FinishedRun[ClassifierSettings]) -> dict[str, Any]:
    """Return the main figures of a run flat, for one line of a log."""
    names = ("blast_threshold", "blast_temperature", "type_temperature")
    flat: dict[str, Any] = {name: getattr(run.settings, name) for name in names}
    for part, figures in run.figures.items():
        for name in ("blast_auc", "type_accuracy", "type_macro_f1"):
            if figures.get(name) is not None:
                flat[f"{part}_{name}"] = figures[name]
        flat[f"{part}_balanced_accuracy"] = figures["blast"]["balanced_accuracy"]
    return flat


def write_predictions(path: Path, fitted: Calibration, parts: Mapping[str, Predictions]) -> None:
    """Write prediction and truth of every cell of every part, to compare runs cell by cell."""
    columns: dict[str, Any] = {}
    for name, part in parts.items():
        columns |= {
            f"{name}_p_blast": fitted.p_blast(part), f"{name}_is_blast": part.is_blast,
            f"{name}_named": fitted.named(part), f"{name}_types": part.types,
            f"{name}_blast_logit": part.blast, f"{name}_sources": part.sources, f"{name}_groups": part.groups,
        }  # fmt: skip
    np.savez_compressed(path, **columns)


def _figures(part: Predictions, fitted: Calibration, threshold: float) -> dict[str, Any]:
    """Return counts at the threshold, ranking, types, and the blast head source by source."""
    p_blast = fitted.p_blast(part)
    typed = part.types >= 0
    named = fitted.named(part)
    found: dict[str, Any] = {
        "cells": len(p_blast),
        "blast": blast_counts(p_blast, part.is_blast, threshold).as_dict(),
        "blast_auc": round(area_under_roc(part.is_blast, p_blast), 4),
        "by_source": {
            str(s): blast_counts(
                p_blast[part.sources == s], part.is_blast[part.sources == s], threshold
            ).as_dict()
            for s in np.unique(part.sources)
        },
    }
    for source in np.unique(part.sources[part.is_blast]):
        rows = part.sources == source
        found[f"blast_auc_{source}"] = round(area_under_roc(part.is_blast[rows], p_blast[rows]), 4)
    if typed.any():
        k = part.type_logits.shape[1]
        found["type_accuracy"] = round(float((named[typed] == part.types[typed]).mean()), 4)
        found["type_macro_f1"] = round(macro_f1(confusion_matrix(part.types[typed], named[typed], k, k)), 4)
    return found
