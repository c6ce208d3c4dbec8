"""The differential: the number of cells of each type, and the cells left out of the count."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from marrowscope.domain.cells import FLAG_DELETED, Cell
from marrowscope.domain.taxonomy import BLAST, UNCLASSIFIED, taxonomy

RATIO_DECIMALS = 1
"""Decimals of every printed M:E ratio."""


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
            reason = cell.flags[0] if taxonomy()[cell.cell_type].is_counted and cell.flags else cell.cell_type
            excluded[reason] = excluded.get(reason, 0) + 1
    order = [cell_type.id for cell_type in taxonomy()]
    return Differential(
        counts={name: counts[name] for name in order if name in counts},
        excluded=dict(sorted(excluded.items())),
        blasts=blasts,
        equivalents=tuple(name for name in order if name in equivalents),
    )


def myeloid_to_erythroid(differential: Differential) -> float | None:
    """Return the M:E ratio: granulocytes and their precursors divided by nucleated erythroid cells.

    M leaves out blasts and monocytes. Returns None if there are no erythroid cells.
    """
    lineage = {t.id: t.lineage for t in taxonomy() if not t.is_blast and t.id != BLAST}
    sums = {"granulocytic": 0, "erythroid": 0}
    for cell_type, number in differential.counts.items():
        if lineage.get(cell_type) in sums:
            sums[lineage[cell_type]] += number
    return sums["granulocytic"] / sums["erythroid"] if sums["erythroid"] else None
