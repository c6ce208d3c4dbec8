"""Error rates as a bundle or a laboratory may know them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowscope.analysis.laboratories import Rates
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import KnownErrors, Laboratory, PatientCells, Validation
from marrowscope.models.bundle import load_bundle
from marrowscope.validations import FOLDER, write_validation

LEFT_OUT = ((0.73, 0.81), (0.80, 0.93), (0.90, 0.95), (0.75, 0.90))


def laboratory(
    name: str, sensitivity: float, specificity: float, cells: int = 1000, patients: int = 20
) -> Laboratory:
    """Return figures of a laboratory of so many blasts and as many others, of patients who are alike."""

    def counts(of: int) -> tuple[int, int, int, int]:
        return of, round(sensitivity * of), of, of - round(specificity * of)

    each = PatientCells(*counts(cells // patients))
    return Laboratory(name, Specimen.MARROW, *counts(cells), by_patient=(each,) * patients)


def exactly(sensitivity: float, specificity: float) -> Rates:
    """Return rates that are known for sure."""
    of_no_spread = np.ones(512)
    chance = (np.arange(512) + 0.5) / 512
    return Rates(sensitivity * of_no_spread, specificity * of_no_spread, 0 * of_no_spread, chance, "a test")


def laboratories(rates: Sequence[tuple[float, float]] = LEFT_OUT) -> tuple[Laboratory, ...]:
    """Return laboratories of these sensitivities and specificities."""
    return tuple(laboratory(f"laboratory {n}", *both) for n, both in enumerate(rates, start=1))


def validation(sensitivity: float = 0.96, specificity: float = 0.96, cells: int = 1000) -> Validation:
    """Return a laboratory's own measurement."""
    figures = laboratory("own", sensitivity, specificity, cells)
    return Validation(figures, "2026-01-05T09:00:00+00:00", "A. Smith", "marrowscope-1 9.9", "ab" * 32)


LIKE_OTHERS = KnownErrors(laboratories())
VALIDATED = KnownErrors(laboratories(), validation())


def settled_by(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let counts be decided by a validation in a folder."""
    monkeypatch.setenv(FOLDER, str(folder))
    write_validation(replace(validation(), bundle_sha256=load_bundle().sha256))
