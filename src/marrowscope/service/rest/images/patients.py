"""Patients: the worklist and its entries."""

from typing import Annotated

from fastapi import APIRouter, Query

from marrowscope.service.images import patients
from marrowscope.service.rest.dependencies import Reviewer, Transaction, Viewer
from marrowscope.service.rest.records import PatientShape, PatientStatus, patient_shape
from marrowscope.service.rest.shapes import Cursor, Id, Limit, Line, Page, Shape
from marrowscope.service.review import readings

router = APIRouter(prefix="/patients", tags=["patients"])


class NewPatient(Shape):
    """A patient to be; the name may be a number: nothing needs a person's name."""

    name: Line


@router.get("")
def list_patients(
    session: Transaction,
    user: Viewer,
    search: Annotated[str | None, Query(max_length=200)] = None,
    status: PatientStatus | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PatientShape]:
    """List patients, the newest first."""
    rows, more = patients.page(session, search, status, limit, cursor)
    blind = readings.blind_to(session, user)
    return Page(items=[patient_shape(patient, analysis, blind) for patient, analysis in rows], next=more)


@router.post("", status_code=201)
def add_patient(session: Transaction, user: Reviewer, body: NewPatient) -> PatientShape:
    """Make a patient without images."""
    return patient_shape(patients.add(session, user, body.name), None)


@router.get("/{patient_id}")
def show_patient(session: Transaction, user: Viewer, patient_id: Id) -> PatientShape:
    """Show one patient."""
    patient = patients.get(session, patient_id)
    blind = readings.blind_to(session, user)
    return patient_shape(patient, patients.latest_analysis(session, patient), blind)
