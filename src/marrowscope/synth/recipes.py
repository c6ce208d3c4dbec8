"""Recipes for the cells of each type: sizes in µm, nucleus, chromatin, cytoplasm, granules.

Sizes and proportions follow common descriptions of May-Grünwald-Giemsa smears (Bain, *Blood Cells*, 6th ed.)
and were checked against outlines in public single-cell sets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marrowscope.synth.nucleus import Chromatin, NucleusKind
from marrowscope.synth.stain import AZUROPHIL, BASOPHILIA, CHROMATIN, EOSIN, EOSINOPHIL_GRANULE

Range = tuple[float, float]
_NONE: Range = (0.0, 0.0)


@dataclass(frozen=True)
class Granules:
    """Granules: number per µm², width, darkness, dyes, and the share that also lies over the nucleus."""

    per_um2: float
    size_um: float
    amount: float
    dyes: tuple[tuple[int, float], ...]
    over_nucleus: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Recipe for one type; each cell draws its own values from the ranges.

    `blue`, `pink` and `haemoglobin` are the dye amounts of the cytoplasm, `rim` the extra stain at its edge,
    `clearing` the paleness of the zone around the nucleus, and `pressed` the chance that a side is flat.
    """

    diameter_um: Range
    nuclei: tuple[NucleusKind, ...]
    nucleus_share: Range
    chromatin: Chromatin
    blue: Range = _NONE
    pink: Range = _NONE
    haemoglobin: Range = _NONE
    rim: float = 0.15
    clearing: float = 0.0
    granules: tuple[Granules, ...] = ()
    vacuoles: tuple[int, int] = (0, 0)
    roughness: float = 0.03
    elongation: float = 1.15
    pressed: float = 0.15


_NEUTROPHIL_GRANULES = (Granules(3.5, 0.28, 0.20, ((AZUROPHIL, 0.7), (EOSIN, 0.8))),)

