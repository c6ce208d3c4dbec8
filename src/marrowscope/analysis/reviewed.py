"""A count that people have corrected: the networks' cells with a reader's answers laid over them.

The networks' own cells are never changed: `lay_over` gives new ones, and both readings stay at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.cells import (
    FLAG_ADDED,
    FLAG_BORDER,
    FLAG_DELETED,
    FLAG_REVIEWED,
    FLAG_UNCERTAIN,
    FLAG_UNFAMILIAR,
    Cells,
)
from marrowscope.domain.counting import counts_in_differential
from marrowscope.domain.geometry import border_margin, touching_border
from marrowscope.domain.patient import FieldReading, PatientReading, Review
from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.taxonomy import ARTEFACT, taxonomy

_SETTLED = {FLAG_UNCERTAIN, FLAG_UNFAMILIAR}  # doubts of the networks, which a person's answer ends


@dataclass(frozen=True)
class Answer:
    """What a person says of a cell that the networks found.

    Attributes
    ----------
    cell_type : what the person saw, None where they name no type
    is_deleted : that there is no cell
    """

    cell_type: str | None = None
    is_deleted: bool = False

    @property
    def says_something(self) -> bool:
        """Whether the networks' word no longer stands alone."""
        return self.is_deleted or self.cell_type is not None


@dataclass(frozen=True)
class AddedCell:
    """A cell that the networks missed: ``x0, y0, x1, y1`` in pixels of the image, and its type."""

    box: tuple[float, float, float, float]
    cell_type: str
    is_deleted: bool = False


def lay_over(cells: Cells, answers: Mapping[int, Answer], *, count_border_cells: bool = False) -> Cells:
    """Return the cells with the answers in force, row for row.

    A named cell counts as its type does, unless the image's edge cuts it; what the networks doubted of it is
    settled. A deleted cell keeps its row, so that numbers stay, as an artefact that does not count.

    Parameters
    ----------
    cells : n cells as the networks named them
    answers : row (from 0) → what a person says of it
    count_border_cells : whether cells cut by the image's edge count
    """
    told = {row: answer for row, answer in answers.items() if answer.says_something}
    if not told:
        return cells
    names, flags = list(cells.cell_types), list(cells.flags)
    probability, p_blast = cells.probability.copy(), cells.p_blast.copy()
    is_blast, is_counted = cells.is_blast.copy(), cells.is_counted.copy()
    for row, answer in told.items():
        names[row] = ARTEFACT if answer.is_deleted else answer.cell_type or names[row]
        kept = tuple(word for word in flags[row] if word not in _SETTLED)
        flags[row] = (*kept, FLAG_DELETED if answer.is_deleted else FLAG_REVIEWED)
        is_blast[row] = taxonomy()[names[row]].is_blast
        is_counted[row] = counts_in_differential(
            names[row], at_border=FLAG_BORDER in kept, count_border_cells=count_border_cells
        )
        probability[row], p_blast[row] = 1.0, float(is_blast[row])
    return replace(
        cells,
        cell_types=tuple(names),
        flags=tuple(flags),
        probability=probability,
        p_blast=p_blast,
        is_blast=is_blast,
        is_counted=is_counted,
    )


def added_cells(
    added: Sequence[AddedCell], field: FieldReading, *, count_border_cells: bool = False
) -> Cells:
    """Return cells that a person drew into a field, in their order, with full scores."""
    if not added:
        return Cells.empty()
    boxes = np.asarray([cell.box for cell in added], np.float32)
    cut = touching_border(boxes, field.width, field.height, border_margin(field.mpp))
    names = [ARTEFACT if cell.is_deleted else cell.cell_type for cell in added]
    is_blast = np.asarray([taxonomy()[name].is_blast for name in names], bool)
    is_counted = [
        counts_in_differential(name, at_border=bool(at_edge), count_border_cells=count_border_cells)
        for name, at_edge in zip(names, cut, strict=True)
    ]
    return Cells(
        boxes=boxes,
        scores=np.ones(len(added), np.float32),
        cell_types=tuple(names),
        probability=np.ones(len(added), np.float32),
        p_blast=is_blast.astype(np.float32),
        is_blast=is_blast,
        is_counted=np.asarray(is_counted, bool),
        flags=tuple(
            (FLAG_BORDER,) * bool(at_edge) + (FLAG_DELETED if cell.is_deleted else FLAG_ADDED,)
            for at_edge, cell in zip(cut, added, strict=True)
        ),
    )


