"""The differential: the number of cells of each type, and the cells left out of the count."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from marrowscope.domain.cells import FLAG_BORDER, FLAG_DELETED, FLAG_REPEATED, Cell
from marrowscope.domain.taxonomy import ERYTHROID, UNCLASSIFIED, taxonomy

RATIO_DECIMALS = 1
"""Decimals of every printed M:E ratio."""
_MYELOID = {"granulocytic", "monocytic"}
_MAST_CELL = "mast_cell"


@dataclass(frozen=True)
class Differential:
    """Counts of one patient.

    Attributes
    ----------
    counts : cells in the denominator, by type in the taxonomy's order
    excluded : cells left out, by reason (a type that is not counted, or ``border``)
    blasts : counted cells that are blasts, including those of the types in `equivalents`
    equivalents : types that the user has set to count as blasts
    """

    counts: Mapping[str, int]
    excluded: Mapping[str, int]
    blasts: int
    equivalents: tuple[str, ...] = ()

    @property
    def counted(self) -> int:
        """Number of nucleated cells in the denominator."""
        return sum(self.counts.values())

    @property
    def cells(self) -> int:
        """Number of cells found, counted or not."""
        return self.counted + sum(self.excluded.values())

    def counts_as_blast(self, cell: Cell) -> bool:
        """Return whether a cell, if counted, adds to `blasts`."""
        return cell.is_blast or cell.cell_type in self.equivalents

    @property
    def unclassified(self) -> int:
        """Number of counted cells whose type is not certain."""
        return self.counts.get(UNCLASSIFIED, 0)

    def share(self, cell_type: str) -> float | None:
        """Return the share of a type among the counted cells (0..1), None if no cell is counted."""
        return self.counts.get(cell_type, 0) / self.counted if self.counted else None

    @property
    def blast_share(self) -> float | None:
        """Share of blasts among the counted cells (0..1), None if no cell is counted."""
        return self.blasts / self.counted if self.counted else None


def count(cells: Iterable[Cell], equivalents: Collection[str] = ()) -> Differential:
    """Count cells by type, in the taxonomy's order.

    Cells of the types in `equivalents` keep their type but count as blasts.
    """
    counts: dict[str, int] = {}
    excluded: dict[str, int] = {}
    blasts = 0
    for cell in cells:
        if FLAG_DELETED in cell.flags:
            continue
        if cell.is_counted:
            counts[cell.cell_type] = counts.get(cell.cell_type, 0) + 1
            blasts += cell.is_blast or cell.cell_type in equivalents
        else:
            reason = _left_out_as(cell)
            excluded[reason] = excluded.get(reason, 0) + 1
    order = [cell_type.id for cell_type in taxonomy()]
    return Differential(
        counts={name: counts[name] for name in order if name in counts},
        excluded=dict(sorted(excluded.items())),
        blasts=blasts,
        equivalents=tuple(name for name in order if name in equivalents),
    )


@dataclass(frozen=True)
class MyeloidErythroid:
    """The cells on both sides of an M:E ratio; with few of either, the ratio says little."""

    myeloid: int
    erythroid: int

    @property
    def ratio(self) -> float:
        """M divided by E."""
        return self.myeloid / self.erythroid


def myeloid_to_erythroid(differential: Differential) -> MyeloidErythroid | None:
    """Return the cells of the M:E ratio of marrow, None if no erythroblast is counted, as in blood.

    M holds granulocytes, monocytes and the precursors of both, without mast cells (ICSH 2008), and without
    blasts.
    """
    myeloid = erythroid = 0
    for name, cells in differential.counts.items():
        cell_type = taxonomy()[name]
        if cell_type.lineage == ERYTHROID:
            erythroid += cells
        elif cell_type.lineage in _MYELOID and not cell_type.is_blast and name != _MAST_CELL:
            myeloid += cells
    return MyeloidErythroid(myeloid, erythroid) if erythroid else None


def erythroblasts_per_100(differential: Differential) -> float | None:
    """Return the erythroblasts per 100 leukocytes of a blood count, None if no leukocyte is counted."""
    erythroblasts = sum(
        cells
        for name, cells in differential.excluded.items()
        if name in taxonomy() and taxonomy()[name].lineage == ERYTHROID
    )
    return 100 * erythroblasts / differential.counted if differential.counted else None


def _left_out_as(cell: Cell) -> str:
    """Return why a cell is not counted: a type that is not, or what is wrong with the cell."""
    if not taxonomy()[cell.cell_type].is_counted or not cell.flags:
        return cell.cell_type
    is_whole = not {FLAG_BORDER, FLAG_REPEATED} & {*cell.flags}
    is_of_no_leukocyte = taxonomy()[cell.cell_type].lineage == ERYTHROID and is_whole
    return cell.cell_type if is_of_no_leukocyte else cell.flags[0]
