"""Whole slides: their list, their overview, and Deep Zoom tiles straight from their files."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from marrowscope.imaging.slides.deep_zoom import dzi
from marrowscope.service.images import patients
from marrowscope.service.rest.dependencies import TheService, Transaction, Viewer
from marrowscope.service.rest.images.fields import XML
from marrowscope.service.rest.images.pictures import PICTURE, Level, TilePlace, is_known, jpeg, tag, unchanged
from marrowscope.service.rest.shapes import API, Id, Page, Shape

router = APIRouter(tags=["slides"])


class SlideShape(Shape):
    """A whole slide; sizes in pixels, `mpp` micrometres per pixel.

    Cells lie in one layer on `countable_mm2`; of the tiles laid there, `tiles` are among the patient's
    images, and their area is `taken_mm2`.
    """

    id: str
    patient_id: str
    name: str
    width: int
    height: int
    mpp: float
    countable_mm2: float
    taken_mm2: float
    tiles: int
    overview: str
    dzi: str


@router.get("/patients/{patient_id}/slides")
def list_slides(session: Transaction, _: Viewer, patient_id: Id) -> Page[SlideShape]:
    """List a patient's whole slides."""
    patients.get(session, patient_id)
    return Page(
        items=[
            SlideShape(
                id=slide.id,
                patient_id=slide.patient_id,
                name=slide.name,
                width=slide.width,
                height=slide.height,
                mpp=slide.mpp,
                countable_mm2=slide.countable_mm2,
                taken_mm2=round(slide.tile_mm2 * tiles, 4),
                tiles=tiles,
                overview=f"{API}/slides/{slide.id}/overview.jpg",
                dzi=f"{API}/slides/{slide.id}/image.dzi",
            )
            for slide, tiles in patients.slides_of(session, patient_id)
        ]
    )


@router.get("/slides/{slide_id}/overview.jpg", response_class=Response, responses=PICTURE)
def overview(
    request: Request, session: Transaction, _: Viewer, service: TheService, slide_id: Id
) -> Response:
    """Show a slide as a whole, with the area in which cells lie in one layer and the tiles taken from it."""
    digest = patients.get_slide(session, slide_id).sha256
    etag = tag(digest[:32])
    return unchanged(etag) if is_known(request, etag) else jpeg(service.pictures.slide_overview(digest), etag)


@router.get("/slides/{slide_id}/image.dzi", response_class=Response, responses=XML)
def description(session: Transaction, _: Viewer, slide_id: Id) -> Response:
    """Describe a slide for a Deep Zoom viewer."""
    slide = patients.get_slide(session, slide_id)
    return Response(dzi(slide.width, slide.height), media_type="application/xml")


@router.get(
    "/slides/{slide_id}/image_files/{level}/{column}_{row}.jpg", response_class=Response, responses=PICTURE
)
def tile(
    request: Request,
    session: Transaction,
    _: Viewer,
    service: TheService,
    slide_id: Id,
    level: Level,
    column: TilePlace,
    row: TilePlace,
) -> Response:
    """Show a Deep Zoom tile of a slide."""
    digest = patients.get_slide(session, slide_id).sha256
    etag = tag(digest[:32], level, column, row)
    session.close()  # the tile has to be made first: release the database connection
    if is_known(request, etag):
        return unchanged(etag)
    return jpeg(service.pictures.slide_tile(digest, level, column, row), etag)
