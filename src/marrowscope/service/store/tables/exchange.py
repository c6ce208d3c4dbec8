"""Tables of what goes to other systems."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, Identified
from marrowscope.service.store.claims import Leased

WAITING, SENT, REFUSED = "waiting", "sent", "refused"
"""States of a delivery. What was refused waits for a person to send it again."""


class Delivery(Leased, Identified, Base):
    """One signed version on its way to one system: the outbox is the rows that are ``waiting``.

    `number` is the version's. `target` is where it goes, as the settings named it then. It is not tried
    before `next_at`. `message` says why the last attempt failed.
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
    message: Mapped[str] = mapped_column(Text, default="")
