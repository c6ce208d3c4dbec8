"""What is stated about a patient's case, and the phrases it may use."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, Field, StringConstraints

from marrowscope.domain.case.details import DETAILS, CaseDetails, Particles, Sex
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.case.specimen import Specimen
from marrowscope.service.images import patients
from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.shapes import Id, Shape, SpecimenName, one_line, without_control
from marrowscope.service.review import details
from marrowscope.service.store.tables.patients import Patient

router = APIRouter(tags=["patients"])

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(one_line)]
"""One printable line, or nothing."""
Text = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(without_control)
]
"""Several lines, or nothing."""
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
"""A date, ISO 8601, or nothing."""


class DetailsShape(Shape):
    """What is stated about a case; empty texts and null state nothing.

    `phrases` are identifiers of `/morphology`. `revision` rises with every change; a change is sent with the
    one that was seen.
    """

    specimen: SpecimenName = Specimen.NOT_STATED.value
    age_years: Annotated[float, Field(ge=0, le=130)] | None = None
    sex: Literal["female", "male", "not stated"] = Sex.NOT_STATED.value
    site: Words = ""
    particles: Literal["present", "absent", "not stated"] = Particles.NOT_STATED.value
    collected: Day = ""
    received: Day = ""
    requester: Words = ""
    order_number: Words = ""
    stain: Words = ""
    slide_quality: Words = ""
    clinical_details: Text = ""
    phrases: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] = Field(
        default_factory=list
    )
    comment: Text = ""
    conclusion: Text = ""
    revision: Annotated[int, Field(ge=0, le=2**31 - 1)]

    def value(self) -> CaseDetails:
        """Return the details for the use case."""
        own = {name: getattr(self, name) for name in DETAILS}
        return CaseDetails(
            **{
                **own,
                "specimen": Specimen(self.specimen),
                "sex": Sex(self.sex),
                "particles": Particles(self.particles),
                "phrases": tuple(self.phrases),
            }
        )


class PhraseShape(Shape):
    """A finding, by its code and in words."""

    id: str
    text: str


class SectionShape(Shape):
    """What phrases describe, and in which specimens it is looked for."""

    id: str
    title: str
    specimens: list[SpecimenName]
    phrases: list[PhraseShape]


class MorphologyShape(Shape):
    """All phrases of morphology, in the order of a report."""

    version: str
    sections: list[SectionShape]


@router.get("/morphology")
def show_morphology(_: Viewer) -> MorphologyShape:
    """List the phrases of morphology."""
    return MorphologyShape.model_validate(morphology())


@router.get("/patients/{patient_id}/details")
def show_details(session: Transaction, user: Viewer, patient_id: Id) -> DetailsShape:
    """Show what is stated about a patient's case."""
    return _shape(details.shown(session, user, patient_id))


@router.put("/patients/{patient_id}/details")
def state_details(session: Transaction, user: Reviewer, patient_id: Id, body: DetailsShape) -> DetailsShape:
    """State the details of a patient's case anew, all of them together; not while its report is signed."""
    return _shape(details.state(session, user, patient_id, body.value(), body.revision))


def _shape(patient: Patient) -> DetailsShape:
    stated = patients.details_of(patient)
    own = {name: getattr(stated, name) for name in DETAILS}
    return DetailsShape(**{**own, "phrases": list(stated.phrases), "revision": patient.details_revision})
