"""How labels of public sets are read: one spelling for each."""

import re
from collections.abc import Callable
from functools import cache

from marrowscope.domain.taxonomy import UNCLASSIFIED, taxonomy

LEUKOCYTE = "leukocyte"
"""Label of a leukocyte of any type."""

NOT_BLAST = "leukocyte_not_blast"
"""Label of a leukocyte that is no blast, of unknown type."""

# Spellings met in public sets, lower case, without separators -> the taxonomy's.
_LABELS = {
    "wbc": "leukocyte",
    "whitebloodcell": "leukocyte",
    "whitebloodcells": "leukocyte",
    "leukocyte": "leukocyte",
    "leukocytes": "leukocyte",
    "leucocyte": "leukocyte",
    "rbc": "red_cell",
    "redbloodcell": "red_cell",
    "redbloodcells": "red_cell",
    "redcell": "red_cell",
    "erythrocyte": "red_cell",
    "platelet": "platelet",
    "platelets": "platelet",
    "thrombocyte": "platelet",
    "giantthrombocyte": "platelet",
    "giantplatelet": "platelet",
    "thrombocyteaggregation": "platelet",
    "plateletclump": "platelet",
    "leukocytenotblast": "leukocyte_not_blast",
    "band": "band_neutrophil",
    "bandcell": "band_neutrophil",
    "bandform": "band_neutrophil",
    "bandgranulocyte": "band_neutrophil",
    "neutrophilband": "band_neutrophil",
    "stabcell": "band_neutrophil",
    "segmented": "segmented_neutrophil",
    "segmentedgranulocyte": "segmented_neutrophil",
    "neutrophilsegmented": "segmented_neutrophil",
    "neutrophilicpromyelocyte": "promyelocyte",
    "neutrophilicmyelocyte": "myelocyte",
    "neutrophilicmetamyelocyte": "metamyelocyte",
    "normoblast": "erythroblast",
    "nrbc": "erythroblast",
    "pronormoblast": "proerythroblast",
    "basophilicnormoblast": "basophilic_erythroblast",
    "normoblastbasophilic": "basophilic_erythroblast",
    "erythroblastbasophilic": "basophilic_erythroblast",
    "polychromaticnormoblast": "polychromatophilic_erythroblast",
    "polychromaticerythroblast": "polychromatophilic_erythroblast",
    "polychromatophilicnormoblast": "polychromatophilic_erythroblast",
    "normoblastpolychromatic": "polychromatophilic_erythroblast",
    "orthochromaticnormoblast": "orthochromic_erythroblast",
    "orthochromicnormoblast": "orthochromic_erythroblast",
    "orthochromaticerythroblast": "orthochromic_erythroblast",
    "smudge": "smudge_cell",
    "lymphocytevariant": "reactive_lymphocyte",
    "variantlymphocyte": "reactive_lymphocyte",
    "atypicallymphocyte": "reactive_lymphocyte",
    "artifact": "artefact",
}


@cache
def normalise_label(name: str) -> str:
    """One spelling for a label: known synonyms and plurals are mapped, others become lower_snake_case.

    >>> normalise_label("Platelets"), normalise_label("Band neutrophils")
    ('platelet', 'band_neutrophil')
    """
    snake = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    for spelling in (snake, snake.removesuffix("s")):
        if spelling in taxonomy():
            return spelling
        if spelling.replace("_", "") in _LABELS:
            return _LABELS[spelling.replace("_", "")]
    return snake


def type_of_folder(name: str) -> str | None:
    """Return the cell type that a folder's name says, None if it says none.

    >>> type_of_folder("Lymphocytes, variant"), type_of_folder("slide 1"), type_of_folder("unclassified")
    ('reactive_lymphocyte', None, None)
    """
    label = normalise_label(name)
    return label if label in taxonomy() and label != UNCLASSIFIED else None


def tells_types(*, single_cells: bool) -> Callable[[str], bool]:
    """Return what tells folders of cells of one type from those of patients: `names_type` of `discover`.

    Parameters
    ----------
    single_cells : the images are of single cells; folders of fields are never of a type
    """
    return lambda folder: single_cells and type_of_folder(folder) is not None
