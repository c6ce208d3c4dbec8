"""Which cells enter the differential."""

from marrowscope.domain.taxonomy import UNCLASSIFIED, taxonomy


def counts_in_differential(
    cell_type: str, *, at_border: bool, count_border_cells: bool, is_nucleated: bool = True
) -> bool:
    """Return whether a cell is in the denominator of the differential.

    A cell counts as its type does in the taxonomy (ICSH: all nucleated cells but megakaryocytes, stromal
    cells and smudge cells; Lee et al., Int J Lab Hematol 2008;30:349), unless the image's edge cuts it.

    Parameters
    ----------
    cell_type : taxonomy identifier; a cell that a reader deleted is an artefact
    at_border : the image's edge cuts the cell
    count_border_cells : whether cut cells count
    is_nucleated : for an unclassified cell, whether it is more likely of a type that counts
    """
    if at_border and not count_border_cells:
        return False
    return taxonomy()[cell_type].is_counted and (cell_type != UNCLASSIFIED or is_nucleated)
