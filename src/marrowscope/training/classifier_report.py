"""What a trained classifier's bundle must know: temperatures, thresholds, error counts, figures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from marrowscope.domain.taxonomy import BLAST
from marrowscope.models.nucleus_size import NucleusSizes, size_evidence
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
    """Logits of n cells, `blast` (n,) and `type_logits` (n,K); nucleus in µm, truth and source, each (n,)."""

    blast: npt.NDArray[np.float32]
    type_logits: npt.NDArray[np.float32]
    nucleus_um: npt.NDArray[np.float32]
    is_blast: npt.NDArray[np.bool_]
    types: npt.NDArray[np.int64]
    sources: npt.NDArray[np.str_]


@dataclass(frozen=True)
class _Calibration:
    """How logits become probabilities."""

    types: tuple[str, ...]
    nuclei: NucleusSizes
    type_temperature: float
    blast_temperature: float = 1.0

    def evidence(self, part: Answers) -> npt.NDArray[np.float64]:
        """Return what size adds to the log odds of being a blast, (n,)."""
        likelihood = self.nuclei.log_likelihood(part.nucleus_um, (BLAST, *self.types))
        return size_evidence(likelihood, log_softmax(part.type_logits / self.type_temperature, axis=1))

    def p_blast(self, part: Answers) -> npt.NDArray[np.float64]:
        """Return P(blast), (n,), as inference does."""
        return probability(part.blast, self.blast_temperature, self.evidence(part))

    def named(self, part: Answers) -> npt.NDArray[np.int64]:
        """Return the likeliest type (n,), as inference does."""
        likelihood = self.nuclei.log_likelihood(part.nucleus_um, self.types)
        return np.asarray((part.type_logits / self.type_temperature + likelihood).argmax(axis=1))


def classifier_settings(
    recipe: ClassifierRecipe,
    nuclei: NucleusSizes,
    val: Answers,
    choosing: Answers | None,
    test: Answers | None,
) -> dict[str, Any]:
    """Return the contents of ``classifier.json``.

    Blast temperature and threshold, one number each, are fitted on validation and, where there is one, the
    choosing set, both weighing the same: validation alone, from the laboratories of the training, makes the
    network look surer than it is elsewhere. The type temperature is fitted on validation's typed cells.
    """
    known = [val] if choosing is None else [val, choosing]
    typed = val.types >= 0
    fitted = _Calibration(
        recipe.types, nuclei, fit_type_temperature(val.type_logits[typed], val.types[typed])
    )
    fitted = replace(
        fitted,
        blast_temperature=fit_blast_temperature(
            [(part.blast, fitted.evidence(part), part.is_blast) for part in known]
        ),
    )
    threshold = balanced_threshold([(fitted.p_blast(part), part.is_blast) for part in known])
    parts = {"val": val, "choosing": choosing, "test": test}
    return {
        "input_px": recipe.input_px,
        "context": recipe.context,
        "types": list(recipe.types),
        "nuclei": asdict(nuclei),
        "blast_temperature": fitted.blast_temperature,
        "type_temperature": fitted.type_temperature,
        "blast_threshold": threshold,
        "type_threshold": TYPE_THRESHOLD,
        "figures": {
            name: _figures(part, fitted, threshold) for name, part in parts.items() if part is not None
        },
    }


def summary(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of ``classifier.json`` flat, for one line of a log."""
    flat = {k: settings[k] for k in ("blast_threshold", "blast_temperature", "type_temperature")}
    for part, figures in settings["figures"].items():
        for name in ("blast_auc", "blast_auc_without_size", "type_accuracy", "type_macro_f1"):
            if figures.get(name) is not None:
                flat[f"{part}_{name}"] = figures[name]
        flat[f"{part}_balanced_accuracy"] = figures["blast"]["balanced_accuracy"]
    return flat


def balanced_threshold(sets: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]]) -> float:
    """Choose one threshold for all sets of P(blast) and truth, each weighing the same."""
    candidates = np.linspace(0.02, 0.98, 97)
    curve = np.mean([[blast_counts(p, b, t).balanced_accuracy for t in candidates] for p, b in sets], axis=0)
    return choose_threshold(candidates, curve)


def _figures(part: Answers, fitted: _Calibration, threshold: float) -> dict[str, Any]:
    """Return counts at the threshold, ranking, types, and the blast head source by source."""
    p_blast = fitted.p_blast(part)
    typed = part.types >= 0
    named = fitted.named(part)
    found: dict[str, Any] = {
        "cells": len(p_blast),
        "blast": blast_counts(p_blast, part.is_blast, threshold).as_dict(),
        "blast_auc": round(auc(p_blast, part.is_blast), 4),
        "blast_auc_without_size": round(auc(part.blast, part.is_blast), 4),
        "by_source": {
            str(s): blast_counts(
                p_blast[part.sources == s], part.is_blast[part.sources == s], threshold
            ).as_dict()
            for s in np.unique(part.sources)
        },
    }
    for source in np.unique(part.sources[part.is_blast]):
        rows = part.sources == source
        found[f"blast_auc_{source}"] = round(auc(p_blast[rows], part.is_blast[rows]), 4)
    if typed.any():
        found["type_accuracy"] = round(float((named[typed] == part.types[typed]).mean()), 4)
        found["type_macro_f1"] = round(
            macro_f1(named[typed], part.types[typed], part.type_logits.shape[1]), 4
        )
    return found
