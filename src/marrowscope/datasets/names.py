"""How labels of public sets are read: one spelling for each."""

import re

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
    "leukocytenotblast": "leukocyte_not_blast",
}


def normalise_label(name: str) -> str:
    """One spelling for a label: known synonyms are mapped, others become lower_snake_case.

    >>> normalise_label("Platelets"), normalise_label("Band neutrophil")
    ('platelet', 'band_neutrophil')
    """
    snake = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    return _LABELS.get(snake.replace("_", ""), snake)
