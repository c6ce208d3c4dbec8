"""Reviewing: answers, added cells, comments, readings and their agreement."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import Field, model_validator

from marrowscope.analysis.agreement.kappa import Agreement
from marrowscope.domain.decision import Interval
from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses, count
from marrowscope.service.errors import ConflictError, PreconditionError
from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.review.cells import CellShape, cell_shape
from marrowscope.service.rest.shapes import BodyId, Id, Instant, Page, Paragraph, Shape
from marrowscope.service.review import agreement, answers, cells, readings
from marrowscope.service.review.answers import Change, ChangedMeanwhileError, NewCell
from marrowscope.service.review.notes import comments
from marrowscope.service.review.readings import ReadingView

router = APIRouter(tags=["reviews"])

TypeId = Annotated[str, Field(pattern="^[a-z_]{1,60}$")]
Pixel = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Revision = Annotated[int, Field(ge=0, le=2**31 - 1)]
_ETAG: dict[int | str, dict[str, Any]] = {200: {"headers": {"ETag": {"schema": {"type": "string"}}}}}


class CellAnswer(Shape):
    """A reader's answer: `type` null takes their type back, without `type` it stays."""

    type: TypeId | None = None
    deleted: bool | None = None

    @model_validator(mode="after")
    def _is_given(self) -> "CellAnswer":
        if not {"type", "deleted"} & self.model_fields_set:
            raise ValueError("give type or deleted")
        return self

    def change(self, cell_id: str, revision: int) -> Change:
        """Return the change for the use case."""
        name = self.type if "type" in self.model_fields_set else answers.KEEP
        return Change(cell_id, revision, name, self.deleted)


class CellChange(CellAnswer):
    """A change of one cell; `revision` is that of the cell the reader saw."""

    id: BodyId
    revision: Revision


class Changes(Shape):
    """Changes, applied all or none; `reading` defaults to your own open reading or the first."""

    reading: BodyId | None = None
    changes: Annotated[list[CellChange], Field(min_length=1, max_length=5000)]


class Changed(Shape):
    """The changed cells and the new revision of their analysis."""

    items: list[CellShape]
    revision: int


class AddedCell(Shape):
    """A cell the networks missed: its box in pixels of the image, left, top, right, bottom."""

    field_id: BodyId
    box: tuple[Pixel, Pixel, Pixel, Pixel]
    type: TypeId
    reading: BodyId | None = None


class NewComment(Shape):
    """A comment to add."""

    text: Paragraph


class CommentShape(Shape):
    """A comment on a cell."""

    id: str
    author: str
    at: Instant
    text: str


class EmptyBody(Shape):
    """An empty object."""


class ReadingShape(Shape):
    """A reading; `cells` is the number of answers. The first is shared and has no single reader."""

    id: str
    analysis_id: str
    reader: str | None
    kind: Literal["first", "second"]
    status: Literal["open", "finished"]
    cells: int


class AgreementTable(Shape):
    """Cells by the first name (rows) and the second (columns)."""

    types: list[str]
    counts: list[list[int]]


class AgreedCells(Shape):
    """Agreement on some cells; `kappa` is Cohen's, null where chance alone would explain all."""

    cells: int
    agreed: int
    kappa: float | None
    ci_low: float | None
    ci_high: float | None


class NetworkAgreement(AgreedCells):
    """A reader's answers compared with the networks' names, on the cells that this reader answered."""

    reader: str


class AgreementShape(AgreedCells):
    """Two readers compared on the cells that both answered; apart from that, each with the networks."""

    readers: list[str]
    table: AgreementTable
    networks: list[NetworkAgreement]


class SuggestionShape(Shape):
    """A cell worth a look, and why."""

    cell_id: str
    part: Literal["random", "uncertain"]


@router.patch("/analyses/{analysis_id}/cells", responses={409: {"description": "conflicts hold the cells"}})
def change_cells(session: Transaction, user: Reviewer, analysis_id: Id, body: Changes) -> Changed:
    """Name, rename or delete cells, or undo that; nothing changes if one of them has changed since."""
    return changed_cells(session, user, analysis_id, body)


def changed_cells(session: Transaction, user: Actor, analysis_id: str, body: Changes) -> Changed:
    """Apply changes and show the cells as they are then.

    Raises
    ------
    ConflictError
        Some of the cells have changed since.
    """
    wanted = [change.change(change.id, change.revision) for change in body.changes]
    try:
        changed = answers.change(session, user, analysis_id, wanted, body.reading)
    except ChangedMeanwhileError as error:
        conflicts = [cell_shape(cell).model_dump(mode="json") for cell in error.cells]
        raise ConflictError(str(error), conflicts=conflicts) from error
    return Changed(items=[cell_shape(cell) for cell in changed.cells], revision=changed.revision)


