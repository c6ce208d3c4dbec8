"""Cells of signed analyses that readers pin to the atlas as examples of their types."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import ConflictError
from marrowscope.service.review import cells, readings
from marrowscope.service.store.tables.analyses import Analysis, Cell
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.pins import PinnedCell
from marrowscope.service.store.tables.reviews import Answer
from marrowscope.service.trail import audit


def pin(session: Session, actor: Actor, cell_id: str) -> PinnedCell:
    """Pin a cell under the type that was signed; harmless if it is pinned already.

    Raises
    ------
    NotFoundError
        There is no such cell.
    ForbiddenError
        The actor is reading the patient blind: whether it can be pinned would show what others said.
    ConflictError
        Its analysis is not signed, or nobody named it.
    """
    cell = cells.get(session, cell_id)
    analysis = analyses.get(session, cell.analysis_id)
    readings.refuse_blind_of(session, actor, analysis.patient_id)
    answer = session.get(Answer, (analysis.id, cell.id))
    if not analysis.locked:
        raise ConflictError("only a cell of a signed analysis can be pinned")
    if answer is None or answer.type is None or answer.deleted:
        raise ConflictError("only a cell that a reader named can be pinned")
    pinned = session.get(PinnedCell, cell.id)
    if pinned is None:
        pinned = PinnedCell(cell_id=cell.id, type=answer.type, username=actor.username, by=actor.name)
        session.add(pinned)
        _record(session, actor, "atlas.pin", pinned, analysis)
    return pinned


def unpin(session: Session, actor: Actor, cell_id: str) -> None:
    """Take a cell out of the atlas; harmless if it is not there.

    Raises
    ------
    NotFoundError
        There is no such cell.
    ForbiddenError
        The actor is reading the patient blind.
    """
    cell = cells.get(session, cell_id)
    analysis = analyses.get(session, cell.analysis_id)
    readings.refuse_blind_of(session, actor, analysis.patient_id)
    pinned = session.get(PinnedCell, cell.id)
    if pinned is not None:
        session.delete(pinned)
        _record(session, actor, "atlas.unpin", pinned, analysis)


def pinned_cells(session: Session, actor: Actor, cell_type: str) -> list[PinnedCell]:
    """Return the pinned cells of a type, the latest first.

    Left out are cells whose image is no longer kept, whose type was changed after an amendment, and those of
    a patient whom the actor is reading blind, whichever the analysis.
    """
    query = (
        select(PinnedCell)
        .join(Cell, Cell.id == PinnedCell.cell_id)
        .join(Field, Field.id == Cell.field_id)
        .join(Analysis, Analysis.id == Cell.analysis_id)
        .join(Answer, (Answer.cell_id == Cell.id) & (Answer.reading_id == Analysis.id))
        .where(
            PinnedCell.type == cell_type,
            Answer.type == cell_type,
            Answer.deleted.is_(False),
            Field.sha256.is_not(None),
            Field.expired_at.is_(None),
            Analysis.patient_id.not_in(readings.blind_to(session, actor)),
        )
        .order_by(PinnedCell.at.desc(), PinnedCell.cell_id)
    )
    return list(session.scalars(query))


def _record(session: Session, actor: Actor, action: str, pinned: PinnedCell, analysis: Analysis) -> None:
    audit.record(
        session, actor, action, "cell", pinned.cell_id, patient_id=analysis.patient_id,
        after={"type": pinned.type},
    )  # fmt: skip
