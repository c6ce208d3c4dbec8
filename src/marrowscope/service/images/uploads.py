"""Uploads: each file is stored, recognised as a duplicate, or refused with a reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.engines.pool import WorkerDiedError, WorkLimits, WorkTooLargeError
from marrowscope.imaging.files.archives import member_parts
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.formats import is_image_name
from marrowscope.imaging.files.sources import FieldSource, archive_source
from marrowscope.imaging.names import distinct, shown
from marrowscope.service.actors import Actor
from marrowscope.service.errors import ClientLeftError, ConflictError, UnavailableError
from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.copies import settle_copies
from marrowscope.service.images.workers import ExaminedImage, examine_image, image_workers
from marrowscope.service.settings import Settings
from marrowscope.service.store.patients import (
    FIELD_DUPLICATE,
    FIELD_FAILED,
    FIELD_STORED,
    Field,
    IdempotentUpload,
    Patient,
)
from marrowscope.service.trail import audit

_LONGEST_NAME = 300
UploadStatus = Literal["stored", "duplicate", "refused"]


@dataclass(frozen=True)
class UploadedFile:
    """A file as received: the sender's name for it, and its temporary path."""

    name: str
    path: Path


@dataclass(frozen=True)
class ExaminedFile:
    """An examined file: an image with its digest and size, or the reason why it is none.

    `is_image` tells whether it was meant to be one, so that its failure belongs on the patient's list.
    """

    name: str
    message: str = ""
    sha256: str | None = None
    size: int = 0
    width: int = 0
    height: int = 0
    mpp: float | None = None
    is_image: bool = True


@dataclass(frozen=True)
class UploadResult:
    """The result for one file."""

    name: str
    status: UploadStatus
    message: str
    field_id: str | None


@dataclass
class _Left:
    """What a request may still bring, unpacked and decoded, however small it was packed."""

    files: int
    bytes: int
    pixels: int

    def refusal(self) -> str:
        """Return why no further file is examined; nothing while one may be."""
        if self.files <= 0:
            return "this request holds more images than a patient may have"
        if self.pixels <= 0:
            return "the images of this request have more pixels than the limit"
        return ""

    def take(self, images: Sequence[ExaminedImage]) -> None:
        """Subtract what a file brought."""
        self.files -= max(len(images), 1)
        self.bytes -= sum(image.size for image in images)
        self.pixels -= sum(image.width * image.height for image in images)


class Examiner:
    """Examines the files of one request and stores the readable images.

    Parameters
    ----------
    settings : limits
    blobs : where images and thumbnails are stored
    has_left : whether the client has gone, so that nobody waits for the rest
    """

    def __init__(
        self, settings: Settings, blobs: Blobs, has_left: Callable[[], bool] = lambda: False
    ) -> None:
        self._settings = settings
        self._limits = limits_of(settings)
        self._work_limits = work_limits_of(settings)
        self._blobs = blobs
        self._has_left = has_left
        self._left = _Left(settings.files_per_patient, settings.request_bytes, settings.request_pixels)

    def examine(self, files: Sequence[UploadedFile]) -> Iterator[ExaminedFile]:
        """Examine files one by one; archives are opened.

        Raises
        ------
        UnavailableError
            The disk is full.
        ClientLeftError
            Nobody waits for the rest.
        """
        for given in files:
            for source, problem in self._sources(given):
                if self._has_left():
                    raise ClientLeftError
                if source is None:
                    yield ExaminedFile(given.name, problem, is_image=False)
                else:
                    yield from self._examine(source)

    def _sources(self, given: UploadedFile) -> Iterator[tuple[FieldSource | None, str]]:
        """Return what a file holds: itself, or an archive's images and problems."""
        if not given.name.lower().endswith(".zip"):
            yield FieldSource(given.name, given.path), ""
            return
        try:
            archive = image_workers(self._work_limits).submit(archive_source, given.path, given.name).result()
        except WorkerDiedError as error:
            yield None, _given_up("listing this archive", error)
            return
        for problem in archive.problems:
            yield None, problem
        for field in archive.fields:
            yield field, ""

    def _examine(self, source: FieldSource) -> Iterator[ExaminedFile]:
        if self._blobs.free_bytes() < self._settings.free_bytes:
            raise UnavailableError("the disk is full: no more images can be stored")
        is_image = is_image_name(source.name)
        if refusal := self._left.refusal():
            yield ExaminedFile(source.name, refusal, is_image=is_image)
            return
        work = image_workers(self._work_limits).submit(
            examine_image, self._blobs, self._limits, source, self._left.bytes
        )
        try:
            found = work.result()
        except WorkerDiedError as error:
            found = (ExaminedImage(_given_up("decoding this image", error)),)
        self._left.take(found)
        for number, image in enumerate(found, start=1):
            name = source.name if len(found) == 1 else f"{source.name}#{number}"
            yield ExaminedFile(name, is_image=is_image, **vars(image))


