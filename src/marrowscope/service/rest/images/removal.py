"""Deleting a patient."""

from fastapi import APIRouter, BackgroundTasks

from marrowscope.service.images import patients, retention
from marrowscope.service.rest.dependencies import Admin, TheService, Transaction
from marrowscope.service.rest.shapes import Id, Line, Shape

router = APIRouter(tags=["patients"])


class Removal(Shape):
    """Why a patient is deleted; it stays in the audit trail and must not name anybody."""

    reason: Line


@router.delete("/patients/{patient_id}", status_code=204)
def remove_patient(
    session: Transaction,
    user: Admin,
    service: TheService,
    tasks: BackgroundTasks,
    patient_id: Id,
    body: Removal,
) -> None:
    """Delete a patient with images, analyses, reviews and signed reports; the audit trail stays."""
    digests = retention.remove_patient(session, user, patient_id, body.reason)
    tasks.add_task(patients.forget, service.database, service.blobs, digests)
