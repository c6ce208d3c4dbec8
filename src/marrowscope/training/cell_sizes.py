"""How large cells of each type are, from labelled cells of known scale."""

from collections.abc import Sequence

import numpy as np

from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.models.cell_size import CellSizes
from marrowscope.training.classifier_data import CACHE_CONTEXT, SYNTHETIC, CellBank

BLAST_UM = (10.0, 18.0)
"""Middle nine tenths of blasts' sizes, small lymphoblasts to large myeloblasts, by usual descriptions; to be
confirmed by a hematologist. Not measured on the training cells: one kind of blast, and a large one."""

_FEWEST = 20
_NORMAL_90, _NORMAL_QUARTILES = 2 * 1.645, 1.349  # widths of a normal distribution, in deviations


def sizes_of(bank: CellBank, types: Sequence[str]) -> CellSizes:
    """Measure median and spread of the longer side by lineage; lineages of too few cells are left out.

    Stages of one lineage differ less in size than the same stage does between laboratories, so a neutrophil's
    size must not tell a band from a segmented one.
    """
    low, high = BLAST_UM
    um = {BLAST: (round(float(np.sqrt(low * high)), 2), round(float(np.log(high / low) / _NORMAL_90), 3))}
    log_side = np.log(bank.side_um / CACHE_CONTEXT)
    lineages = np.array([taxonomy()[name].lineage for name in types])
    measured = (bank.types >= 0) & bank.outlined & (bank.sources != SYNTHETIC)
    for lineage in dict.fromkeys(lineages.tolist()):
        sides = log_side[measured & (lineages[bank.types] == lineage)]
        if len(sides) >= _FEWEST:
            quarter, middle, three_quarters = np.percentile(sides, [25, 50, 75])
            spread = (three_quarters - quarter) / _NORMAL_QUARTILES
            size = (round(float(np.exp(middle)), 2), round(float(spread), 3))
            um |= dict.fromkeys((n for n, of in zip(types, lineages, strict=True) if of == lineage), size)
    return CellSizes(um)
