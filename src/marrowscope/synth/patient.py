"""Synthetic patients and cohorts, in memory or as files, with their truth."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from marrowscope.errors import InputError
from marrowscope.imaging.files.pixel_size import dots_per_inch
from marrowscope.synth.field import HEALTHY_MARROW, SyntheticField, draw_field
from marrowscope.synth.recipes import BlastLook
from marrowscope.synth.stain import draw_stain

LEUKEMIA_OVER_PERCENT = 20.0

ImageFormat = Literal["jpg", "png"]


@dataclass(frozen=True)
class PatientPlan:
    """Plan of a patient: `blast_share` (0-1) of `cells` nucleated cells on `fields` fields."""

    name: str
    blast_share: float
    cells: int = 360  # about a quarter of them are cut by a field's edge and not counted
    fields: int = 8


@dataclass(frozen=True, eq=False)
class SyntheticPatient:
    """A patient's fields; `blast_percent` (0-100) is exact for the cells drawn."""

    fields: tuple[SyntheticField, ...]
    blast_percent: float
    cells: int

    @property
    def truth(self) -> Literal["leukemia", "healthy"]:
        """Leukemia if more than 20 % of the cells are blasts."""
        return "leukemia" if self.blast_percent > LEUKEMIA_OVER_PERCENT else "healthy"


@dataclass(frozen=True)
class CohortFiles:
    """Paths of a written cohort."""

    root: Path
    truth: Path
    truth_cells: Path
    patients: tuple[str, ...]


def draw_patient(
    seed: int | Sequence[int],
    *,
    blast_share: float,
    cells: int = 360,
    fields: int = 8,
    width: int = 1280,
    height: int = 960,
    mpp: float = 0.10,
) -> SyntheticPatient:
    """Return a patient whose fields share the stain of one slide and the blasts of one leukemia.

    `round(blast_share * cells)` cells are blasts; the others are a mixture as in healthy marrow.

    Raises
    ------
    InputError
        The share is outside 0-1, there are no cells or fields, or the cells do not fit into the fields.
    """
    if not 0.0 <= blast_share <= 1.0:
        raise InputError(f"blast share {blast_share} is outside 0-1")
    if cells < 1 or fields < 1:
        raise InputError("a patient needs at least one cell and one field")
    rng = np.random.default_rng(seed)
    stain, look = draw_stain(rng), BlastLook.draw(rng)
    blasts = round(blast_share * cells)
    types = ["blast"] * blasts + _other_types(rng, cells - blasts)
    order = rng.permutation(cells)
    drawn = tuple(
        draw_field(
            int(rng.integers(2**62)),
            width=width,
            height=height,
            mpp=mpp,
            cell_types=[types[index] for index in part],
            crowding=float(rng.uniform(0.2, 0.8)),
            red_cells=float(rng.uniform(0.35, 0.6)),
            stain=stain,
            blast_look=look,
        )
        for part in np.array_split(order, fields)
    )
    return SyntheticPatient(fields=drawn, blast_percent=100.0 * blasts / cells, cells=cells)


def demo_plan(seed: int = 0) -> tuple[PatientPlan, ...]:
    """Return the nine patients of the demonstration, five with leukemia and four without, in random order."""
    shares = (0.01, 0.03, 0.08, 0.14, 0.26, 0.35, 0.48, 0.70, 0.90)
    order = np.random.default_rng(seed).permutation(len(shares))
    return tuple(
        PatientPlan(name=f"patient_{number:02d}", blast_share=shares[index])
        for number, index in enumerate(order, start=1)
    )


def write_cohort(
    out: Path, *, seed: int, patients: Sequence[PatientPlan], image_format: ImageFormat = "jpg"
) -> CohortFiles:
    """Draw patients, and write `<out>/<patient>/field_01.jpg` ..., `truth.csv` and `truth_cells.csv`.

    `truth.csv` has a row per patient: `patient, truth, blast_percent, cells`. `truth_cells.csv` has a row per
    cell: `patient, field, x0, y0, x1, y1, cell_type`, with the box in px of the field.

    Raises
    ------
    InputError
        Two patients have the same name, or a plan cannot be drawn.
    """
    names = [plan.name for plan in patients]
    if len(set(names)) < len(names):
        raise InputError("two synthetic patients have the same name")
    out.mkdir(parents=True, exist_ok=True)
    files = CohortFiles(out, out / "truth.csv", out / "truth_cells.csv", tuple(names))
    with (
        files.truth.open("w", encoding="utf-8", newline="") as truth,
        files.truth_cells.open("w", encoding="utf-8", newline="") as truth_cells,
    ):
        rows, cell_rows = csv.writer(truth), csv.writer(truth_cells)
        rows.writerow(["patient", "truth", "blast_percent", "cells"])
        cell_rows.writerow(["patient", "field", "x0", "y0", "x1", "y1", "cell_type"])
        for number, plan in enumerate(patients):
            patient = draw_patient(
                [seed, number], blast_share=plan.blast_share, cells=plan.cells, fields=plan.fields
            )
            rows.writerow([plan.name, patient.truth, f"{patient.blast_percent:.2f}", patient.cells])
            for index, field in enumerate(patient.fields, start=1):
                name = f"field_{index:02d}.{image_format}"
                _write_image(out / plan.name / name, field)
                cell_rows.writerows(_cell_rows(plan.name, name, field))
    return files


def _cell_rows(patient: str, name: str, field: SyntheticField) -> list[list[str]]:
    return [
        [patient, name, *(f"{value:.1f}" for value in box), cell_type]
        for box, cell_type in zip(field.boxes, field.cell_types, strict=True)
    ]


def _write_image(path: Path, field: SyntheticField) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(field.pixels)
    if path.suffix == ".jpg":
        image.save(path, quality=95, subsampling=0)
    else:
        image.save(path, dpi=dots_per_inch(field.mpp))


def _other_types(rng: np.random.Generator, count: int) -> list[str]:
    names = sorted(HEALTHY_MARROW)
    shares = np.array([HEALTHY_MARROW[name] for name in names])
    return [names[index] for index in rng.choice(len(names), count, p=shares / shares.sum())]
