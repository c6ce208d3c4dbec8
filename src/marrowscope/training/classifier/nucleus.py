"""How large the nuclei of each type are, as the network measures them on labelled cells of known scale."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.models.nucleus_size import NucleusSizes

BLAST_NUCLEUS_UM = (8.5, 13.0)
"""Middle nine tenths of blasts' nuclei, small lymphoblasts to large myeloblasts, by usual descriptions; to be
confirmed by a hematologist. Not measured on the training cells: one kind of blast, and a large one."""

_FEWEST = 20
_NORMAL_90, _NORMAL_QUARTILES = 2 * 1.645, 1.349  # widths of a normal distribution, in deviations


def nucleus_sizes(
    nucleus_um: npt.NDArray[np.float32], type_index: npt.NDArray[np.int64], types: Sequence[str]
) -> NucleusSizes:
    """Measure median and spread by lineage; lineages of too few cells are left out.

    Stages of one lineage differ less in size than the same stage does between laboratories, so the size of a
    neutrophil's nucleus must not distinguish a band from a segmented one.

    Parameters
    ----------
    nucleus_um : (n,) diameters
    type_index : (n,) index into `types`, negative for cells of no known type, which are left out
    """
    low, high = BLAST_NUCLEUS_UM
    um = {BLAST: (round(float(np.sqrt(low * high)), 2), round(float(np.log(high / low) / _NORMAL_90), 3))}
    lineages = np.array([taxonomy()[name].lineage for name in types])
    measured = (type_index >= 0) & (nucleus_um > 0)
    for lineage in dict.fromkeys(lineages.tolist()):
        logs = np.log(nucleus_um[measured & (lineages[type_index] == lineage)])
        if len(logs) >= _FEWEST:
            quarter, middle, three_quarters = np.percentile(logs, [25, 50, 75])
            spread = (three_quarters - quarter) / _NORMAL_QUARTILES
            size = (round(float(np.exp(middle)), 2), round(float(spread), 3))
            um |= dict.fromkeys((n for n, of in zip(types, lineages, strict=True) if of == lineage), size)
    return NucleusSizes(um)
