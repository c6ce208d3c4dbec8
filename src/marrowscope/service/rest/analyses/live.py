"""Live sessions: images come from the microscope while the count is looked at."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from marrowscope.service.analyses import analyses
from marrowscope.service.live import folders, sessions
from marrowscope.service.live.sessions import LiveView, Wanted
from marrowscope.service.rest.analyses.analyses import AnalysisShape, analysis_shape
from marrowscope.service.rest.analyses.differential import Count, count_of
from marrowscope.service.rest.dependencies import Reviewer, TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import Id, Line, Mpp, Page, Shape
from marrowscope.service.review import readings

router = APIRouter(tags=["live"])


class NewSession(Shape):
    """Options of a live session; all have defaults."""

    bundle: Line | None = None
    mpp: Mpp | None = None
    """Micrometres per pixel of all images; from the files or measured when absent."""
    rule: Line | None = None
    folder: Annotated[str, Field(max_length=1000)] = ""
    """Name of a folder of the server whose images are taken; empty where they are uploaded."""
    takes_earlier: bool = False
    """Take the images that lie in the folder already, too."""


class LiveFolder(Shape):
    """A folder of the server that a session may take images from."""

    name: str


class PassedOverShape(Shape):
    """An image that is not counted, and why; `is_copy` where another one shows the same field."""

    name: str
    is_copy: bool
    message: str


class NewestField(Shape):
    """The field read last."""

    name: str
    cells: int


class LiveShape(Shape):
    """What a session has come to; the intervals are those of a count that is looked at again and again.

    `to_go` are the cells that the recommended number lacks. `is_settled` is true once further cells would not
    change the decision. `repeated` cells are left out because another field shows them, too.
    """

    analysis: AnalysisShape
    folder: str
    count: Count
    target: int
    to_go: int
    is_settled: bool
    waiting: int
    passed_over: list[PassedOverShape]
    passed_over_number: int
    repeated: int
    newest: NewestField | None


@router.get("/live/folders")
def list_live_folders(_: Reviewer, service: TheService) -> Page[LiveFolder]:
    """List the folders of the server that a session may take images from: those of the settings."""
    return Page(items=[LiveFolder(name=name) for name in folders.folders_of(service.settings)])


@router.post("/patients/{patient_id}/live", status_code=201)
def start_live(
    session: Transaction, user: Reviewer, service: TheService, patient_id: Id, body: NewSession | None = None
) -> AnalysisShape:
    """Begin a live session: an analysis that counts every image uploaded while it is open.

    Images that the patient has already are part of it.
    """
    wanted = Wanted(**(body or NewSession()).model_dump())
    analysis = sessions.start(
        session, user, service.settings, service.bundles, patient_id, blobs=service.blobs, wanted=wanted
    )
    return analysis_shape(analysis, readings.learns_from(session, user))


@router.get("/analyses/{analysis_id}/live")
def show_live(session: Transaction, user: Viewer, analysis_id: Id) -> LiveShape:
    """Show what a live session has come to."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    return _shape(sessions.view(session, analysis))


@router.post("/analyses/{analysis_id}/close")
def close_live(session: Transaction, user: Reviewer, service: TheService, analysis_id: Id) -> AnalysisShape:
    """Close a live session: the analysis ends, as every other, once its last image is read."""
    analysis = sessions.close(session, user, service.blobs, analysis_id)
    return analysis_shape(analysis, readings.learns_from(session, user))


def _shape(view: LiveView) -> LiveShape:
    return LiveShape(
        analysis=analysis_shape(view.analysis),
        folder=view.folder,
        count=count_of(view.reading),
        target=view.standing.target,
        to_go=view.standing.to_go,
        is_settled=view.standing.is_settled,
        waiting=view.waiting,
        passed_over=[PassedOverShape(**vars(each)) for each in view.passed_over],
        passed_over_number=view.passed_over_number,
        repeated=view.repeated,
        newest=None if view.newest is None else NewestField(name=view.newest[0], cells=view.newest[1]),
    )
