"""The share of each type in a differential, with its intervals."""

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
    cells : number of cells
    percent : of the counted cells, rounded to one decimal so that all types sum to 100.0; that of the blasts
        equals their share as printed elsewhere
    interval, exact : its share with Wilson's and with Clopper and Pearson's interval
    effective : number of independent cells that the counted ones are worth for this type
    """

    cell_type: str
    cells: int
    percent: float
    interval: Interval
    exact: Interval
    effective: float


def type_shares(differential: Differential, fields: Sequence[FieldReading] = ()) -> tuple[TypeShare, ...]:
    """Return the types that have counted cells, in the taxonomy's order.

    Parameters
    ----------
    differential : the count
    fields : the counted fields, from which each type's effective number is measured, as types cluster
        differently; without them cells are taken as independent
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
