"""What people say: readings and their answers, comments, requests to colleagues, signatures, amendments."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, or_
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, BlobDigest, Identified

FIRST, SECOND, LEARNER = "first", "second", "learner"
OPEN, FINISHED = "open", "finished"
ANSWERED, CLOSED = "answered", "closed"
"""What becomes of an open request to a colleague."""

WAITING, SENT, REFUSED = "waiting", "sent", "refused"
"""States of a delivery. What was refused waits for a person to send it again."""


class Reading(Identified, Base):
    """A reading of an analysis: all answers that belong together.

    The first one is made with the analysis, has its identifier, and is shared by all reviewers, so that it
    has no one reader; it is finished while the analysis is signed. A second one belongs to one person and is
    blind to the first while it is open. A learner's is of a signed analysis and blind to the networks, too:
    it is scored, and no part of the case. `signed` is then, once it is finished, the signed type of each
    cell.
    """

    __tablename__ = "readings"
    __table_args__ = (UniqueConstraint("analysis_id", "username"),)

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8), default=SECOND)
    username: Mapped[str | None] = mapped_column(String(200), default=None)
    reader: Mapped[str | None] = mapped_column(String(200), default=None)
    status: Mapped[str] = mapped_column(String(16), default=OPEN)
    opened_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    signed: Mapped[dict[str, Any] | None] = mapped_column(default=None)


def first_reading(analysis_id: str) -> Reading:
    """Make the first reading of a new analysis."""
    return Reading(id=analysis_id, analysis_id=analysis_id, kind=FIRST)


class Answer(Base):
    """What a reading says of a cell, and who said so last.

    `type` is None where no type is named. An answer taken back keeps its row, so that `revision`, which
    rises with every change, goes on. `username` is the person's identity, `by` the name they had then.
    `carried_from` is the analysis that the answer was given to, where it was carried over from an earlier one
    and nobody has changed it since.
    """

    __tablename__ = "answers"

    reading_id: Mapped[str] = mapped_column(ForeignKey("readings.id", ondelete="CASCADE"), primary_key=True)
    cell_id: Mapped[str] = mapped_column(
        ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    type: Mapped[str | None] = mapped_column(String(60), default=None)
    deleted: Mapped[bool] = mapped_column(default=False)
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(default=now)
    revision: Mapped[int] = mapped_column(default=0)
    carried_from: Mapped[str | None] = mapped_column(String(32), default=None)

    @property
    def is_given(self) -> bool:
        """Whether a person named a type or deleted the cell."""
        return self.type is not None or self.deleted

    @classmethod
    def given(cls) -> ColumnElement[bool]:
        """Return the condition that it is given."""
        return or_(cls.type.is_not(None), cls.deleted.is_(True))


class CarriedCell(Base):
    """What became of a cell with an answer or comments when a new analysis replaced the one it is of.

    `source_id` is that cell, `cell_id` the one of the new analysis that took its answer and comments over;
    None where there is none, for the reason that `why` names.
    """

    __tablename__ = "carried_cells"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True)
    source_id: Mapped[str] = mapped_column(
        ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    cell_id: Mapped[str | None] = mapped_column(ForeignKey("cells.id", ondelete="CASCADE"), index=True)
    why: Mapped[str | None] = mapped_column(String(16), default=None)


class Comment(Identified, Base):
    """A comment on a cell; never changed."""

    __tablename__ = "comments"
    __table_args__ = (Index(None, "cell_id", "at"),)

    cell_id: Mapped[str] = mapped_column(ForeignKey("cells.id", ondelete="CASCADE"))
    username: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)


class Request(Identified, Base):
    """What somebody asks a colleague about a cell, a field, or the whole case, and what that colleague says.

    `username` and `author` ask `asked`, whose name was `asked_name` then. It is ``open`` until it is
    ``answered`` or ``closed``. `cell_id` moves to the same cell of a newer analysis: one question, one state.
    """

    __tablename__ = "requests"
    __table_args__ = (Index(None, "asked", "state"), Index(None, "username", "state"))

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    field_id: Mapped[str | None] = mapped_column(ForeignKey("fields.id", ondelete="SET NULL"), default=None)
    cell_id: Mapped[str | None] = mapped_column(
        ForeignKey("cells.id", ondelete="SET NULL"), default=None, index=True
    )
    username: Mapped[str] = mapped_column(String(200))
    author: Mapped[str] = mapped_column(String(200))
    asked: Mapped[str] = mapped_column(String(200))
    asked_name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(16), default=OPEN)
    answer: Mapped[str | None] = mapped_column(Text, default=None)
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by: Mapped[str | None] = mapped_column(String(200), default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)


class Version(Identified, Base):
    """A signed report, kept as it was signed and never rewritten.

    `document` is the report's data as text, `sha256` its digest, `page` the blob of the page as it was
    then. `reason` says why the version before it was amended.
    """

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("analysis_id", "version"),)

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    version: Mapped[int]
    username: Mapped[str] = mapped_column(String(200))
    signed_by: Mapped[str] = mapped_column(String(200))
    signed_at: Mapped[datetime]
    meaning: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text, default=None)
    decision: Mapped[str] = mapped_column(String(20))
    blast_percent: Mapped[float | None] = mapped_column(default=None)
    sha256: Mapped[str] = mapped_column(String(64))
    page: Mapped[str] = mapped_column(BlobDigest(outlives_retention=True))
    document: Mapped[str] = mapped_column(Text, deferred=True)


class Delivery(Identified, Base):
    """One signed version on its way to one system: the outbox is the rows that are ``waiting``.

    `number` is the version's. `target` is where it goes, as the settings named it then. It is not tried
    before `next_at`; `owner` is the server at work on it until `lease_until`. `message` says why the last
    attempt failed.
    """

    __tablename__ = "deliveries"
    __table_args__ = (UniqueConstraint("version_id", "target"), Index(None, "status", "next_at"))

    version_id: Mapped[str] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"))
    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    target: Mapped[str] = mapped_column(String(500))
    status: Mapped[str] = mapped_column(String(16), default=WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    next_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    owner: Mapped[str | None] = mapped_column(String(100), default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    message: Mapped[str] = mapped_column(Text, default="")


class Amendment(Identified, Base):
    """Why a signed analysis was opened again; `version` is the one it amends."""

    __tablename__ = "amendments"
    __table_args__ = (UniqueConstraint("analysis_id", "version"),)

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    version: Mapped[int]
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(default=now)
    reason: Mapped[str] = mapped_column(Text)
