"""The share of every type of a differential, with its intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from marrowscope.analysis.clustering import clustering
from marrowscope.analysis.intervals import clopper_pearson, wilson
from marrowscope.domain.decision import Interval
from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import FieldReading
from marrowscope.domain.percent import percents_that_sum
from marrowscope.domain.taxonomy import BLAST


@dataclass(frozen=True)
class TypeShare:
    """One counted type.

    Attributes
    ----------
    cell_type : identifier in the taxonomy
    cells : how many
    percent : of the counted cells to one decimal, so rounded that all types together give 100.0; that of the
        blasts is their share as printed elsewhere
    interval, exact : its share with Wilson's and with Clopper and Pearson's interval
    effective : independent cells the counted ones are worth for this type
    """

    cell_type: str
    cells: int
    percent: float
    interval: Interval
    exact: Interval
    effective: float


def type_shares(differential: Differential, fields: Sequence[FieldReading] = ()) -> tuple[TypeShare, ...]:
    """Return the counted types in the taxonomy's order, those without a cell left out.

    Parameters
    ----------
    differential : the count
    fields : whose count it is; cells of one type gather on fields each in their own way, so each type has its
        own effective number. Without them cells are taken as independent.
    """
    counts = {name: cells for name, cells in differential.counts.items() if cells}
    percents = percents_that_sum(counts, fixed=BLAST)
    counted = [list(compress(field.cells.cell_types, field.cells.is_counted)) for field in fields]
    sizes = [len(names) for names in counted]
    rows = []
    for name, cells in counts.items():
        cost = clustering(sizes, [names.count(name) for names in counted])
        interval = wilson(cells, differential.counted, clustering=cost)
        exact = clopper_pearson(cells, differential.counted, clustering=cost)
        if interval is not None and exact is not None:
            effective = cost.effective(differential.counted)
            rows.append(TypeShare(name, cells, percents[name], interval, exact, effective))
    return tuple(rows)
