"""The outbox: signed reports on their way to other systems."""

from typing import Literal

from fastapi import APIRouter

from marrowscope.service.exchange import outbox
from marrowscope.service.rest.dependencies import Admin, Transaction
from marrowscope.service.rest.shapes import Cursor, Id, Instant, Limit, Page, Shape

router = APIRouter(prefix="/outbox", tags=["outbox"])
DeliveryStatus = Literal["waiting", "sent", "refused"]


class DeliveryShape(Shape):
    """A signed version on its way to one system; `message` says why the last attempt failed."""

    id: str
    analysis_id: str
    number: int
    target: str
    status: DeliveryStatus
    attempts: int
    created_at: Instant
    next_at: Instant
    sent_at: Instant | None
    message: str


class ListedDeliveryShape(DeliveryShape):
    """A delivery, and whose report it is."""

    patient_id: str
    patient: str


@router.get("")
def list_deliveries(
    session: Transaction,
    user: Admin,
    status: DeliveryStatus | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ListedDeliveryShape]:
    """List deliveries, the newest first."""
    del user
    found, more = outbox.listed(session, status, limit, cursor)
    return Page(
        items=[
            ListedDeliveryShape(
                **DeliveryShape.model_validate(delivery).model_dump(),
                patient_id=patient.id,
                patient=patient.name,
            )
            for delivery, patient in found
        ],
        next=more,
    )


@router.post("/{delivery_id}/again")
def send_again(session: Transaction, user: Admin, delivery_id: Id) -> DeliveryShape:
    """Send a report that was refused once more, or try a waiting one now."""
    return DeliveryShape.model_validate(outbox.send_again(session, user, delivery_id))
