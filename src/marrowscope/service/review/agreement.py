"""Agreement of the first reading with a second one, and of both with the networks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.analysis.agreement.kappa import Agreement, agreement
from marrowscope.domain.taxonomy import ARTEFACT
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import NotFoundError
from marrowscope.service.review import cells, readings
from marrowscope.service.review.cells import AnsweredCell
from marrowscope.service.store.tables.analyses import NETWORK, Analysis
from marrowscope.service.store.tables.reviews import FINISHED, SECOND, Reading


@dataclass(frozen=True)
class Comparison:
    """The first reading against a second one, and each against the networks.

    A cell that nobody looked at has the networks' name in both readings: counting it would tell the networks'
    agreement with themselves as that of two people. Confirming a name is an answer.

    Attributes
    ----------
    readers : both, in this order
    people : on the cells that both readers answered
    with_networks : each reader's answers against the networks' names, on the cells that this reader answered
    """

    readers: tuple[str, str]
    people: Agreement
    with_networks: tuple[Agreement, Agreement]


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
    one = _answered(cells.every(session, readings.first(session, analysis)))
    other = _answered(cells.every(session, second))
    both = [(one[cell_id], other[cell_id]) for cell_id in one if cell_id in other]
    return Comparison(
        readers=("First reading", second.reader),
        people=agreement([a.name for a, _ in both], [b.name for _, b in both]),
        with_networks=(_with_networks(one.values()), _with_networks(other.values())),
    )


def _second(session: Session, actor: Actor, analysis: Analysis, reading_id: str | None) -> Reading | None:
    if reading_id is not None:
        return readings.choose(session, actor, analysis, reading_id)
    return session.scalars(
        select(Reading)
        .where(Reading.analysis_id == analysis.id, Reading.kind == SECOND, Reading.status == FINISHED)
        .order_by(Reading.finished_at.desc())
    ).first()


def _answered(found: Sequence[AnsweredCell]) -> dict[str, AnsweredCell]:
    """Return the networks' cells that a reader answered, by identifier."""
    return {
        each.cell.id: each for each in found if each.reviewed_by is not None and each.cell.origin == NETWORK
    }


def _with_networks(answered: Iterable[AnsweredCell]) -> Agreement:
    known = [(each.name, each.cell.model_type or ARTEFACT) for each in answered]
    return agreement([own for own, _ in known], [network for _, network in known])
