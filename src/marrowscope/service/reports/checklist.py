"""What is still open in a count about to be signed; the signer answers it, or says why it may stay open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marrowscope.analysis.numbers import ENOUGH_REVIEWED
from marrowscope.domain.cells import FLAG_REVIEWED, FLAG_UNCERTAIN_BLAST, Cell
from marrowscope.domain.decision import Basis
from marrowscope.domain.patient import FieldStatus, PatientReading, Waiver
from marrowscope.domain.quantity import quantity
from marrowscope.domain.taxonomy import UNCLASSIFIED
from marrowscope.service.errors import OpenPointsError

ADVICE = frozenset({"megakaryocytes"})
"""Points beside the count, which may stay open without a reason."""


@dataclass(frozen=True)
class OpenPoint:
    """One thing that is open: its identifier, a sentence, and the number in the sentence.

    `is_advice`: it may stay open without a reason.
    """

    id: str
    text: str
    count: int
    is_advice: bool = False


def open_points(patient: PatientReading, target: int, asked: Sequence[str] = ()) -> tuple[OpenPoint, ...]:
    """Return what is open in a count.

    Parameters
    ----------
    patient : with the answers of its first reading
    target : recommended number of counted cells
    asked : names of colleagues who were asked about the patient and have not answered, one for each request
    """
    counted = patient.differential.counted
    noun = patient.details.specimen.counted
    unclassified = patient.differential.counts.get(UNCLASSIFIED, 0)
    perhaps = sum(_is_perhaps_blast(cell) for field in patient.fields for cell in field.cells)
    read = [field for field in patient.fields if field.status is FieldStatus.READ]
    no_review = f"No review decides: neither {ENOUGH_REVIEWED} cells of the lot nor all are named by eye."
    who = ", ".join(dict.fromkeys(asked))
    large = 0 if patient.megakaryocytes is None else patient.megakaryocytes.unanswered
    points = (
        (
            "unclassified",
            unclassified > 0,
            f"{quantity(unclassified, f'counted {noun}')} {_are(unclassified)} unclassified.",
            unclassified,
        ),
        (
            "uncertain_blasts",
            perhaps > 0,
            f"{quantity(perhaps, 'cell')} may be a blast or not, and no reader has named {_them(perhaps)}.",
            perhaps,
        ),
        ("review", patient.decision.decided_by is not Basis.REVIEWED, no_review, ENOUGH_REVIEWED),
        (
            "few_cells",
            counted < target,
            f"{quantity(counted, noun)} {_are(counted)} counted; {target} are recommended.",
            counted,
        ),
        (
            "one_field",
            len(read) == 1 and not read[0].is_single_cell,
            "All cells are from one field.",
            counted,
        ),
        (
            "requests",
            bool(asked),
            f"{quantity(len(asked), 'request')} for an opinion {_are(len(asked))} not answered ({who}).",
            len(asked),
        ),
        (
            "megakaryocytes",
            large > 0,
            f"{quantity(large, 'candidate')} for megakaryocytes {_are(large)} not answered.",
            large,
        ),
    )
    return tuple(
        OpenPoint(name, text, count, is_advice=name in ADVICE)
        for name, is_open, text, count in points
        if is_open
    )


def waived(points: tuple[OpenPoint, ...], reasons: Mapping[str, str]) -> tuple[Waiver, ...]:
    """Return the open points with the reasons for which each may stay open.

    Raises
    ------
    OpenPointsError
        A point has no reason.
    """
    points = tuple(point for point in points if not point.is_advice)
    if any(not reasons.get(point.id, "").strip() for point in points):
        raise OpenPointsError(
            "some points are open: answer them, or say for each why it may stay open",
            points=[vars(point) for point in points],
        )
    return tuple(Waiver(point.text, reasons[point.id].strip()) for point in points)


def _is_perhaps_blast(cell: Cell) -> bool:
    return cell.is_counted and FLAG_UNCERTAIN_BLAST in cell.flags and FLAG_REVIEWED not in cell.flags


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"
