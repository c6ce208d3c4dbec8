"""Proficiency: signed cases served blind to learners, and their results."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from marrowscope.domain.decision import Interval
from marrowscope.domain.percent import file_percent
from marrowscope.service.quality import proficiency
from marrowscope.service.quality.proficiency import Missed, Test
from marrowscope.service.rest.analyses.analyses import AnalysisShape, analysis_shape
from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer, Writer
from marrowscope.service.rest.review.readings import (
    AgreedCells,
    AgreementTable,
    Changed,
    Changes,
    EmptyBody,
    agreed_cells,
    agreement_table,
    changed_cells,
    kappa_members,
)
from marrowscope.service.rest.shapes import API, BodyId, Id, Instant, Page, Shape
from marrowscope.service.review import readings

router = APIRouter(tags=["quality"])


class NewTest(Shape):
    """A signed analysis to serve, and the learner's user name."""

    analysis_id: BodyId
    learner: Annotated[str, Field(min_length=1, max_length=200)]


class LearnerShape(Shape):
    """Somebody who may be served a case."""

    username: str
    name: str


class Proportion(Shape):
    """A share in percent with its interval."""

    percent: float
    ci_low: float
    ci_high: float


class TestShape(Shape):
    """A learner's reading: `cells` served, `named` by the learner; results once it is finished."""

    id: str
    learner: str
    username: str
    patient_id: str
    patient: str
    status: Literal["open", "finished"]
    opened_at: Instant
    finished_at: Instant | None
    cells: int
    named: int
    result: AgreedCells | None
    signed_blasts: int | None
    found_blasts: int | None
    sensitivity: Proportion | None


class TypeResult(Shape):
    """How well a type was told from all others: `kappa` of this type against the rest."""

    type: str
    signed: int
    named: int
    both: int
    kappa: float | None
    ci_low: float | None
    ci_high: float | None


class MissedShape(Shape):
    """A cell that was named otherwise than signed."""

    cell_id: str
    field: str
    number: int
    signed: str
    named: str
    crop: str


class TestResult(TestShape):
    """A finished test; rows of the table are the signed names, columns the learner's."""

    table: AgreementTable
    types: list[TypeResult]
    missed: list[MissedShape]


class OpenTest(TestShape):
    """An open test with the analysis whose cells are named."""

    analysis: AnalysisShape


@router.get("/learners")
def list_learners(session: Transaction, _: Reviewer) -> Page[LearnerShape]:
    """List who may be served a case."""
    return Page(items=[LearnerShape(username=own, name=name) for own, name in proficiency.learners(session)])


@router.get("/proficiency")
def list_tests(session: Transaction, user: Viewer) -> Page[TestShape]:
    """List the learners' readings, the latest first: your own, or all of them for reviewers."""
    return Page(items=[_shape(each) for each in proficiency.listed(session, user)])


@router.post("/proficiency", status_code=201)
def serve(session: Transaction, user: Reviewer, body: NewTest) -> TestShape:
    """Serve a signed case to a learner, who sees neither the networks' names nor the signed ones."""
    return _shape(proficiency.serve(session, user, body.analysis_id, body.learner))


@router.get("/proficiency/{reading_id}")
def show_test(session: Transaction, user: Viewer, reading_id: Id) -> OpenTest:
    """Show a learner's reading."""
    test = proficiency.get(session, user, reading_id)
    return _open(session, user, test)


@router.delete("/proficiency/{reading_id}", status_code=204)
def withdraw(session: Transaction, user: Reviewer, reading_id: Id) -> None:
    """Take an open test back."""
    proficiency.withdraw(session, user, reading_id)


@router.patch(
    "/proficiency/{reading_id}/cells",
    responses={409: {"description": "conflicts hold the cells, or it is finished"}},
)
def name_cells(session: Transaction, user: Writer, reading_id: Id, body: Changes) -> Changed:
    """Name cells of your own test, or undo that."""
    reading = proficiency.own_open(session, user, reading_id)
    own = body.model_copy(update={"reading": reading.id})
    return changed_cells(session, user, reading.analysis_id, own)


@router.post("/proficiency/{reading_id}/finish")
def finish(session: Transaction, user: Writer, reading_id: Id, _: EmptyBody | None = None) -> TestShape:
    """Finish your own test: it is scored against the signed names."""
    return _shape(proficiency.finish(session, user, reading_id))


@router.get("/proficiency/{reading_id}/result")
def show_result(session: Transaction, user: Viewer, reading_id: Id) -> TestResult:
    """Show the result of a finished test, with the cells that were missed."""
    test = proficiency.get(session, user, reading_id)
    told = proficiency.result(test)
    return TestResult(
        **_shape(test).model_dump(),
        table=agreement_table(told.agreement),
        types=[
            TypeResult(
                type=each.type,
                signed=each.signed,
                named=each.named,
                both=each.both,
                **kappa_members(each.kappa),
            )
            for each in told.types
        ],
        missed=[_missed(each) for each in proficiency.missed(session, test)],
    )


def _shape(test: Test) -> TestShape:
    reading, told = test.reading, test.score
    return TestShape(
        id=reading.id,
        learner=reading.reader or "",
        username=reading.username or "",
        patient_id=test.patient.id,
        patient=test.patient.name,
        status=reading.status,  # type: ignore[arg-type]  # the store holds these values only
        opened_at=reading.opened_at,
        finished_at=reading.finished_at,
        cells=test.cells,
        named=test.named,
        result=None if told is None else agreed_cells(told.agreement),
        signed_blasts=None if told is None else told.signed_blasts,
        found_blasts=None if told is None else told.found_blasts,
        sensitivity=None if told is None or told.sensitivity is None else _proportion(told.sensitivity),
    )


def _open(session: Transaction, user: Viewer, test: Test) -> OpenTest:
    analysis = analysis_shape(proficiency.analysis_of(session, test), readings.learns_from(session, user))
    return OpenTest(**_shape(test).model_dump(), analysis=analysis)


def _proportion(share: Interval) -> Proportion:
    return Proportion(
        percent=file_percent(share.estimate),
        ci_low=file_percent(share.low),
        ci_high=file_percent(share.high),
    )


def _missed(each: Missed) -> MissedShape:
    return MissedShape(
        cell_id=each.cell.id,
        field=each.field,
        number=each.cell.number,
        signed=each.signed,
        named=each.named,
        crop=f"{API}/cells/{each.cell.id}/crop.jpg",
    )
