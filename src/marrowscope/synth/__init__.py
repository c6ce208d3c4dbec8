"""Synthetic May-Grünwald-Giemsa smears with known truth, for the demonstration, tests and training."""

from marrowscope.synth.cell import CELL_TYPES, NUCLEATED_TYPES, SyntheticCell, draw_cell
from marrowscope.synth.field import HEALTHY_MARROW, SyntheticField, draw_field
from marrowscope.synth.patient import (
    CohortFiles,
    PatientPlan,
    SyntheticPatient,
    demo_plan,
    draw_patient,
    write_cohort,
)
from marrowscope.synth.recipes import BlastLook
from marrowscope.synth.stain import Stain, draw_stain

__all__ = [
    "CELL_TYPES",
    "HEALTHY_MARROW",
    "NUCLEATED_TYPES",
    "BlastLook",
    "CohortFiles",
    "PatientPlan",
    "Stain",
    "SyntheticCell",
    "SyntheticField",
    "SyntheticPatient",
    "demo_plan",
    "draw_cell",
    "draw_field",
    "draw_patient",
    "draw_stain",
    "write_cohort",
]