def reviewed_field(
    field: FieldReading,
    answers: Mapping[int, Answer],
    added: Sequence[AddedCell] = (),
    *,
    count_border_cells: bool = False,
) -> FieldReading:
    """Return a field with a person's answers in force; cells they drew follow those of the networks."""
    named = lay_over(field.cells, answers, count_border_cells=count_border_cells)
    drawn = added_cells(added, field, count_border_cells=count_border_cells)
    return replace(field, cells=Cells.concatenate([named, drawn]) if added else named)


def rates_left(
    rates: ErrorRates | None, network: Sequence[Cells], answers: Sequence[Mapping[int, Answer]]
) -> ErrorRates | None:
    """Return the error rates of the classifier and the person together.

    An error survives only where nobody looked: a missed blast among the cells called something else, a false
    alarm among those called blasts. So of the misses the share of unreviewed cells among the first is left,
    of the false alarms that among the second. This supposes that reviewed cells were no surer than the
    others; where people look at the doubtful ones first, fewer errors are left, and the rates are cautious.

    Parameters
    ----------
    rates : of the classifier alone, None when not known
    network : cells of each field as the networks named them
    answers : what a person says of them, per field

    Returns
    -------
    None when the rates are not known, or nothing counted is left unreviewed
    """
    if rates is None:
        return None
    cells = {True: 0, False: 0}
    unseen = {True: 0, False: 0}
    for field, told in zip(network, answers, strict=True):
        for row in np.flatnonzero(field.is_counted):
            is_blast = bool(field.is_blast[row])
            cells[is_blast] += 1
            unseen[is_blast] += not (row in told and told[int(row)].says_something)
    if not any(unseen.values()):
        return None
    left = {called: unseen[called] / cells[called] if cells[called] else 1.0 for called in cells}
    missed, false_alarms = rates.blasts_seen - rates.blasts_called, rates.others_seen - rates.others_cleared
    return replace(
        rates,
        blasts_called=rates.blasts_seen - _kept(missed, left[False]),
        others_cleared=rates.others_seen - _kept(false_alarms, left[True]),
    )


def _kept(errors: int, share: float) -> int:
    return int(np.ceil(round(errors * share, 9)))


def read_reviewed(
    network: PatientReading,
    answers: Mapping[str, Mapping[int, Answer]],
    added: Mapping[str, Sequence[AddedCell]],
    settings: CountingSettings,
    error_rates: ErrorRates | None,
    *,
    stranger_rates: ErrorRates | None = None,
    count_border_cells: bool = False,
    problems: Sequence[str] = (),
) -> PatientReading:
    """Count a patient anew with the answers of a reader; what the networks found stays beside it.

    Parameters
    ----------
    network : the patient as the networks read it
    answers : field → row → what a person says
    added : field → cells that a person drew
    settings : rule and floor
    error_rates : of the classifier alone
    stranger_rates : of the classifier on cells unlike those it learned from
    count_border_cells : whether cells cut by an image's edge count
    problems : what was found wrong with the patient's files
    """
    told = [answers.get(field.name, {}) for field in network.fields]
    fields = [
        reviewed_field(field, said, added.get(field.name, ()), count_border_cells=count_border_cells)
        for field, said in zip(network.fields, told, strict=True)
    ]
    rates = rates_left(error_rates, [field.cells for field in network.fields], told)
    reading = read_patient(
        network.patient,
        fields,
        settings,
        rates,
        stranger_rates=stranger_rates,
        truth=network.truth,
        problems=problems,
    )
    spoken = [answer for said in told for answer in said.values() if answer.says_something]
    review = Review(
        network=network,
        named=sum(not answer.is_deleted for answer in spoken),
        deleted=sum(answer.is_deleted for answer in spoken),
        added=sum(not cell.is_deleted for drawn in added.values() for cell in drawn),
    )
    return replace(reading, review=review)