RECIPES: dict[str, Recipe] = {
    "blast": Recipe(
        (10.0, 18.0), ("round", "round", "oval", "bean"), (0.68, 0.86),
        Chromatin(0.88, 0.5, 0.13, 0.07, (1, 3), redness=0.5),
        blue=(0.7, 1.3), rim=0.35, clearing=0.15, elongation=1.3, roughness=0.045, pressed=0.35,
    ),
    "promyelocyte": Recipe(
        (15.0, 21.0), ("round", "oval", "bean"), (0.50, 0.68),
        Chromatin(0.82, 0.6, 0.17, 0.10, (0, 2), redness=0.4),
        blue=(0.6, 1.0), rim=0.25, clearing=0.45, elongation=1.3, roughness=0.05, pressed=0.35,
        granules=(Granules(4.5, 0.28, 0.65, ((AZUROPHIL, 0.8), (CHROMATIN, 0.2)), over_nucleus=0.6),),
    ),
    "myelocyte": Recipe(
        (12.0, 18.0), ("round", "oval"), (0.40, 0.66), Chromatin(0.92, 0.6, 0.24, 0.13, redness=0.2),
        blue=(0.25, 0.55), pink=(0.4, 0.9), clearing=0.3, elongation=1.25,
        granules=(Granules(3.0, 0.30, 0.35, ((AZUROPHIL, 0.9), (EOSIN, 0.5)), over_nucleus=0.2),),
    ),
    "metamyelocyte": Recipe(
        (11.5, 16.5), ("bean", "kidney"), (0.40, 0.52), Chromatin(0.98, 0.65, 0.28, 0.13),
        blue=(0.08, 0.3), pink=(0.6, 1.1), granules=_NEUTROPHIL_GRANULES, elongation=1.2,
    ),
    "band_neutrophil": Recipe(
        (11.5, 15.0), ("band",), (0.30, 0.40), Chromatin(1.05, 0.65, 0.26, 0.12),
        blue=(0.02, 0.15), pink=(0.7, 1.2), granules=_NEUTROPHIL_GRANULES,
    ),
    "segmented_neutrophil": Recipe(
        (11.0, 15.0), ("segmented",), (0.28, 0.38), Chromatin(1.10, 0.65, 0.25, 0.11),
        blue=(0.0, 0.12), pink=(0.6, 1.1), granules=_NEUTROPHIL_GRANULES,
    ),
    "eosinophil": Recipe(
        (12.0, 16.5), ("bilobed", "bilobed", "bilobed", "segmented"), (0.30, 0.42),
        Chromatin(0.92, 0.7, 0.25, 0.12), pink=(0.7, 1.2),
        granules=(Granules(4.2, 0.48, 0.38, ((EOSINOPHIL_GRANULE, 1.0),), over_nucleus=0.06),),
    ),
    "basophil": Recipe(
        (10.5, 14.5), ("segmented", "bilobed", "bean"), (0.36, 0.55), Chromatin(0.78, 0.7, 0.18, 0.08),
        blue=(0.05, 0.25), pink=(0.3, 0.7), roughness=0.045,
        granules=(Granules(5.0, 0.42, 0.75, ((CHROMATIN, 0.6), (AZUROPHIL, 0.4)), over_nucleus=0.8),),
    ),
    "monocyte": Recipe(
        (14.0, 20.0), ("kidney", "folded", "bean", "band"), (0.42, 0.58),
        Chromatin(0.85, 0.6, 0.25, 0.12, redness=0.25),
        blue=(0.45, 0.85), pink=(0.1, 0.35), vacuoles=(0, 9), roughness=0.08, elongation=1.3, pressed=0.3,
        granules=(Granules(3.0, 0.22, 0.18, ((AZUROPHIL, 1.0),)),),
    ),
    "lymphocyte": Recipe(
        (8.5, 12.0), ("round", "round", "bean"), (0.64, 0.84), Chromatin(1.12, 0.65, 0.22, 0.09),
        blue=(0.35, 0.8), rim=0.2, clearing=0.3, elongation=1.2, roughness=0.05, pressed=0.25,
    ),
    "erythroblast": Recipe(
        (8.0, 12.5), ("round",), (0.26, 0.46), Chromatin(1.15, 0.8, 0.24, 0.08),
        blue=(0.15, 0.8), pink=(0.1, 0.3), haemoglobin=(0.3, 0.8), clearing=0.2, elongation=1.15,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class BlastLook:
    """Common traits of one patient's blasts, as leukemias differ more between patients than within one."""

    diameter_um: Range
    nucleus_share: Range
    nucleoli: tuple[int, int]
    blue: Range
    fineness: float
    redness: float
    granular: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> BlastLook:
        """Return the blasts of a random leukemia, myeloid or lymphoid."""
        lymphoid = rng.random() < 0.4
        middle = rng.uniform(10.5, 13.0) if lymphoid else rng.uniform(12.5, 16.0)
        share = rng.uniform(0.76, 0.86) if lymphoid else rng.uniform(0.68, 0.82)
        blue = rng.uniform(0.6, 1.3)
        return cls(
            diameter_um=(middle - 2.0, middle + 2.0),
            nucleus_share=(share - 0.07, min(share + 0.06, 0.9)),
            nucleoli=(0, 2) if lymphoid else (1, 3),
            blue=(blue * 0.8, blue * 1.2),
            fineness=rng.uniform(0.05, 0.13),
            redness=rng.uniform(0.2, 0.9),
            granular=0.0 if lymphoid else max(0.0, rng.uniform(-0.6, 0.6)),
        )

    def applied_to(self, recipe: Recipe) -> Recipe:
        """Return the recipe with these traits."""
        granules = (Granules(self.granular, 0.33, 0.6, ((AZUROPHIL, 1.0), (BASOPHILIA, 0.1))),)
        return replace(
            recipe,
            diameter_um=self.diameter_um,
            nucleus_share=self.nucleus_share,
            blue=self.blue,
            chromatin=replace(
                recipe.chromatin, fineness=self.fineness, nucleoli=self.nucleoli, redness=self.redness
            ),
            granules=granules if self.granular > 0.05 else (),
        )
