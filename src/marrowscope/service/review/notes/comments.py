"""Comments on cells."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import ForbiddenError
from marrowscope.service.review import cells, readings
from marrowscope.service.store.tables.analyses import Cell
from marrowscope.service.store.tables.reviews import Comment
from marrowscope.service.trail import audit


def listed(session: Session, actor: Actor, cell_id: str) -> list[Comment]:
    """Return the comments on a cell, the oldest first; a blind reader sees their own alone.

    Raises
    ------
    NotFoundError
        There is no such cell.
    """
    cell = cells.get(session, cell_id)
    query = select(Comment).where(Comment.cell_id == cell.id).order_by(Comment.at, Comment.id)
    if readings.is_blind(session, actor, analyses.get(session, cell.analysis_id).patient_id):
        query = query.where(Comment.username == actor.username)
    return list(session.scalars(query))


def add(session: Session, actor: Actor, cell_id: str, text: str) -> Comment:
    """Comment on a cell; also after a signature, since a comment changes no figure.

    Raises
    ------
    NotFoundError
        There is no such cell.
    ForbiddenError
        The actor is being tested on these cells: what a learner says is no part of the case.
    """
    cell = cells.get(session, cell_id)
    analysis = analyses.get(session, cell.analysis_id)
    if analysis.patient_id in readings.learns_from(session, actor):
        raise ForbiddenError(readings.BLIND)
    comment = Comment(cell_id=cell.id, username=actor.username, author=actor.name, text=text)
    session.add(comment)
    session.execute(update(Cell).where(Cell.id == cell.id).values(comments=Cell.comments + 1))
    session.flush()
    # The text may name a person: it is deleted with the patient, while the trail stays.
    after = {"comment": comment.id, "characters": len(text)}
    audit.record(session, actor, "cell.comment", "cell", cell.id, patient_id=analysis.patient_id, after=after)
    return comment
