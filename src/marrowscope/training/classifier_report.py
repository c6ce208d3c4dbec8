"""What a trained classifier's bundle must know: temperatures, thresholds, error counts, figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from marrowscope.training.classifier_figures import (
    auc,
    blast_counts,
    choose_threshold,
    fit_blast_temperature,
    fit_type_temperature,
    macro_f1,
    probability,
)
from marrowscope.training.classifier_recipe import ClassifierRecipe

TYPE_THRESHOLD = 0.5
"""Probability below which a type is not named."""


@dataclass(frozen=True)
class Answers:
    """Logits of n cells, `blast` (n,) and `type_logits` (n,K), beside truth and source, each (n,)."""

    blast: npt.NDArray[np.float32]
    type_logits: npt.NDArray[np.float32]
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]


def classifier_settings(
    recipe: ClassifierRecipe, val: Answers, choosing: Answers | None, test: Answers | None
) -> dict[str, Any]:
    """Return the contents of ``classifier.json``.

    Blast temperature and threshold, one number each, are fitted on validation and, where there is one, the
    choosing set, both weighing the same: validation alone, from the laboratories of the training, makes the
    network look surer than it is elsewhere. The type temperature is fitted on validation's typed cells.
    """
    known = [val] if choosing is None else [val, choosing]
    blast_temperature = fit_blast_temperature([(part.blast, part.is_blast) for part in known])
    typed = val.types >= 0
    type_temperature = fit_type_temperature(val.type_logits[typed], val.types[typed])
    threshold = _threshold(known, blast_temperature)
    parts = {"val": val, "choosing": choosing, "test": test}
    return {
        "input_px": recipe.input_px,
        "context": recipe.context,
        "types": list(recipe.types),
        "blast_temperature": blast_temperature,
        "type_temperature": type_temperature,
        "blast_threshold": threshold,
        "type_threshold": TYPE_THRESHOLD,
        "figures": {
            name: _figures(part, blast_temperature, threshold)
            for name, part in parts.items()
            if part is not None
        },
    }


def summary(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of ``classifier.json`` flat, for one line of a log."""
    flat = {k: settings[k] for k in ("blast_threshold", "blast_temperature", "type_temperature")}
    for part, figures in settings["figures"].items():
        for name in ("blast_auc", "type_accuracy", "type_macro_f1"):
            if figures.get(name) is not None:
                flat[f"{part}_{name}"] = figures[name]
        flat[f"{part}_balanced_accuracy"] = figures["blast"]["balanced_accuracy"]
    return flat


def _threshold(known: Sequence[Answers], temperature: float) -> float:
    """Choose one threshold for all sets, each weighing the same."""
    candidates = np.linspace(0.02, 0.98, 97)
    sets = [(probability(part.blast, temperature), part.is_blast) for part in known]
    curve = np.mean([[blast_counts(p, b, t).balanced_accuracy for t in candidates] for p, b in sets], axis=0)
    return choose_threshold(candidates, curve)


def _figures(part: Answers, temperature: float, threshold: float) -> dict[str, Any]:
    """Return counts at the threshold, ranking, types, and the blast head source by source."""
    p_blast = probability(part.blast, temperature)
    typed = part.types >= 0
    named = part.type_logits.argmax(axis=1)
    found: dict[str, Any] = {
        "cells": len(p_blast),
        "blast": blast_counts(p_blast, part.is_blast, threshold).as_dict(),
        "blast_auc": round(auc(part.blast, part.is_blast), 4),
        "by_source": {
            str(s): blast_counts(
                p_blast[part.sources == s], part.is_blast[part.sources == s], threshold
            ).as_dict()
            for s in np.unique(part.sources)
        },
    }
    for source in np.unique(part.sources[part.is_blast]):
        rows = part.sources == source
        found[f"blast_auc_{source}"] = round(auc(part.blast[rows], part.is_blast[rows]), 4)
    if typed.any():
        found["type_accuracy"] = round(float((named[typed] == part.types[typed]).mean()), 4)
        found["type_macro_f1"] = round(
            macro_f1(named[typed], part.types[typed], part.type_logits.shape[1]), 4
        )
    return found
