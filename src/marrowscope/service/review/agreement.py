"""Agreement of the first reading with a second one."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.analysis.kappa import Agreement, agreement
from marrowscope.domain.taxonomy import ARTEFACT
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import NotFoundError
from marrowscope.service.review import cells, readings
from marrowscope.service.review.cells import AnsweredCell
from marrowscope.service.store.analyses import Analysis
from marrowscope.service.store.reviews import FINISHED, SECOND, Reading


@dataclass(frozen=True)
class Comparison:
    """The first reading against a second one.

    Attributes
    ----------
    readers : both, in this order
    all_cells : on every cell of the networks, by the type in force in each reading
    answered : on those cells alone that both readers have answered themselves
    """

    readers: tuple[str, str]
    all_cells: Agreement
    answered: Agreement


def compare(session: Session, actor: Actor, analysis_id: str, reading_id: str | None = None) -> Comparison:
    """Compare the first reading with a finished second one, the latest for None.

    Raises
    ------
    NotFoundError
        There is no such analysis or finished reading.
    ForbiddenError
        The actor's own reading is open, or the one asked for is.
    """
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, actor, analysis)
    second = _second(session, actor, analysis, reading_id)
    if second is None or second.reader is None:
        raise NotFoundError("no second reading of this analysis is finished")
    one = cells.network_cells(session, readings.first(session, analysis))
    other = cells.network_cells(session, second)
    pairs = enumerate(zip(one, other, strict=True))
    both = [row for row, pair in pairs if all(cell.reviewed_by is not None for cell in pair)]
    return Comparison(
        readers=("First reading", second.reader),
        all_cells=_agreement(one, other),
        answered=_agreement([one[row] for row in both], [other[row] for row in both]),
    )


def _second(session: Session, actor: Actor, analysis: Analysis, reading_id: str | None) -> Reading | None:
    if reading_id is not None:
        return readings.choose(session, actor, analysis, reading_id)
    return session.scalars(
        select(Reading)
        .where(Reading.analysis_id == analysis.id, Reading.kind == SECOND, Reading.status == FINISHED)
        .order_by(Reading.finished_at.desc())
    ).first()


def _agreement(one: Sequence[AnsweredCell], other: Sequence[AnsweredCell]) -> Agreement:
    return agreement([_type(cell) for cell in one], [_type(cell) for cell in other])


def _type(cell: AnsweredCell) -> str:
    return ARTEFACT if cell.deleted else cell.type
