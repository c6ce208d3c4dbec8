"""A patient's images while files are added: what becomes of each file, and of images of the same name."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.domain.patient import AT
from marrowscope.imaging.names import composed, distinct, numbered
from marrowscope.service.actors import Actor
from marrowscope.service.images import patients
from marrowscope.service.images.slides import ExaminedSlide
from marrowscope.service.images.workers import ExaminedImage
from marrowscope.service.store.tables.analyses import AnalysisField
from marrowscope.service.store.tables.patients import (
    FIELD_DUPLICATE,
    FIELD_FAILED,
    FIELD_REPLACED,
    FIELD_STORED,
    Field,
    Megakaryocyte,
    Patient,
    Slide,
)
from marrowscope.service.trail import audit

UploadStatus = Literal["stored", "duplicate", "refused"]
SameName = Literal["ask", "replace", "keep", "cancel"]
"""What becomes of a file whose name the patient has with other bytes: the earlier image is replaced, both are
kept, the file is left out, or nothing is taken before one of these was chosen."""


@dataclass(frozen=True, kw_only=True)
class ExaminedFile(ExaminedImage):
    """An image, or why there is none, by its name.

    `is_image` tells whether it was meant to be one, so that its failure belongs on the patient's list. `file`
    is the name of the file that held it, which may have held several.
    """

    name: str
    is_image: bool = True
    file: str = ""


@dataclass(frozen=True)
class UploadResult:
    """The result for one file."""

    name: str
    status: UploadStatus
    message: str
    field_id: str | None


class Register:
    """A patient's images while files are added."""

    def __init__(
        self, session: Session, actor: Actor, patient: Patient, limit: int, same_name: SameName
    ) -> None:
        self._session = session
        self._actor = actor
        self._patient = patient
        self._limit = limit
        self._same_name = same_name
        known = patients.current_fields(session, patient.id)
        self._by_name = {composed(field.name): field for field in known}
        self._earlier = set(known)
        self._contradicted: set[str] = set()
        self._beside: dict[str, list[Field]] = {}
        self.forgotten: list[str] = []

    def look_up(self, files: Sequence[ExaminedFile]) -> list[str]:
        """Return the names under which the patient has other images than these files, all to be entered.

        A file of several fields is one file: it takes the place of all fields of the earlier one, which may
        have had more of them.
        """
        by_file: dict[str, list[ExaminedFile]] = {}
        for file in files:
            by_file.setdefault(file.file or file.name, []).append(file)
        names: dict[str, None] = {}
        for name, parts in by_file.items():
            others = [part.name for part in parts if self._contradicted_by(part) is not None]
            self._beside[name] = self._no_longer_held(name, parts)
            others += [field.name for field in self._beside[name]]
            if others:
                self._contradicted.add(name)
            names |= dict.fromkeys(others)
        return list(names)

    def _no_longer_held(self, name: str, parts: Sequence[ExaminedFile]) -> list[Field]:
        """Return the fields of an earlier file of this name in whose place no part of the new one is."""
        known = [self._known(part) for part in parts]
        digests = {part.sha256 for part in parts}
        if any(part.message for part in parts) or digests == {field and field.sha256 for field in known}:
            return []
        held = re.compile(re.escape(name) + rf"(#\d+|{AT}\d+,\d+)?")
        return [
            field
            for field_name, field in self._by_name.items()
            if held.fullmatch(field_name)
            and field_name not in {part.name for part in parts}
            and field.status != FIELD_FAILED
            and field.sha256 not in digests
        ]

    def _known(self, file: ExaminedFile) -> Field | None:
        """Return the image of a file's name; where several were kept, the one with the file's bytes."""
        kept = itertools.takewhile(self._by_name.__contains__, numbered(file.name))
        same = (name for name in kept if self._by_name[name].sha256 == file.sha256)
        return self._by_name.get(next(same, file.name))

    def _contradicted_by(self, file: ExaminedFile) -> Field | None:
        """Return the image that the patient had under a readable file's name, with other bytes."""
        known = self._known(file)
        if known not in self._earlier or known.status == FIELD_FAILED or file.message:
            return None
        return None if known.sha256 == file.sha256 else known

    def enter(self, file: ExaminedFile) -> UploadResult:
        """Add one file."""
        known = self._known(file)
        is_readable_now = known is not None and known.status == FIELD_FAILED and not file.message
        is_same = known is not None and known.sha256 == file.sha256 and file.sha256 is not None
        if known is not None and is_same and not is_readable_now:
            status: UploadStatus = "refused" if file.message else "duplicate"
            return UploadResult(file.name, status, file.message or "already there", known.id)
        if file.message:
            return self._refuse(file, known)
        held_by = file.file or file.name
        if held_by in self._contradicted and self._same_name == "cancel":
            return UploadResult(file.name, "refused", "left out: there is another image of this name", None)
        if self._same_name == "replace":
            for field in self._beside.pop(held_by, ()):
                self._give_up(field)
        if len(self._by_name) >= self._limit and known is None:
            message = f"the patient has {self._limit:,} images, the limit"
            return UploadResult(file.name, "refused", message, None)
        other = self._contradicted_by(file)
        if other is not None and self._same_name == "replace":
            field = self._replace(other, file)
        elif known is not None and known.status == FIELD_FAILED:
            field = known
        else:
            field = Field(patient_id=self._patient.id, name=distinct(file.name, self._by_name))
            self._add(field)
        self._describe(field, file)
        field.status, field.message = FIELD_STORED, ""
        return UploadResult(field.name, "stored", "", field.id)

    def _replace(self, other: Field, file: ExaminedFile) -> Field:
        """Put a new image in the place of another, which stays for the analyses that have read it."""
        field = Field(patient_id=self._patient.id, name=other.name)
        self._give_up(other, field, file.sha256)
        return field

    def _give_up(self, other: Field, successor: Field | None = None, sha256: str | None = None) -> None:
        before, number = {"field": other.id, "sha256": other.sha256}, other.id
        is_read = select(AnalysisField.id).where(AnalysisField.field_id == other.id).limit(1)
        if self._session.scalar(is_read) is not None:
            other.status, other.message = FIELD_REPLACED, "another image of this name took its place"
        else:
            self._session.delete(other)
            self.forgotten += [] if other.sha256 is None else [other.sha256]
        self.forgotten += patients.drop_empty_slides(self._session, self._patient.id)
        del self._by_name[composed(other.name)]
        if successor is not None:
            self._add(successor)
        audit.record(
            self._session, self._actor, "field.replace", "field", number, patient_id=self._patient.id,
            before=before,
            after=None if successor is None else {"field": successor.id, "sha256": sha256},
        )  # fmt: skip

    def settled(self, result: UploadResult) -> UploadResult:
        """Return the result of a file once it is known which images repeat others (`settle_copies`)."""
        field = self._by_name.get(result.name)
        if result.status != "stored" or field is None or field.status != FIELD_DUPLICATE:
            return result
        return replace(result, status="duplicate", message=field.message)

    def _refuse(self, file: ExaminedFile, known: Field | None) -> UploadResult:
        """List a broken image, so that the count says what is missing; other files leave no trace."""
        is_good = known is not None and known.status != FIELD_FAILED
        if not file.is_image or is_good or (known is None and len(self._by_name) >= self._limit):
            return UploadResult(file.name, "refused", file.message, None)
        field = known or Field(patient_id=self._patient.id, name=file.name)
        if known is None:
            self._add(field)
        self._describe(field, file)
        field.status, field.message = FIELD_FAILED, file.message
        return UploadResult(file.name, "refused", file.message, field.id)

    def _add(self, field: Field) -> None:
        self._session.add(field)
        self._session.flush()
        self._by_name[composed(field.name)] = field

    def _describe(self, field: Field, file: ExaminedFile) -> None:
        field.sha256, field.size = file.sha256, file.size
        field.width, field.height, field.mpp = file.width, file.height, file.mpp
        if file.slide is not None and file.slide_xy is not None:
            field.slide_id = self._slide(file.file, file.slide).id
            field.slide_x, field.slide_y = file.slide_xy

    def _slide(self, name: str, found: ExaminedSlide) -> Slide:
        """Return the row of the slide that a tile was cut from."""
        known = self._session.scalar(
            select(Slide).where(Slide.patient_id == self._patient.id, Slide.sha256 == found.sha256)
        )
        if known is None:
            own = {name: value for name, value in vars(found).items() if name != "candidates"}
            known = Slide(patient_id=self._patient.id, name=name, **own)
            self._session.add(known)
            self._session.flush()
            self._session.add_all(
                Megakaryocyte.of(each, place, slide_id=known.id)
                for place, each in enumerate(found.candidates)
            )
        return known
