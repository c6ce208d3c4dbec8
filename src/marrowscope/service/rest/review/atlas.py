"""The atlas: reference cells of every type."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.service.atlas import imported, pins
from marrowscope.service.errors import NotFoundError
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.images.pictures import PICTURE, is_known, jpeg, tag, unchanged
from marrowscope.service.rest.shapes import API, Id, Page, Shape
from marrowscope.service.store.tables.pins import PinnedCell
from marrowscope.synth.atlas import ATLAS_TYPES, VIEWS, draw_view

router = APIRouter(tags=["atlas"])
_DRAWN = "drawn"
_QUALITY = 92
_LARGE_PX = 224

TypeName = Annotated[str, Path(pattern="^[a-z_]{1,60}$")]


class AtlasPictureShape(Shape):
    """A picture of the atlas: a drawn cell, one of an open set, or a signed cell that somebody pinned.

    `caption` is who pinned it; `title`, `licence` and `citation` are those of the open set; `cell_id` is the
    pinned cell.
    """

    kind: Literal["pinned", "imported", "drawn"]
    caption: str
    title: str
    licence: str
    citation: str
    cell_id: str | None
    address: str


class AtlasSetShape(Shape):
    """An imported open set; `pictures` by cell type."""

    id: str
    title: str
    licence: str
    citation: str
    pictures: dict[str, int]


@router.get("/atlas")
def list_sets(_: Viewer, service: TheService) -> Page[AtlasSetShape]:
    """List the open sets that were imported into the atlas."""
    found = imported.imported_sets(service.settings.atlas_folder)
    return Page(
        items=[
            AtlasSetShape(
                id=each.about.id,
                title=each.about.title,
                licence=each.about.licence,
                citation=each.about.citation,
                pictures=each.counts,
            )
            for each in found
        ]
    )


@router.get("/atlas/{cell_type}")
def list_pictures(
    session: Transaction, user: Viewer, service: TheService, cell_type: TypeName
) -> Page[AtlasPictureShape]:
    """List the pictures of a type: pinned cells, then open sets, then drawn ones."""
    pinned = [_pinned(each) for each in pins.pinned_cells(session, user, cell_type)]
    opened = [
        _imported(each) for each in imported.imported_pictures(service.settings.atlas_folder, cell_type)
    ]
    drawn = [_drawn(cell_type, n) for n in range(VIEWS if cell_type in ATLAS_TYPES else 0)]
    return Page(items=[*pinned, *opened, *drawn])


@router.get("/atlas/{cell_type}/{source}/{number}.jpg", response_class=Response, responses=PICTURE)
def picture(
    request: Request,
    _: Viewer,
    service: TheService,
    cell_type: TypeName,
    source: Annotated[str, Path(pattern="^[a-z0-9_]{1,60}$")],
    number: Annotated[int, Path(ge=0, le=100_000)],
) -> Response:
    """Show a drawn cell, or one of an open set."""
    if source == _DRAWN:
        if cell_type not in ATLAS_TYPES or number >= VIEWS:
            raise NotFoundError("the atlas has no such picture")
        etag = tag(cell_type, _DRAWN, number)
        if is_known(request, etag):
            return unchanged(etag)
        return jpeg(jpeg_bytes(draw_view(cell_type, number), _QUALITY), etag)
    found = imported.imported_pictures(service.settings.atlas_folder, cell_type)
    path = next((each.path for each in found if (each.about.id, each.number) == (source, number)), None)
    if path is None:
        raise NotFoundError("the atlas has no such picture")
    # Imported again, the same address may show another picture.
    return Response(path.read_bytes(), media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


@router.put("/cells/{cell_id}/pin")
def pin(session: Transaction, user: Reviewer, cell_id: Id) -> AtlasPictureShape:
    """Pin a cell of a signed analysis to the atlas, as an example of its type."""
    return _pinned(pins.pin(session, user, cell_id))


@router.delete("/cells/{cell_id}/pin", status_code=204)
def unpin(session: Transaction, user: Reviewer, cell_id: Id) -> None:
    """Take a cell out of the atlas."""
    pins.unpin(session, user, cell_id)


def _pinned(cell: PinnedCell) -> AtlasPictureShape:
    address = f"{API}/cells/{cell.cell_id}/crop.jpg?size={_LARGE_PX}"
    return AtlasPictureShape(
        kind="pinned",
        caption=cell.by,
        title="",
        licence="",
        citation="",
        cell_id=cell.cell_id,
        address=address,
    )


def _imported(picture: imported.ImportedPicture) -> AtlasPictureShape:
    about = picture.about
    address = f"{API}/atlas/{picture.cell_type}/{about.id}/{picture.number}.jpg"
    return AtlasPictureShape(
        kind="imported",
        caption="",
        title=about.title,
        licence=about.licence,
        citation=about.citation,
        cell_id=None,
        address=address,
    )


def _drawn(cell_type: str, number: int) -> AtlasPictureShape:
    address = f"{API}/atlas/{cell_type}/{_DRAWN}/{number}.jpg"
    return AtlasPictureShape(
        kind="drawn", caption="", title="", licence="", citation="", cell_id=None, address=address
    )
