"""Uploads: many files at once, streamed to disk, each with its own result."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from marrowscope.errors import InputError
from marrowscope.imaging.names import safe_name
from marrowscope.service.actors import Actor
from marrowscope.service.errors import BusyError, TooLargeError
from marrowscope.service.images import patients, uploads
from marrowscope.service.images.register import ExaminedFile, SameName, UploadResult
from marrowscope.service.images.uploads import Examiner, UploadedFile
from marrowscope.service.images.workers import AT_ONCE
from marrowscope.service.live.intake import take_in
from marrowscope.service.rest.dependencies import Reviewer, Service, TheService
from marrowscope.service.rest.shapes import Id, Shape

router = APIRouter(tags=["files"])
_WAITING = 64
_BLOCK = 1 << 20
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}


class UploadResultShape(Shape):
    """The result for one file."""

    name: str
    status: Literal["stored", "duplicate", "refused"]
    message: str
    field_id: str | None


class UploadResults(Shape):
    """The result for each file; a refused file is not an error of the request."""

    items: list[UploadResultShape]


@router.post("/patients/{patient_id}/files", openapi_extra=_FORM)
async def upload(
    request: Request,
    user: Reviewer,
    service: TheService,
    patient_id: Id,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200, pattern="^[!-~]+$")] = None,
    same_name: SameName = "ask",
) -> UploadResults:
    """Add images, whole slides, or ZIP archives of images, to a patient.

    A slide is taken apart: sharp tiles at random over the area in which cells lie in one layer become images
    named ``SLIDE@X,Y``, so many that some 500 cells can be counted. A slide of several files is refused.

    If the patient has an image of the same name with other bytes, nothing is taken (409 `same-name`, with the
    names) unless `same_name` says what to do: `replace` it (it stays with the analyses that have read it),
    `keep` both, or `cancel` that file and take the others.

    The same file under the same name is not added twice; repeating a request with the same Idempotency-Key
    returns the same results.
    """
    gate = _gate(request)
    if gate.statistics().tasks_waiting >= _WAITING:
        raise BusyError("too many uploads at once; try again in a moment", 5)
    known = await to_thread.run_sync(_check, service, patient_id, idempotency_key)
    if known is not None:
        return _shape(known)
    async with _form(request, service) as form:
        parts = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        if not parts:
            raise InputError("no file: send them as parts named 'files' of a multipart form")
        async with _watched(request) as has_left:
            results = await to_thread.run_sync(
                _take, service, user, patient_id, parts, (idempotency_key, same_name), has_left, limiter=gate
            )
    return _shape(results)


@asynccontextmanager
async def _watched(request: Request) -> AsyncIterator[Callable[[], bool]]:
    """Yield what tells whether the client of a request whose body is complete has left since."""
    left = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        left.set()

    watcher = asyncio.create_task(watch())
    try:
        yield left.is_set
    finally:
        watcher.cancel()


def _form(request: Request, service: Service) -> Any:
    kind = request.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        raise InputError("files are sent as a multipart form")
    return _Form(request, service.settings.files_per_patient)


class _Form:
    """A request's form; its files are on disk while it is open."""

    def __init__(self, request: Request, files: int) -> None:
        self._request = request
        self._files = files

    async def __aenter__(self) -> FormData:
        try:
            return await self._request.form(max_files=self._files, max_fields=10)
        except HTTPException as error:
            if error.status_code in {408, 413}:
                raise
            if "Too many files" in str(error.detail):
                raise TooLargeError(f"more than {self._files:,} files in one request") from error
            raise InputError(f"the form cannot be read: {error.detail}") from error

    async def __aexit__(self, *_: object) -> None:
        await self._request.close()


def _check(service: Service, patient_id: str, key: str | None) -> list[UploadResult] | None:
    """Refuse early what would be refused later; return the results of a repeated request."""
    with service.database.reading() as session:
        patient = patients.get(session, patient_id)
        known = None if key is None else uploads.earlier_results(session, patient_id, key)
        if known is None:
            uploads.check_open(patient)
        return known


def _take(
    service: Service,
    user: Actor,
    patient_id: str,
    parts: Sequence[UploadFile],
    how: tuple[str | None, SameName],
    has_left: Callable[[], bool],
) -> Sequence[UploadResult]:
    key, same_name = how
    return take_in(
        service.settings, service.database, service.blobs, user, patient_id,
        examined=_examined(Examiner(service.settings, service.blobs, has_left), service.scratch, parts),
        key=key, same_name=same_name,
    )  # fmt: skip


def _examined(examiner: Examiner, scratch: Path, parts: Sequence[UploadFile]) -> Iterator[ExaminedFile]:
    with TemporaryDirectory(prefix="upload-", dir=scratch, ignore_cleanup_errors=True) as folder:
        # Archives last: whatever they hold takes no place from the files beside them.
        in_turn = sorted(parts, key=lambda part: uploads.is_archive(part.filename or ""))
        for number, part in enumerate(in_turn):
            yield from examiner.examine([_on_disk(part, Path(folder) / str(number))])


def _on_disk(part: UploadFile, folder: Path) -> UploadedFile:
    """Write a part to its own file; archives are opened by path."""
    name = uploads.clean_name(part.filename or "")
    folder.mkdir()
    path = folder / safe_name(name.rsplit("/", 1)[-1])
    part.file.seek(0)
    with path.open("wb") as file:
        while block := part.file.read(_BLOCK):
            file.write(block)
    return UploadedFile(name, path)


def _gate(request: Request) -> CapacityLimiter:
    state = request.app.state
    if not hasattr(state, "upload_gate"):
        state.upload_gate = CapacityLimiter(AT_ONCE)
    gate = state.upload_gate
    assert isinstance(gate, CapacityLimiter)  # noqa: S101 (tells the type checker)
    return gate


def _shape(results: Sequence[UploadResult]) -> UploadResults:
    return UploadResults(items=[UploadResultShape(**vars(result)) for result in results])
