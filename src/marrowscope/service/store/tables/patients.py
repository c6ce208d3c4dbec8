"""Patients, their tags, the images given for them, and the results of uploads that may be repeated."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate
from marrowscope.imaging.names import comparable, composed
from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, BlobDigest, Identified

FIELD_STORED = "stored"
FIELD_FAILED = "failed"
FIELD_DUPLICATE = "duplicate"
FIELD_REPLACED = "replaced"
_NOT_REPLACED = text(f"status <> '{FIELD_REPLACED}'")


class Patient(Identified, Base):
    """A patient; the name may be a number.

    `search_name` is the name as searches compare it, and follows it. `status` follows the latest analysis:
    ``empty``, ``ready``, ``queued``, ``running``, ``done``, ``failed``, ``cancelled`` or ``signed``;
    `analysis_id` names it. `cover_id` is the field whose picture stands for it. `details` is what is stated
    about the case: a `CaseDetails` value; `details_revision` rises with every change of it. `control_id` is
    the control slide of which this is an occasion, None for a patient proper.
    """

    __tablename__ = "patients"
    __table_args__ = (Index("ix_patients_created_at_id", "created_at", "id"),)

    name: Mapped[str] = mapped_column(String(200), index=True)
    search_name: Mapped[str] = mapped_column(String(1000), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now, index=True)
    status: Mapped[str] = mapped_column(String(16), default="empty", index=True)
    fields_count: Mapped[int] = mapped_column(default=0)
    fields_failed: Mapped[int] = mapped_column(default=0)
    cover_id: Mapped[str | None] = mapped_column(String(32), default=None)
    analysis_id: Mapped[str | None] = mapped_column(String(32), default=None)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    details_revision: Mapped[int] = mapped_column(default=0)
    control_id: Mapped[str | None] = mapped_column(
        ForeignKey("controls.id", ondelete="SET NULL"), index=True, default=None
    )

    fields: Mapped[list["Field"]] = relationship(
        back_populates="patient", cascade="all, delete-orphan", passive_deletes=True
    )

    @validates("name")
    def _follow(self, _: str, name: str) -> str:
        self.search_name = comparable(name)
        return composed(name)


class Field(Identified, Base):
    """One image of a patient.

    `name` is unique among the patient's images that were not replaced; those stay for the analyses that have
    read them, and no other reads them. `sha256` is the digest of the file's bytes, under which the
    blob store keeps them; None where the file was too large to be taken. `expired_at` is when the image and
    the pictures made of it were removed because the retention time was over. A tile names its slide and where
    its left upper corner lies in it.
    """

    __tablename__ = "fields"
    __table_args__ = (
        Index(
            None, "patient_id", "name", unique=True,
            sqlite_where=_NOT_REPLACED, postgresql_where=_NOT_REPLACED,
        ),
        Index(None, "patient_id", "sha256"),
    )  # fmt: skip

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str | None] = mapped_column(BlobDigest(), default=None, index=True)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    mpp: Mapped[float | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(String(16), default=FIELD_STORED)
    message: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    expired_at: Mapped[datetime | None] = mapped_column(default=None)
    slide_id: Mapped[str | None] = mapped_column(
        ForeignKey("slides.id", ondelete="SET NULL"), default=None, index=True
    )
    slide_x: Mapped[int | None] = mapped_column(default=None)
    slide_y: Mapped[int | None] = mapped_column(default=None)

    patient: Mapped[Patient] = relationship(back_populates="fields")


class PatientTag(Base):
    """A word by which people find a patient; see `review.tags` for what is one."""

    __tablename__ = "patient_tags"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class Slide(Identified, Base):
    """A whole slide of a patient, whose tiles are among the images.

    `sha256` is the digest of its file. `countable_mm2` is the area in which cells lie in one layer,
    `tile_mm2` that of a tile, `examined_mm2` that in which a megakaryocyte would have been seen; None of
    slides that came before these were looked for.
    """

    __tablename__ = "slides"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(500))
    sha256: Mapped[str] = mapped_column(BlobDigest(), index=True)
    width: Mapped[int] = mapped_column(BigInteger)
    height: Mapped[int] = mapped_column(BigInteger)
    mpp: Mapped[float]
    countable_mm2: Mapped[float]
    tile_mm2: Mapped[float]
    tiles: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    examined_mm2: Mapped[float | None] = mapped_column(default=None)


class Megakaryocyte(Identified, Base):
    """A candidate for a megakaryocyte on a slide or in a field, and what was said of it.

    It belongs to one of both, and outlives every analysis; its box is in full-resolution pixels of it.
    `place` is that on the sheet of pictures of the slide or field, from 0. Nothing but the answer ever
    changes: where an analysis finds something else in a field, further rows are added, and its
    `AnalysisField` says which are its own. `confirmed` is None until a reader answers.
    """

    __tablename__ = "megakaryocytes"
    __table_args__ = (
        Index(None, "slide_id", "place", unique=True),
        Index(None, "field_id", "place", unique=True),
        CheckConstraint("(slide_id IS NULL) <> (field_id IS NULL)", name="slide_or_field"),
    )

    slide_id: Mapped[str | None] = mapped_column(ForeignKey("slides.id", ondelete="CASCADE"), default=None)
    field_id: Mapped[str | None] = mapped_column(ForeignKey("fields.id", ondelete="CASCADE"), default=None)
    place: Mapped[int]
    x0: Mapped[int]
    y0: Mapped[int]
    x1: Mapped[int]
    y1: Mapped[int]
    area_um2: Mapped[float]
    nucleus_um2: Mapped[float]
    score: Mapped[float]
    confirmed: Mapped[bool | None] = mapped_column(default=None)
    answered_by: Mapped[str | None] = mapped_column(String(200), default=None)
    answered_at: Mapped[datetime | None] = mapped_column(default=None)

    @classmethod
    def of(
        cls,
        candidate: MegakaryocyteCandidate,
        place: int,
        *,
        slide_id: str | None = None,
        field_id: str | None = None,
    ) -> "Megakaryocyte":
        """Return the row of a candidate that nobody has answered."""
        x0, y0, x1, y1 = candidate.box
        return cls(
            slide_id=slide_id,
            field_id=field_id,
            place=place,
            x0=x0,
            y0=y0,
            x1=x1,
            y1=y1,
            area_um2=candidate.area_um2,
            nucleus_um2=candidate.nucleus_um2,
            score=candidate.score,
        )

    @property
    def box(self) -> tuple[int, int, int, int]:
        """``x0, y0, x1, y1``."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def candidate(self) -> MegakaryocyteCandidate:
        """The candidate with what was said of it."""
        return MegakaryocyteCandidate(self.box, self.area_um2, self.nucleus_um2, self.score, self.confirmed)


class IdempotentUpload(Base):
    """The results of an upload with an Idempotency-Key, so that repeating it gives the same results."""

    __tablename__ = "idempotent_uploads"

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    items: Mapped[list[Any]]