@router.post("/analyses/{analysis_id}/cells", status_code=201)
def add_cell(session: Transaction, user: Reviewer, analysis_id: Id, body: AddedCell) -> CellShape:
    """Add a cell that the networks missed."""
    new = NewCell(body.field_id, body.box, body.type)
    return cell_shape(answers.add(session, user, analysis_id, new, body.reading))


@router.patch("/cells/{cell_id}", responses=_ETAG)
def change_cell(
    session: Transaction,
    user: Reviewer,
    cell_id: Id,
    body: CellAnswer,
    response: Response,
    if_match: Annotated[str, Header(max_length=40, pattern='^"?[0-9]{1,9}"?$')],
) -> CellShape:
    """Change one cell; `If-Match` holds the revision the reader saw."""
    cell = cells.get(session, cell_id)
    wanted = body.change(cell_id, int(if_match.strip('"')))
    try:
        (changed,) = answers.change(session, user, cell.analysis_id, [wanted]).cells
    except ChangedMeanwhileError as error:
        conflicts = [cell_shape(found).model_dump(mode="json") for found in error.cells]
        raise PreconditionError("the cell has changed since", conflicts=conflicts) from error
    response.headers["ETag"] = f'"{changed.revision}"'
    return cell_shape(changed)


@router.get("/cells/{cell_id}/comments")
def list_comments(session: Transaction, user: Viewer, cell_id: Id) -> Page[CommentShape]:
    """List the comments on a cell, the oldest first."""
    found = comments.listed(session, user, cell_id)
    return Page(items=[CommentShape.model_validate(comment) for comment in found])


@router.post("/cells/{cell_id}/comments", status_code=201)
def add_comment(session: Transaction, user: Reviewer, cell_id: Id, body: NewComment) -> CommentShape:
    """Comment on a cell."""
    return CommentShape.model_validate(comments.add(session, user, cell_id, body.text))


@router.get("/analyses/{analysis_id}/readings")
def list_readings(session: Transaction, _: Viewer, analysis_id: Id) -> Page[ReadingShape]:
    """List the readings of an analysis, the first one first."""
    found = readings.listed(session, analyses.get(session, analysis_id))
    return Page(items=[_reading(view) for view in found])


@router.post("/analyses/{analysis_id}/readings", status_code=201)
def open_reading(
    session: Transaction, user: Reviewer, analysis_id: Id, _: EmptyBody | None = None
) -> ReadingShape:
    """Open your own second reading, blind to the first."""
    return _reading(readings.view(session, readings.begin(session, user, analysis_id)))


@router.post("/readings/{reading_id}/finish")
def finish_reading(session: Transaction, user: Reviewer, reading_id: Id) -> ReadingShape:
    """Finish your own second reading."""
    return _reading(readings.view(session, readings.finish(session, user, reading_id)))


@router.get("/analyses/{analysis_id}/agreement")
def show_agreement(
    session: Transaction, user: Viewer, analysis_id: Id, reading: BodyId | None = None
) -> AgreementShape:
    """Compare the first reading with a finished second one, on the cells that both answered."""
    found = agreement.compare(session, user, analysis_id, reading)
    return AgreementShape(
        readers=list(found.readers),
        table=agreement_table(found.people),
        networks=[
            NetworkAgreement(reader=reader, **agreed_cells(told).model_dump())
            for reader, told in zip(found.readers, found.with_networks, strict=True)
        ],
        **agreed_cells(found.people).model_dump(),
    )


@router.get("/analyses/{analysis_id}/suggestions")
def list_suggestions(
    session: Transaction,
    user: Viewer,
    analysis_id: Id,
    number: Annotated[int, Field(ge=1, le=1000)] = 20,
    reading: BodyId | None = None,
) -> Page[SuggestionShape]:
    """Suggest cells to review next: half at random, half where the networks are least certain."""
    analysis = analyses.get(session, analysis_id)
    chosen = readings.choose(session, user, analysis, reading)
    readings.refuse_learner(chosen)
    found = count.suggestions(session, analysis, chosen.id, number)
    return Page(items=[SuggestionShape(cell_id=cell, part=choice.part.value) for cell, choice in found])


def _reading(view: ReadingView) -> ReadingShape:
    return ReadingShape.model_validate(view)


def agreement_table(found: Agreement) -> AgreementTable:
    """Show the table of an agreement."""
    return AgreementTable(types=list(found.types), counts=found.counts.tolist())


def agreed_cells(found: Agreement) -> AgreedCells:
    """Show an agreement in figures."""
    return AgreedCells(cells=found.cells, agreed=found.agreed, **kappa_members(found.kappa))


def kappa_members(kappa: Interval | None) -> dict[str, float | None]:
    """Return a kappa with its interval as members of a shape."""
    if kappa is None:
        return {"kappa": None, "ci_low": None, "ci_high": None}
    return {"kappa": kappa.estimate, "ci_low": kappa.low, "ci_high": kappa.high}
