"""Cells and their pictures."""

from operator import attrgetter
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field as Limits

from marrowscope.imaging.gallery import SQUARE_PX
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
from marrowscope.service.rest.shapes import API, ID_PATTERN, Cursor, Id, Instant, Limit, Page, Shape
from marrowscope.service.review import cells, readings
from marrowscope.service.review.cells import AnsweredCell, Order

router = APIRouter(tags=["cells"])


class CellShape(Shape):
    """A cell with the networks' prediction and a reading's answer; box in pixels of the field."""

    id: str
    analysis_id: str
    field_id: str
    number: int
    box: tuple[float, float, float, float]
    score: float = Limits(ge=0, le=1)
    probability: float
    p_blast: float
    flags: list[str]
    counted: bool
    origin: Literal["network", "person"]
    model_type: str | None
    reviewed_type: str | None
    type: str
    reviewed_by: str | None
    reviewed_at: Instant | None
    deleted: bool
    comments: int
    revision: int
    crop: str
    second_type: str | None
    second_probability: float | None


_ANSWERED = (
    "counted", "reviewed_type", "type", "reviewed_by", "reviewed_at", "deleted", "comments", "revision"
)  # fmt: skip
_FOUND = tuple(name for name in CellShape.model_fields if name not in {*_ANSWERED, "crop"})
_CELL_MEMBERS = (*_FOUND, *_ANSWERED, "crop")
# Lists hold thousands of cells: one getter for all members is faster than one for each.
_found, _said = attrgetter(*_FOUND), attrgetter(*_ANSWERED)


def cell_shape(answered: AnsweredCell) -> CellShape:
    """Show a cell as a reading has it."""
    found, said = _found(answered.cell), _said(answered)
    crop = f"{API}/cells/{answered.cell.id}/crop.jpg"
    return CellShape(**dict(zip(_CELL_MEMBERS, (*found, *said, crop), strict=True)))


@router.get("/analyses/{analysis_id}/cells")
def list_cells(
    session: Transaction,
    user: Viewer,
    analysis_id: Id,
    field: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    type: Annotated[str | None, Query(max_length=60)] = None,  # noqa: A002 (the parameter's name in the address)
    sort: Order = "number",
    limit: Limit = 1000,
    cursor: Cursor = None,
    reading: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
) -> Page[CellShape]:
    """List cells of an analysis as a reading has them, by field and number or the surest first."""
    analysis = analyses.get(session, analysis_id)
    chosen = readings.choose(session, user, analysis, reading)
    found, more = cells.page(
        session, chosen, field=field, cell_type=type, order=sort, limit=limit, cursor=cursor
    )
    return Page(items=[cell_shape(cell) for cell in found], next=more)


@router.get("/cells/{cell_id}")
def show_cell(session: Transaction, user: Viewer, cell_id: Id) -> CellShape:
    """Show one cell in the first reading, or in your own while that is open."""
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
    size: Annotated[int, Query(ge=16, le=512)] = SQUARE_PX,
) -> Response:
    """Show a square around a cell, `size` pixels a side."""
    cell = cells.get(session, cell_id)
    field = patients.get_field(session, cell.field_id)
    if field.sha256 is None:
        raise NotFoundError("the image is no longer kept")
    etag = tag(cell.id, size)
    if is_known(request, etag):
        return unchanged(etag)
    on_sheet = size == SQUARE_PX and cells.is_on_sheet(cell)
    sheet = cells.sheet_of(session, cell.analysis_id, cell.field_id) if on_sheet else None
    session.close()  # the picture may take a while: release the database connection
    if sheet is not None:
        return jpeg(service.pictures.from_sheet(sheet, cell.number - 1), etag)
    return jpeg(service.pictures.crop(field.sha256, cell.box, size), etag)


@router.get("/analyses/{analysis_id}/sheets/{field_id}.jpg", response_class=Response, responses=PICTURE)
def sheet(
    request: Request,
    session: Transaction,
    _: Viewer,
    service: TheService,
    analysis_id: Id,
    field_id: Id,
    side: Literal["96", "224"] = "96",
) -> Response:
    """Show all cells of a field on one sheet: squares of 96 or 224 pixels, 16 per row, by number."""
    digest = cells.sheet_of(session, analysis_id, field_id)
    etag = tag(digest[:32], side)
    if is_known(request, etag):
        return unchanged(etag)
    if int(side) == SQUARE_PX:
        return jpeg(service.blobs.get(digest), etag)
    field = patients.get_field(session, field_id)
    if field.sha256 is None:
        raise NotFoundError("the image is no longer kept")
    boxes = cells.boxes_on_sheet(session, analysis_id, field_id)
    session.close()  # the picture may take a while: release the database connection
    return jpeg(service.pictures.sheet(digest, field.sha256, boxes, int(side)), etag)
