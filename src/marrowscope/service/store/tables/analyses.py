"""Tables of analyses, the readings of their fields, and their cells."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marrowscope.service.clock import now
from marrowscope.service.store.base import Base, BlobDigest, Identified
from marrowscope.service.store.claims import QUEUED, WAITING, Claimable
from marrowscope.service.store.tables.patients import Field, Patient

DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
LIVE = "live"
"""As the status of an analysis: it takes the patient's images as they come, until its session is closed."""
UNDER_WAY = (*WAITING, LIVE)
ENDED = (DONE, FAILED, CANCELLED)
DUPLICATE = "duplicate"
"""As the status of a field: the same image as another one of the patient."""

NETWORK, PERSON = "network", "person"


class Analysis(Identified, Base):
    """One reading of a patient's fields by one bundle under one rule.

    `facts` names everything the figures depend on, as a report's provenance does. `scales` are those
    measured for the patient, once `is_scaled`: `SizeScale` values. `result` is what the
    worklist shows, `signed` the latest signature. `revision` rises with every change a person makes to the
    cells, `version` with every signature. `continues` is the earlier analysis whose readings of unchanged
    fields are taken over, None where every field is read.
    """

    __tablename__ = "analyses"
    __table_args__ = (Index(None, "status", "priority", "created_at"),)

    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(16), default=QUEUED)
    priority: Mapped[int] = mapped_column(default=0)
    bundle: Mapped[str] = mapped_column(Text)
    bundle_title: Mapped[str] = mapped_column(Text)
    bundle_sha256: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(40))
    floor: Mapped[int]
    mpp: Mapped[float | None] = mapped_column(default=None)
    facts: Mapped[dict[str, Any]]
    is_scaled: Mapped[bool] = mapped_column(default=False)
    scales: Mapped[list[Any]] = mapped_column(default=list)
    scale_owner: Mapped[str | None] = mapped_column(String(100), default=None)
    scale_deaths: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    cells: Mapped[int] = mapped_column(default=0)
    blasts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[str] = mapped_column(String(200), default="")
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    changed_at: Mapped[datetime] = mapped_column(default=now, index=True)
    message: Mapped[str] = mapped_column(Text, default="")
    revision: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=0)
    locked: Mapped[bool] = mapped_column(default=False)
    result: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    signed: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    continues: Mapped[str | None] = mapped_column(String(32), default=None)

    patient: Mapped[Patient] = relationship()
    fields: Mapped[list["AnalysisField"]] = relationship(
        order_by="AnalysisField.place", passive_deletes=True, cascade="all, delete-orphan"
    )


class AnalysisField(Claimable, Identified, Base):
    """The reading of one field within an analysis.

    `status` is ``queued``, ``running``, ``done`` (read), ``failed``, ``duplicate`` or ``cancelled``. `place`
    is its place in the natural order of names, of a live session in the order in which images came. `reading`
    is the networks' own reading in the journal's form; people never change it. `repeated` are the rows of its
    cells that an earlier field of the analysis shows, too, known once all fields are read, of a live session
    after every field. `gallery` and `annotated` are digests of blobs. `taken_from` is the analysis that read
    the field, None where this one did. `examined_mm2` is the area in which a megakaryocyte would have been
    seen, None where none were looked for (tiles), or nobody could answer yet when the field was read;
    `megakaryocytes` are the places of the candidates found, of `patients.Megakaryocyte`, the likeliest first.
    """

    __tablename__ = "analysis_fields"
    __table_args__ = (
        UniqueConstraint("analysis_id", "field_id"),
        UniqueConstraint("analysis_id", "place"),
        Index(None, "status", "owner"),
    )

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    field_id: Mapped[str] = mapped_column(ForeignKey("fields.id", ondelete="CASCADE"), index=True)
    place: Mapped[int]
    message: Mapped[str] = mapped_column(Text, default="")
    cells: Mapped[int] = mapped_column(default=0)
    mpp: Mapped[float | None] = mapped_column(default=None)
    scale_source: Mapped[str] = mapped_column(String(16), default="")
    flags: Mapped[list[str]] = mapped_column(default=list)
    reading: Mapped[dict[str, Any] | None] = mapped_column(default=None, deferred=True)
    repeated: Mapped[list[int]] = mapped_column(default=list)
    gallery: Mapped[str | None] = mapped_column(BlobDigest(), default=None)
    annotated: Mapped[str | None] = mapped_column(BlobDigest(), default=None)
    taken_from: Mapped[str | None] = mapped_column(String(32), default=None)
    examined_mm2: Mapped[float | None] = mapped_column(default=None)
    megakaryocytes: Mapped[list[int]] = mapped_column(default=list)

    field: Mapped[Field] = relationship()


class LiveSession(Base):
    """A session at the microscope: its analysis takes images while they are made.

    `folder` is the name of the server's folder that is watched (`live.folders`), "" where people send the
    images. `earlier` are the files that were there before and are left: path in the folder → bytes and
    nanoseconds of its last change. `owner` is the server that watches. `measured_on` is how many fields the
    scale was measured on, None until a worker has loaded the networks.
    """

    __tablename__ = "live_sessions"

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True)
    folder: Mapped[str] = mapped_column(Text, default="")
    earlier: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner: Mapped[str | None] = mapped_column(String(100), default=None)
    measured_on: Mapped[int | None] = mapped_column(default=None)


class Cell(Identified, Base):
    """One cell of an analysis: where it is and what the networks said. What readers say are `Answer` rows.

    `number` counts from 1 within the field: for a cell of the networks its row in the field's reading plus
    one, cells a person drew come after. `comments` is how many there are. `second_type` is the networks' most
    likely type other than `model_type`, None where not known.
    """

    __tablename__ = "cells"
    __table_args__ = (
        UniqueConstraint("analysis_id", "field_id", "number"),
        Index(None, "analysis_id", "place", "number"),
        Index(None, "analysis_id", "model_type", "probability"),
    )

    analysis_id: Mapped[str] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    field_id: Mapped[str] = mapped_column(ForeignKey("fields.id", ondelete="CASCADE"), index=True)
    place: Mapped[int]
    number: Mapped[int]
    x0: Mapped[float]
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    score: Mapped[float]
    probability: Mapped[float]
    p_blast: Mapped[float]
    flags: Mapped[list[str]]
    origin: Mapped[str] = mapped_column(String(8), default=NETWORK)
    model_type: Mapped[str | None] = mapped_column(String(60), default=None)
    model_counted: Mapped[bool] = mapped_column(default=False)
    comments: Mapped[int] = mapped_column(default=0)
    second_type: Mapped[str | None] = mapped_column(String(60), default=None)
    second_probability: Mapped[float | None] = mapped_column(default=None)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """``x0, y0, x1, y1`` in pixels of the original image."""
        return self.x0, self.y0, self.x1, self.y1
