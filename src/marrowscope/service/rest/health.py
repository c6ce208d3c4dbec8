"""Liveness, readiness and metrics."""

import shutil
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Select, case, func, select

from marrowscope.service.backups.backup import last_made_at
from marrowscope.service.clock import now
from marrowscope.service.errors import UnavailableError
from marrowscope.service.exchange import outbox
from marrowscope.service.metrics import CONTENT_TYPE
from marrowscope.service.quality import alarms
from marrowscope.service.rest.dependencies import TheService
from marrowscope.service.rest.shapes import Shape
from marrowscope.service.store.claims import WAITING
from marrowscope.service.store.schema import is_up_to_date
from marrowscope.service.store.tables.analyses import Analysis, LiveSession
from marrowscope.service.store.tables.audit import AuditHead

router = APIRouter(tags=["health"])
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Figures", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


class Health(Shape):
    """A healthy state."""

    status: str


@router.get("/healthz")
def is_alive() -> Health:
    """Respond as long as the process serves requests."""
    return Health(status="ok")


@router.get("/readyz")
def is_ready(service: TheService) -> Health:
    """Respond 200 if the database and the disk can take work, else 503."""
    with service.database.reading() as session:
        if not is_up_to_date(session.connection()):
            raise UnavailableError("the database has the tables of another version")
    if shutil.disk_usage(service.settings.data_folder).free < service.settings.free_bytes:
        raise UnavailableError("the disk is nearly full")
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses=_TEXT)
def metrics(service: TheService) -> Response:
    """Return metrics in Prometheus' text format; none names a patient or a user."""
    figures = service.metrics
    with service.database.reading() as session:
        by_status = session.execute(select(Analysis.status, func.count()).group_by(Analysis.status)).all()
        figures.audit_entries.set(session.scalar(select(AuditHead.number)) or 0)
        drifted = alarms.open_by_cause(session)
        oldest = session.scalar(_oldest())
        deliveries, oldest_s = outbox.figures(session)
    figures.analyses.clear()
    for status, number in by_status:
        figures.analyses.labels(status).set(number)
    for status, number in deliveries.items():
        figures.deliveries.labels(status).set(number)
    figures.outbox_seconds.set(oldest_s)
    for cause, number in drifted.items():
        figures.control_signals.labels(cause.value).set(number)
    figures.queue_seconds.set(0 if oldest is None else max((now() - oldest).total_seconds(), 0))
    settings = service.settings
    figures.disk_free.set(shutil.disk_usage(settings.data_folder).free)
    figures.disk_needed.set(settings.free_bytes)
    backup = last_made_at(settings)
    figures.backup.set(0 if backup is None else datetime.fromisoformat(backup).timestamp())
    return Response(figures.text(), headers={"Content-Type": CONTENT_TYPE})


def _oldest() -> "Select[datetime | None]":
    """Select since when the oldest unfinished analysis has waited; one that was live, since it was closed.

    A session may be open for days; what is read after its end changes its analysis.
    """
    since = case((LiveSession.analysis_id.is_not(None), Analysis.changed_at), else_=Analysis.created_at)
    of_all = select(func.min(since)).outerjoin(LiveSession, LiveSession.analysis_id == Analysis.id)
    return of_all.where(Analysis.status.in_(WAITING))
