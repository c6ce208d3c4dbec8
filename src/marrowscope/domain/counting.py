"""Which cells enter the differential."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import FLAG_REPEATED, Cells
from marrowscope.domain.taxonomy import ERYTHROID, UNCLASSIFIED, taxonomy


def counts_in_differential(
    cell_type: str,
    *,
    at_border: bool,
    count_border_cells: bool,
    is_repeated: bool = False,
    is_nucleated: bool = True,
) -> bool:
    """Return whether a cell is in the denominator of the differential.

    The taxonomy says which types count (ICSH: all nucleated cells except megakaryocytes, stromal cells and
    smudge cells; Lee et al., Int J Lab Hematol 2008;30:349). Cells cut by the image's edge do not count, and
    what two fields show counts once.

    Parameters
    ----------
    cell_type : taxonomy identifier; a cell that a reader deleted is an artefact
    at_border : the image's edge cuts the cell
    count_border_cells : count cut cells as well
    is_repeated : an earlier field shows the cell, too
    is_nucleated : whether an unclassified cell is more likely than not of a type that counts
    """
    if is_repeated or (at_border and not count_border_cells):
        return False
    return taxonomy()[cell_type].is_counted and (cell_type != UNCLASSIFIED or is_nucleated)


def belongs_to(cell_type: str, specimen: Specimen) -> bool:
    """Return whether a type, if it counts in marrow, is in the differential of a specimen, too.

    A blood differential is of leukocytes: its erythroblasts are counted beside it.
    """
    return specimen is not Specimen.BLOOD or taxonomy()[cell_type].lineage != ERYTHROID


def counted_once(cells: Cells, is_repeated: npt.NDArray[np.bool_]) -> Cells:
    """Return cells without counting those, (n,) bool, that an earlier field shows, too; they are flagged."""
    if not is_repeated.any():
        return cells
    flags = tuple(
        (FLAG_REPEATED, *flags) if again else flags
        for flags, again in zip(cells.flags, is_repeated, strict=True)
    )
    return replace(cells, flags=flags, is_counted=cells.is_counted & ~is_repeated)


def counted_in(cells: Cells, specimen: Specimen) -> Cells:
    """Return cells counted as those of marrow are, without those that do not belong to a specimen."""
    belongs = np.array([belongs_to(name, specimen) for name in cells.cell_types], bool)
    return cells if belongs.all() else replace(cells, is_counted=cells.is_counted & belongs)
