"""Recipes for stages and types beyond those of the drawn smears: for the atlas, not for training.

Sizes and proportions as in `recipes` (Bain, *Blood Cells*, 6th ed.).
"""

from marrowscope.synth.nucleus import Chromatin
from marrowscope.synth.recipes import Granules, Recipe
from marrowscope.synth.stain import AZUROPHIL, CHROMATIN, EOSIN

_FEW = Granules(0.5, 0.33, 0.6, ((AZUROPHIL, 1.0),))
_DENSE = Granules(6.0, 0.42, 0.9, ((CHROMATIN, 0.5), (AZUROPHIL, 0.5)), over_nucleus=0.05)
_PALE = Granules(3.5, 0.25, 0.22, ((AZUROPHIL, 0.8), (EOSIN, 0.4)))

FINER_RECIPES: dict[str, Recipe] = {
    "myeloblast": Recipe(
        (13.0, 18.0), ("round", "oval"), (0.68, 0.80), Chromatin(0.86, 0.5, 0.11, 0.06, (2, 4), redness=0.55),
        blue=(0.6, 1.0), rim=0.3, granules=(_FEW,), elongation=1.2,
    ),
    "lymphoblast": Recipe(
        (9.5, 13.0), ("round", "bean"), (0.78, 0.88), Chromatin(1.0, 0.6, 0.16, 0.05, (0, 1), redness=0.35),
        blue=(0.5, 0.9), rim=0.3, elongation=1.2,
    ),
    "monoblast": Recipe(
        (15.0, 21.0), ("round", "oval"), (0.55, 0.68), Chromatin(0.82, 0.6, 0.15, 0.12, (1, 2), redness=0.5),
        blue=(0.5, 0.8), vacuoles=(0, 4), elongation=1.2, roughness=0.05,
    ),
    "megakaryoblast": Recipe(
        (12.0, 19.0), ("round", "oval"), (0.62, 0.76), Chromatin(1.05, 0.7, 0.24, 0.07, (0, 1), redness=0.3),
        blue=(0.8, 1.2), rim=0.3, roughness=0.16, elongation=1.25,
    ),
    "promonocyte": Recipe(
        (14.0, 20.0), ("folded", "bean"), (0.52, 0.66),
        Chromatin(0.82, 0.55, 0.16, 0.11, (0, 1), redness=0.45),
        blue=(0.5, 0.85), granules=(_PALE,), roughness=0.06, elongation=1.25,
    ),
    "reactive_lymphocyte": Recipe(
        (13.0, 19.0), ("oval", "bean"), (0.34, 0.48), Chromatin(1.0, 0.8, 0.24, 0.09, redness=0.2),
        blue=(0.5, 0.8), rim=0.9, roughness=0.07, elongation=1.5, pressed=0.9,
    ),
    "plasma_cell": Recipe(
        (12.0, 18.0), ("round",), (0.24, 0.34), Chromatin(1.2, 1.1, 0.42, 0.06),
        blue=(1.1, 1.5), clearing=0.7, elongation=1.45,
    ),
    "proerythroblast": Recipe(
        (15.0, 21.0), ("round",), (0.70, 0.80), Chromatin(0.92, 0.5, 0.13, 0.10, (1, 2), redness=0.45),
        blue=(1.2, 1.6), rim=0.2, elongation=1.1,
    ),
    "basophilic_erythroblast": Recipe(
        (11.5, 15.5), ("round",), (0.56, 0.68), Chromatin(1.02, 0.75, 0.26, 0.08, redness=0.25),
        blue=(1.1, 1.5), elongation=1.1,
    ),
    "polychromatophilic_erythroblast": Recipe(
        (9.0, 12.5), ("round",), (0.40, 0.54), Chromatin(1.18, 0.85, 0.34, 0.06),
        blue=(0.35, 0.6), pink=(0.1, 0.3), haemoglobin=(0.35, 0.6), elongation=1.12,
    ),
    "orthochromic_erythroblast": Recipe(
        (8.0, 10.5), ("round",), (0.22, 0.32), Chromatin(1.45, 0.5, 0.08, 0.04),
        blue=(0.02, 0.12), pink=(0.1, 0.3), haemoglobin=(0.7, 1.0), elongation=1.15,
    ),
    "mast_cell": Recipe(
        (12.0, 17.0), ("round", "oval"), (0.20, 0.28), Chromatin(1.0, 0.7, 0.22, 0.08),
        pink=(0.3, 0.5), granules=(_DENSE,), elongation=1.7, roughness=0.06,
    ),
    "megakaryocyte": Recipe(
        (32.0, 44.0), ("segmented", "folded"), (0.26, 0.36), Chromatin(1.05, 1.2, 0.28, 0.08),
        blue=(0.1, 0.3), pink=(0.5, 0.8), granules=(_PALE,), roughness=0.06, elongation=1.2,
    ),
    "macrophage": Recipe(
        (20.0, 30.0), ("oval", "bean"), (0.12, 0.20), Chromatin(0.8, 0.7, 0.2, 0.1, redness=0.2),
        blue=(0.18, 0.35), pink=(0.05, 0.2), vacuoles=(8, 20), roughness=0.10, elongation=1.5,
    ),
    "osteoblast": Recipe(
        (18.0, 26.0), ("round", "oval"), (0.14, 0.22), Chromatin(0.95, 0.7, 0.2, 0.08, (1, 1)),
        blue=(0.9, 1.2), clearing=0.3, elongation=1.6, roughness=0.06,
    ),
}  # fmt: skip
