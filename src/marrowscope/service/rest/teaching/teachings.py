"""Teaching the networks: which cases may be chosen, what they give, progress, result, decision."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from marrowscope.service.analyses import analyses, networks
from marrowscope.service.clock import now
from marrowscope.service.rest.dependencies import Admin, TheService, Transaction
from marrowscope.service.rest.shapes import BodyId, Id, Instant, Line, Page, Shape
from marrowscope.service.review import readings
from marrowscope.service.store.claims import RUNNING
from marrowscope.service.store.tables.teaching import Teaching
from marrowscope.service.teaching import cells, teachings

router = APIRouter(tags=["teaching"])
Chosen = Annotated[list[BodyId], Field(min_length=1, max_length=10_000)]


class SignedCaseShape(Shape):
    """A signed case with cells that readers named; `unusable` are of types the networks cannot learn."""

    analysis_id: str
    patient_id: str
    patient: str
    signed_at: Instant
    cells: int
    blasts: int
    unusable: int
    is_learned: bool


class ChosenCases(Shape):
    """Signed analyses to learn from."""

    analyses: Chosen


class OutlookShape(Shape):
    """What chosen cases give, by type, and whether that is enough."""

    types: dict[str, int]
    cells: int
    blasts: int
    patients: int
    laboratories: list[str]
    verdict: Literal["none", "thin", "enough"]
    message: str
    enough_of_each: int
    enough_patients: int


class EstimateShape(Shape):
    """A figure with its 95 % interval, where there is one."""

    value: float | None
    low: float | None
    high: float | None


class FigureShape(Shape):
    """A figure of the present and of the new networks on the same `n` cells."""

    name: str
    n: int
    before: EstimateShape
    after: EstimateShape
    gain: EstimateShape


class KeptShape(Shape):
    """How often the new networks say of `n` drawn cells what the present ones say."""

    name: str
    n: int
    share: EstimateShape


class TaughtShape(Shape):
    """What came of a teaching; `is_better` is false where the present heads stay."""

    is_better: bool
    learned: int
    asked: int
    figures: list[FigureShape]
    background_auc: float | None
    background_balanced_accuracy: float | None
    replay: list[KeptShape]
    threshold_before: float
    threshold_after: float


class TeachingShape(Shape):
    """A teaching, from the request to the decision; `seconds_left` are of the present stage."""

    id: str
    number: int
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: Literal["looking", "learning"]
    by: str
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    message: str
    cases: int
    types: dict[str, int]
    seed: int
    kept_out: int
    learned_from: int
    from_title: str
    done: int
    total: int
    seconds_left: float | None
    result: TaughtShape | None
    bundle: str | None
    bundle_title: str | None
    bundle_sha256: str | None
    decision: Literal["activated", "declined"] | None
    decided_by: str | None
    decided_at: Instant | None
    reason: str | None

    @classmethod
    def of(cls, teaching: Teaching) -> "TeachingShape":
        """Show a teaching."""
        told: dict[str, Any] = {
            "cases": len(teaching.analyses),
            "kept_out": len(teaching.kept_out),
            "learned_from": len(teaching.learned_from),
            "seconds_left": _seconds_left(teaching),
        }
        same = {name: getattr(teaching, name) for name in cls.model_fields if name not in told}
        return cls.model_validate({**same, **told})


class Decision(Shape):
    """Whether the new networks are activated, and why."""

    activate: bool
    reason: Line


@router.get("/teaching/cases")
def list_cases(session: Transaction, user: Admin, service: TheService) -> Page[SignedCaseShape]:
    """List the signed cases that the networks can learn from, the latest first.

    Cases that the user reads blind are left out.
    """
    blind = readings.blind_to(session, user)
    found = cells.signed_cases(session, networks.active(session, service.bundles))
    told = [case for case in found if case.patient_id not in blind]
    return Page(items=[SignedCaseShape.model_validate(case) for case in told])


@router.post("/teaching/outlook")
def show_outlook(session: Transaction, user: Admin, service: TheService, body: ChosenCases) -> OutlookShape:
    """Tell what chosen cases give to learn from; nothing is changed."""
    for analysis_id in body.analyses:
        readings.refuse_blind(session, user, analyses.get(session, analysis_id))
    found = teachings.outlook(session, service.bundles, body.analyses)
    own = {name: getattr(found, name) for name in OutlookShape.model_fields if hasattr(found, name)}
    return OutlookShape(
        **own,
        # Every case of an installation is of its laboratory: the images say of no other.
        laboratories=[service.laboratory.name or "this laboratory"] if found.cells else [],
        enough_of_each=teachings.ENOUGH_OF_EACH,
        enough_patients=teachings.ENOUGH_PATIENTS,
    )


@router.post("/teachings", status_code=202)
def ask(session: Transaction, user: Admin, service: TheService, body: ChosenCases) -> TeachingShape:
    """Start teaching the active networks."""
    return TeachingShape.of(teachings.ask(session, user, service.settings, service.bundles, body.analyses))


@router.get("/teachings")
def list_teachings(session: Transaction, _: Admin) -> Page[TeachingShape]:
    """List all teachings, the latest first."""
    return Page(items=[TeachingShape.of(each) for each in teachings.listed(session)])


@router.get("/teachings/{teaching_id}")
def show(session: Transaction, _: Admin, teaching_id: Id) -> TeachingShape:
    """Show a teaching and its progress."""
    return TeachingShape.of(teachings.get(session, teaching_id))


@router.post("/teachings/{teaching_id}/cancel")
def cancel(session: Transaction, user: Admin, teaching_id: Id) -> TeachingShape:
    """Cancel a teaching that has not ended."""
    return TeachingShape.of(teachings.cancel(session, user, teaching_id))


@router.post("/teachings/{teaching_id}/decision")
def decide(
    session: Transaction, user: Admin, service: TheService, teaching_id: Id, body: Decision
) -> TeachingShape:
    """Activate the new networks for new analyses, or decline them."""
    return TeachingShape.of(
        teachings.decide(
            session, user, service.bundles, teaching_id, activate=body.activate, reason=body.reason
        )
    )


def _seconds_left(teaching: Teaching) -> float | None:
    """Estimate the rest of a stage from what of it is done; None before anything is."""
    if teaching.status != RUNNING or teaching.stage_at is None or not teaching.done:
        return None
    elapsed = (now() - teaching.stage_at).total_seconds()
    return elapsed / teaching.done * (teaching.total - teaching.done)
