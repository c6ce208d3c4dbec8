"""What is taken over when a patient is analysed again: readings of fields, and what readers said."""

from typing import Literal

from fastapi import APIRouter

from marrowscope.service.analyses import analyses
from marrowscope.service.images import patients
from marrowscope.service.reports import versions
from marrowscope.service.rest.dependencies import TheService, Transaction, Viewer
from marrowscope.service.rest.shapes import Id, Shape
from marrowscope.service.review import carrying, readings

router = APIRouter(tags=["reviews"])


class LostAnswerShape(Shape):
    """An answer, comments or requests that found no cell: the image was not read, or no cell found there."""

    field: str
    number: int
    type: str | None
    deleted: bool
    comments: int
    requests: int
    by: str | None
    why: Literal["not read", "not found"]


class CarriedShape(Shape):
    """What an analysis took over from earlier ones.

    `carried` is the number of cells with answers, comments or requests; `lost` is what found no cell.
    `fields_taken` were read before, by the same networks and settings; `fields_read` were read this time.
    """

    carried: int
    lost: list[LostAnswerShape]
    fields_taken: int
    fields_read: int


class ToCarryShape(Shape):
    """What a new analysis would find: what is to be carried over, signed versions that stay.

    `fields_taken` of its `fields` would be taken over as they were read, by the active networks.
    """

    answers: int
    comments: int
    requests: int
    versions: int
    fields: int
    fields_taken: int


@router.get("/analyses/{analysis_id}/carried")
def show_carried(session: Transaction, user: Viewer, analysis_id: Id) -> CarriedShape:
    """Show what became of the answers of earlier analyses when this one was done."""
    analysis = analyses.get(session, analysis_id)
    readings.refuse_blind(session, user, analysis)
    return CarriedShape.model_validate(carrying.carried_over(session, analysis))


@router.get("/patients/{patient_id}/carried")
def show_what_would_be_carried(
    session: Transaction, user: Viewer, service: TheService, patient_id: Id
) -> ToCarryShape:
    """Show what a new analysis of the patient would take over."""
    patient = patients.get(session, patient_id)
    readings.refuse_blind_of(session, user, patient_id)
    wanted = carrying.to_carry(session, patient)
    signed = len(versions.of_patient(session, patient))
    taken = analyses.would_take_over(session, service.settings, service.bundles, patient)
    return ToCarryShape(
        answers=wanted.answers,
        comments=wanted.comments,
        requests=wanted.requests,
        versions=signed,
        fields=patient.fields_count,
        fields_taken=taken,
    )