def _given_up(work: str, error: WorkerDiedError) -> str:
    if isinstance(error, WorkTooLargeError):
        return f"{work} was given up: {error}"
    return f"{work} ended the process that tried; it is damaged, or too large"


def limits_of(settings: Settings) -> DecodeLimits:
    """Return the limits of one image in this installation."""
    return DecodeLimits(max_bytes=settings.file_bytes, max_pixels=settings.pixels)


def work_limits_of(settings: Settings) -> WorkLimits:
    """Return what the work on one image may take in this installation."""
    return WorkLimits(settings.image_seconds, limits_of(settings).memory_bytes)


def clean_name(name: str) -> str:
    """Return a sender's file name as a safe relative path of printable parts."""
    parts = [part for part in member_parts(shown(name)) if part != ".."]
    return "/".join(parts)[-_LONGEST_NAME:].lstrip("/") or "image"


def check_open(patient: Patient) -> None:
    """Refuse images for a patient who is being analysed.

    Raises
    ------
    ConflictError
        The latest analysis is under way.
    """
    if patient.status in {"queued", "running"}:
        raise ConflictError("this patient is being analysed; add images when that is done, or cancel it")


def earlier_results(session: Session, patient_id: str, key: str) -> list[UploadResult] | None:
    """Return the results of an earlier upload with this Idempotency-Key, None if there is none."""
    known = session.get(IdempotentUpload, (patient_id, key))
    return None if known is None else [UploadResult(*item) for item in known.items]


def take(
    session: Session,
    actor: Actor,
    settings: Settings,
    patient_id: str,
    *,
    files: Sequence[ExaminedFile],
    blobs: Blobs,
    key: str | None = None,
) -> list[UploadResult]:
    """Add examined files to a patient; the same file under the same name changes nothing.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ConflictError
        The latest analysis is under way.
    """
    # Held: two uploads at once would each overlook that the other brings the same field.
    patient = patients.get(session, patient_id, is_held=True)
    if key is not None and (known := earlier_results(session, patient_id, key)) is not None:
        return known
    check_open(patient)
    register = _Register(session, patient, settings.files_per_patient)
    results = [register.enter(file) for file in files]
    settle_copies(session, blobs, patient.id)
    results = [register.settled(result) for result in results]
    patients.refresh(session, patient)
    audit.record(
        session, actor, "files.add", "patient", patient.id, patient_id=patient.id, after=_summary(results)
    )
    if key is not None:
        items = [[a.name, a.status, a.message, a.field_id] for a in results]
        session.add(IdempotentUpload(patient_id=patient.id, key=key, items=items))
    return results


class _Register:
    """A patient's images while files are added."""

    def __init__(self, session: Session, patient: Patient, limit: int) -> None:
        self._session = session
        self._patient = patient
        self._limit = limit
        known = session.scalars(select(Field).where(Field.patient_id == patient.id))
        self._by_name = {field.name: field for field in known}

    def enter(self, file: ExaminedFile) -> UploadResult:
        """Add one file."""
        known = self._by_name.get(file.name)
        is_readable_now = known is not None and known.status == FIELD_FAILED and not file.message
        is_same = known is not None and known.sha256 == file.sha256 and file.sha256 is not None
        if known is not None and is_same and not is_readable_now:
            status: UploadStatus = "refused" if file.message else "duplicate"
            return UploadResult(file.name, status, file.message or "already there", known.id)
        if file.message:
            return self._refuse(file, known)
        if len(self._by_name) >= self._limit and known is None:
            message = f"the patient has {self._limit:,} images, the limit"
            return UploadResult(file.name, "refused", message, None)
        if known is not None and known.status == FIELD_FAILED:
            field = known
        else:
            field = Field(patient_id=self._patient.id, name=distinct(file.name, self._by_name))
            self._add(field)
        self._describe(field, file)
        field.status, field.message = FIELD_STORED, ""
        return UploadResult(field.name, "stored", "", field.id)

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
        self._by_name[field.name] = field

    @staticmethod
    def _describe(field: Field, file: ExaminedFile) -> None:
        field.sha256, field.size = file.sha256, file.size
        field.width, field.height, field.mpp = file.width, file.height, file.mpp


def _summary(results: Sequence[UploadResult]) -> dict[str, int]:
    states = [result.status for result in results]
    return {state: states.count(state) for state in sorted(set(states))}
