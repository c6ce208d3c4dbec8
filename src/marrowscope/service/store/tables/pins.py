"""Table of the cells that readers pinned to the atlas."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base


class PinnedCell(Base):
    """A cell of a signed analysis that stands in the atlas as an example of its type.

    `type` is the signed type when it was pinned. It leaves the atlas with its patient.
    """

    __tablename__ = "pinned_cells"

    cell_id: Mapped[str] = mapped_column(ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True)
    type: Mapped[str] = mapped_column(String(60), index=True)
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(default=now)
