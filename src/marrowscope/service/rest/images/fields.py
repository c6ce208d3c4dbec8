"""Images: their list, thumbnails and Deep Zoom tiles."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Path, Query, Request
from fastapi.responses import Response

from marrowscope.imaging.slides.deep_zoom import dzi
from marrowscope.service.errors import NotFoundError
from marrowscope.service.images import patients
from marrowscope.service.images.patients import FieldView
from marrowscope.service.images.workers import THUMBNAILS_PX
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.images.pictures import (
    PICTURE,
    Level,
    TilePlace,
    is_known,
    jpeg,
    tag,
    unchanged,
)
from marrowscope.service.rest.shapes import API, Id, Page, Shape
from marrowscope.service.store.tables.patients import FIELD_REPLACED, Field
from marrowscope.synth import demo_case

router = APIRouter(tags=["fields"])
XML: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/xml": {"schema": {"type": "string"}}}, "description": "The description"}
}


class FieldShape(Shape):
    """An image and its reading by the latest analysis; sizes in pixels, `mpp` micrometres per pixel."""

    id: str
    patient_id: str
    name: str
    width: int
    height: int
    mpp: float | None
    scale_source: str
    status: Literal["stored", "read", "failed", "duplicate", "replaced"]
    message: str
    flags: list[str]
    cells: int
    thumbnail: str | None
    dzi: str | None


def field_shape(view: FieldView) -> FieldShape:
    """Show an image."""
    field, reading = view.field, view.reading
    is_image = field.width > 0
    base = f"{API}/fields/{field.id}"
    facts: dict[str, Any] = {"status": field.status, "message": field.message, "mpp": field.mpp}
    facts |= {"scale_source": "metadata" if field.mpp else "", "flags": [], "cells": 0}
    is_current = field.status != FIELD_REPLACED
    if is_current and reading is not None and reading.status in {"done", "failed", "duplicate"}:
        facts["status"] = "read" if reading.status == "done" else reading.status
        facts["message"] = reading.message
    if reading is not None and reading.status == "done":
        facts |= {name: getattr(reading, name) for name in ("mpp", "scale_source", "flags", "cells")}
    return FieldShape(
        id=field.id,
        patient_id=field.patient_id,
        name=field.name,
        width=field.width,
        height=field.height,
        thumbnail=f"{base}/thumbnail.jpg" if is_image else None,
        dzi=f"{base}/image.dzi" if is_image else None,
        **facts,
    )


@router.get("/demo/{number}.jpg", response_class=Response, responses=PICTURE)
def demo_image(
    request: Request, _: Reviewer, number: Annotated[int, Path(ge=1, le=demo_case.FIELDS)]
) -> Response:
    """Give an image of the demo case, a drawn smear to try the service on; the first one takes seconds."""
    etag = tag("demo", number)
    return unchanged(etag) if is_known(request, etag) else jpeg(demo_case.demo_field(number), etag)


@router.get("/patients/{patient_id}/fields")
def list_fields(session: Transaction, _: Viewer, patient_id: Id) -> Page[FieldShape]:
    """List a patient's images in natural order, with their readings by the latest analysis."""
    patient = patients.get(session, patient_id)
    return Page(items=[field_shape(view) for view in patients.field_views(session, patient)])


@router.get("/fields/{field_id}")
def show_field(session: Transaction, _: Viewer, field_id: Id) -> FieldShape:
    """Show one image's entry."""
    return field_shape(patients.field_view(session, field_id))


@router.delete("/fields/{field_id}", status_code=204)
def remove_field(
    session: Transaction, user: Reviewer, service: TheService, tasks: BackgroundTasks, field_id: Id
) -> None:
    """Remove an image that no analysis has read."""
    orphans = patients.remove_field(session, user, service.blobs, field_id)
    tasks.add_task(patients.forget, service.database, service.blobs, orphans)


@router.get("/fields/{field_id}/thumbnail.jpg", response_class=Response, responses=PICTURE)
def thumbnail(
    request: Request,
    session: Transaction,
    _: Viewer,
    service: TheService,
    field_id: Id,
    size: Annotated[int, Query(ge=16, le=THUMBNAILS_PX[0])] = 256,
) -> Response:
    """Show a small picture of an image; its longer side has at most `size` pixels."""
    digest, etag = _image(session, field_id, size)
    if is_known(request, etag):
        return unchanged(etag)
    return jpeg(service.pictures.thumbnail(digest, size), etag)


@router.get("/fields/{field_id}/image.dzi", response_class=Response, responses=XML)
def description(session: Transaction, _: Viewer, field_id: Id) -> Response:
    """Describe an image for a Deep Zoom viewer."""
    field = patients.get_field(session, field_id)
    _readable(field)
    return Response(dzi(field.width, field.height), media_type="application/xml")


@router.get(
    "/fields/{field_id}/image_files/{level}/{column}_{row}.jpg", response_class=Response, responses=PICTURE
)
def tile(
    request: Request,
    session: Transaction,
    _: Viewer,
    service: TheService,
    field_id: Id,
    level: Level,
    column: TilePlace,
    row: TilePlace,
) -> Response:
    """Show a Deep Zoom tile of an image."""
    digest, etag = _image(session, field_id, level, column, row)
    session.close()  # tiles may have to be made first: release the database connection
    if is_known(request, etag):
        return unchanged(etag)
    return jpeg(service.pictures.tile(digest, level, column, row), etag)


def _image(session: Transaction, field_id: str, *parts: int) -> tuple[str, str]:
    field = patients.get_field(session, field_id)
    digest = _readable(field)
    return digest, tag(digest[:32], *parts)


def _readable(field: Field) -> str:
    if field.sha256 is None or field.width == 0:
        raise NotFoundError("this image could not be read; there is no picture of it")
    return field.sha256
