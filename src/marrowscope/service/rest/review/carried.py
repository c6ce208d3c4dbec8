"""Readers' answers carried over when a patient is analysed again."""

from typing import Literal

from fastapi import APIRouter

from marrowscope.service.analyses import analyses
from marrowscope.service.images import patients
from marrowscope.service.reports import versions
from marrowscope.service.rest.dependencies import Transaction, Viewer
from marrowscope.service.rest.shapes import Id, Shape
from marrowscope.service.review import carrying, readings

router = APIRouter(tags=["reviews"])


class LostAnswerShape(Shape):
    """An answer, or comments, that found no cell: the image was not read, or no cell found there again."""

    field: str
    number: int
    type: str | None
    deleted: bool
    comments: int
    by: str | None
    why: Literal["not read", "not found"]


class CarriedShape(Shape):
    """How many cells took over answers or comments of an earlier analysis, and what was left behind."""

    carried: int
    lost: list[LostAnswerShape]


class ToCarryShape(Shape):
    """What a new analysis would find: answers and comments to carry over, signed versions that stay."""

    answers: int
    comments: int
    versions: int


@router.get("/analyses/{analysis_id}/carried")
def show_carried(session: Transaction, user: Viewer, analysis_id: Id) -> CarriedShape:
    """Show what became of the answers of earlier analyses when this one was done."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    return CarriedShape.model_validate(carrying.carried_over(session, analysis))


@router.get("/patients/{patient_id}/carried")
def show_what_would_be_carried(session: Transaction, user: Viewer, patient_id: Id) -> ToCarryShape:
    """Show what a new analysis of the patient would carry over."""
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, user, patient_id)
    wanted = carrying.to_carry(session, patient)
    signed = len(versions.of_patient(session, patient))
    return ToCarryShape(answers=wanted.answers, comments=wanted.comments, versions=signed)
