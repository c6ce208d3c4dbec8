"""Tables of control slides and of their alarms that somebody acknowledged."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, Identified


class Control(Identified, Base):
    """A slide that is photographed and read again and again; its occasions are patients that name it.

    `first` is the number of occasions that set the limits of its charts. `target_id` is the signed analysis
    whose answers are the expected ones; None where the first occasions say what to expect.
    `target_gone_at` is when it was deleted with its patient: since then the first occasions say it.
    """

    __tablename__ = "controls"

    name: Mapped[str] = mapped_column(String(200), unique=True)
    first: Mapped[int]
    target_id: Mapped[str | None] = mapped_column(String(32), default=None)
    target_gone_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Acknowledgement(Identified, Base):
    """Why some signals of a control's charts are no longer an alarm; `signals` are their keys."""

    __tablename__ = "acknowledgements"

    control_id: Mapped[str] = mapped_column(ForeignKey("controls.id", ondelete="CASCADE"), index=True)
    signals: Mapped[list[str]]
    reason: Mapped[str] = mapped_column(Text)
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(default=now)
