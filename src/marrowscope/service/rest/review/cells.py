"""Cells: listed in pages, with their pictures."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from marrowscope.pipeline import GALLERY_PX
from marrowscope.service.analyses import analyses
from marrowscope.service.errors import NotFoundError
from marrowscope.service.images import patients
from marrowscope.service.rest.dependencies import TheService, Transaction, Viewer
from marrowscope.service.rest.images.pictures import (
    PICTURE,
    is_known,
    jpeg,
    tag,
    unchanged,
)
from marrowscope.service.rest.records import CellShape, cell_shape
from marrowscope.service.rest.shapes import ID_PATTERN, Cursor, Id, Limit, Page
from marrowscope.service.review import cells, readings
from marrowscope.service.review.cells import Order

router = APIRouter(tags=["cells"])


@router.get("/analyses/{analysis_id}/cells")
def list_cells(
    session: Transaction,
    user: Viewer,
    analysis_id: Id,
    field: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    type: Annotated[str | None, Query(max_length=60)] = None,  # noqa: A002
    sort: Order = "number",
    limit: Limit = 1000,
    cursor: Cursor = None,
    reading: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Page[CellShape]:
    """List cells of an analysis, by field and number or the surest first, as a reading has them."""
    analysis = analyses.get(session, analysis_id)
    chosen = readings.choose(session, user, analysis, reading)
    found, more = cells.page(
        session, chosen, field=field, cell_type=type, order=sort, limit=limit, cursor=cursor
    )
    return Page(items=[cell_shape(cell) for cell in found], next=more)


@router.get("/cells/{cell_id}")
def show_cell(session: Transaction, user: Viewer, cell_id: Id) -> CellShape:
    """Show one cell, in the first reading or in one's own while that is open."""
    analysis = analyses.get(session, cells.get(session, cell_id).analysis_id)
    reading = readings.choose(session, user, analysis, None)
    (found,) = cells.chosen(session, reading, [cell_id])
    return cell_shape(found)


@router.get("/cells/{cell_id}/crop.jpg", response_class=Response, responses=PICTURE)
def crop(
    request: Request,
    session: Transaction,
    _: Viewer,
    service: TheService,
    cell_id: Id,
    size: Annotated[int, Query(ge=16, le=512)] = GALLERY_PX,
) -> Response:
    """Show a square around a cell, `size` pixels a side."""
    cell = cells.get(session, cell_id)
    field = patients.get_field(session, cell.field_id)
    if field.sha256 is None:
        raise NotFoundError("the image is no longer kept")
    etag = tag(cell.id, size)
    if is_known(request, etag):
        return unchanged(etag)
    on_sheet = size == GALLERY_PX and cells.is_on_sheet(cell)
    sheet = cells.sheet_of(session, cell.analysis_id, cell.field_id) if on_sheet else None
    session.close()  # the picture may take a while: no connection is held meanwhile
    if sheet is not None:
        return jpeg(service.pictures.from_sheet(sheet, cell.number - 1), etag)
    return jpeg(service.pictures.crop(field.sha256, cell.box, size), etag)


@router.get("/analyses/{analysis_id}/sheets/{field_id}.jpg", response_class=Response, responses=PICTURE)
def sheet(
    request: Request, session: Transaction, _: Viewer, service: TheService, analysis_id: Id, field_id: Id
) -> Response:
    """Show all cells of a field on one sheet: squares of 96 pixels, 16 a row, in the order of numbers."""
    digest = cells.sheet_of(session, analysis_id, field_id)
    etag = tag(digest[:32])
    if is_known(request, etag):
        return unchanged(etag)
    return jpeg(service.blobs.get(digest), etag)
