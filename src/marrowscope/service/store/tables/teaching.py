"""Tables of teaching the networks, and of the networks that new analyses use."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, Identified
from marrowscope.service.store.claims import Claimable

LOOKING, LEARNING = "looking", "learning"
"""Stages: features of cells are computed; heads are fitted and compared."""

ACTIVATED, DECLINED = "activated", "declined"


class Teaching(Claimable, Identified, Base):
    """One teaching of a bundle, from the request to the decision.

    `number` counts from 1. `analyses` are the signed analyses chosen, `images` their reviewed cells as they
    were when it was asked for (`teaching.cells`), forgotten at the end. `seed` is that of the lot; `kept_out`
    and `learned_from` are patients. `done` and `total` are of the stage. `result` is a `Taught` value;
    `bundle` the new bundle's name in the data folder, None where there is none. `decision` is None until
    there is one.
    """

    __tablename__ = "teachings"
    __table_args__ = (Index(None, "status"),)

    number: Mapped[int] = mapped_column(unique=True)
    stage: Mapped[str] = mapped_column(String(16), default=LOOKING)
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    stage_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    message: Mapped[str] = mapped_column(Text, default="")
    analyses: Mapped[list[str]]
    images: Mapped[list[Any]] = mapped_column(deferred=True)
    types: Mapped[dict[str, Any]]
    seed: Mapped[int]
    kept_out: Mapped[list[str]]
    learned_from: Mapped[list[str]]
    from_bundle: Mapped[str] = mapped_column(Text)
    from_title: Mapped[str] = mapped_column(Text)
    from_sha256: Mapped[str] = mapped_column(String(64))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    bundle: Mapped[str | None] = mapped_column(String(200), default=None)
    bundle_title: Mapped[str | None] = mapped_column(Text, default=None)
    bundle_sha256: Mapped[str | None] = mapped_column(String(64), default=None, index=True)
    decision: Mapped[str | None] = mapped_column(String(16), default=None)
    decided_by: Mapped[str | None] = mapped_column(String(200), default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(Text, default=None)


class BundleChoice(Base):
    """Which bundle new analyses use from then on, who said so, and why; the last one holds."""

    __tablename__ = "bundle_choices"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    bundle: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    username: Mapped[str] = mapped_column(String(200))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(default=now)
    reason: Mapped[str] = mapped_column(Text)
    teaching_id: Mapped[str | None] = mapped_column(
        ForeignKey("teachings.id", ondelete="SET NULL"), default=None
    )
