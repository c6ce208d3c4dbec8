"""Uploads: each file is stored, recognised as a duplicate, or refused with a reason."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from sqlalchemy.orm import Session

from marrowscope.domain.patient import tile_name
from marrowscope.engines.pool import WorkerDiedError, WorkLimits, WorkTooLargeError
from marrowscope.imaging.files.archives import member_parts
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.formats import is_image_name
from marrowscope.imaging.files.sources import FieldSource, archive_source
from marrowscope.imaging.names import shortened, shown, too_long
from marrowscope.service.actors import Actor
from marrowscope.service.errors import ClientLeftError, ConflictError, SameNameError, UnavailableError
from marrowscope.service.images import patients
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.copies import settle_copies
from marrowscope.service.images.register import ExaminedFile, Register, SameName, UploadResult
from marrowscope.service.images.workers import ExaminedImage, examine_image, image_workers
from marrowscope.service.settings import Settings
from marrowscope.service.store.tables.patients import IdempotentUpload, Patient
from marrowscope.service.trail import audit


@dataclass(frozen=True)
class UploadedFile:
    """A file as received: the sender's name for it, and its temporary path."""

    name: str
    path: Path


@dataclass(frozen=True)
class Taken:
    """The results for all files, and digests of bytes to forget (`patients.forget`) after the commit."""

    results: Sequence[UploadResult]
    forgotten: Sequence[str] = ()


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
                    yield ExaminedFile(problem, name=given.name, is_image=False)
                else:
                    yield from self._examine(source)

    def _sources(self, given: UploadedFile) -> Iterator[tuple[FieldSource | None, str]]:
        """Return what a file holds: itself, or an archive's images and problems."""
        if not is_archive(given.name):
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
        if (fault := too_long(source.name)) is not None:
            yield ExaminedFile(fault, name=shortened(source.name), is_image=is_image)
            return
        if refusal := self._left.refusal():
            yield ExaminedFile(refusal, name=source.name, is_image=is_image)
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
            if image.slide_xy is not None:
                name = tile_name(source.name, *image.slide_xy)
            yield ExaminedFile(name=name, is_image=is_image, file=source.name, **vars(image))


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


def is_archive(name: str) -> bool:
    """Return whether a file of this name is opened for the images in it."""
    return name.lower().endswith(".zip")


def clean_name(name: str) -> str:
    """Return a sender's file name as a safe relative path of printable parts."""
    parts = [part for part in member_parts(shown(name)) if part != ".."]
    return "/".join(parts) or "image"


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
    same_name: SameName = "ask",
) -> Taken:
    """Add examined files to a patient; the same file under the same name changes nothing.

    Raises
    ------
    NotFoundError
        There is no such patient.
    ConflictError
        The latest analysis is under way.
    SameNameError
        The patient has other images under these names, and what becomes of them is still to be chosen.
    """
    # Held: two uploads at once would each overlook that the other brings the same field.
    patient = patients.get(session, patient_id, is_held=True)
    if key is not None and (known := earlier_results(session, patient_id, key)) is not None:
        return Taken(known)
    check_open(patient)
    register = Register(session, actor, patient, settings.files_per_patient, same_name)
    names = register.look_up(files)
    if same_name == "ask" and names:
        others = "another image" if len(names) == 1 else f"other images under {len(names)} of these names"
        raise SameNameError(
            f"the patient has {others}: replace, keep both, or cancel",
            names=names,
            choices=[choice for choice in get_args(SameName) if choice != "ask"],
        )
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
    return Taken(results, register.forgotten)


def _summary(results: Sequence[UploadResult]) -> dict[str, Any]:
    """Count the results by their states; the images by identifier, since names go with the patient."""
    states = [result.status for result in results]
    counts = {state: states.count(state) for state in sorted(set(states))}
    return counts | {"fields": [result.field_id for result in results if result.field_id is not None]}
