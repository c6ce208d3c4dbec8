"""Server-sent events: what changes, as it changes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header
from sqlalchemy import ColumnElement, or_, select
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.types import Receive, Scope, Send

from marrowscope.service.actors import Actor
from marrowscope.service.analyses import analyses
from marrowscope.service.rest.analyses.analyses import AnalysisShape, analysis_shape
from marrowscope.service.rest.dependencies import Service, TheService, Viewer
from marrowscope.service.rest.shapes import Id
from marrowscope.service.review import readings
from marrowscope.service.store.tables.analyses import ENDED, UNDER_WAY, Analysis
from marrowscope.service.store.tables.patients import Patient
from marrowscope.service.trail.events import Broadcaster, Change

router = APIRouter(tags=["events"])
_LONGEST_S = 600.0  # then the browser reconnects and is authenticated again
_PING_S = 15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LastEvent = Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events"}
}


class Watch:
    """The changes that one connection has yet to send, each of them once."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._pending: dict[Change, None] = {}

    def __enter__(self) -> "Watch":
        self._broadcaster.add(self._notice)
        return self

    def __exit__(self, *_: object) -> None:
        self._broadcaster.remove(self._notice)

    async def next(self, timeout_s: float) -> list[Change]:
        """Wait for changes and return them; an empty list after the timeout."""
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return []
        self._news.clear()
        changes, self._pending = list(self._pending), {}
        return changes

    def _notice(self, changes: Iterable[Change]) -> None:
        self._loop.call_soon_threadsafe(self._add, tuple(changes))

    def _add(self, changes: Iterable[Change]) -> None:
        self._pending.update(dict.fromkeys(changes))
        self._news.set()


class _Stream(EventSourceResponse):
    """A stream of events that counts as one of its user's until it ends, however it ends."""

    def __init__(self, service: Service, user: Actor, events: AsyncIterator[ServerSentEvent]) -> None:
        self._leave: Callable[[], None] = service.streams.enter(user.id or user.username)
        super().__init__(events, ping=_PING_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


@router.get("/events", response_class=EventSourceResponse, responses=_STREAM)
async def watch_all(
    service: TheService, user: Viewer, last_event_id: LastEvent = None
) -> EventSourceResponse:
    """Send an event for every analysis (`analysis`) and patient (`patient`) that changes.

    The analyses under way come first, and what changed after Last-Event-ID.
    """
    return _Stream(service, user, _everything(service, user, _instant(last_event_id)))


@router.get("/analyses/{analysis_id}/events", response_class=EventSourceResponse, responses=_STREAM)
async def watch_analysis(service: TheService, user: Viewer, analysis_id: Id) -> EventSourceResponse:
    """Send the progress of one analysis (event `progress`) until it ends."""
    # Refused here if there is no such analysis.
    await to_thread.run_sync(_analysis, service, user, analysis_id)
    return _Stream(service, user, _one(service, user, analysis_id))


async def _everything(
    service: Service, user: Actor, since: datetime | None
) -> AsyncIterator[ServerSentEvent]:
    end = time.monotonic() + _LONGEST_S
    with Watch(service.events) as watch:
        for event in await to_thread.run_sync(_state, service, user, since):
            yield event
        while (left := end - time.monotonic()) > 0:
            for event in await to_thread.run_sync(_told, service, user, await watch.next(left)):
                yield event


async def _one(service: Service, user: Actor, analysis_id: str) -> AsyncIterator[ServerSentEvent]:
    end = time.monotonic() + _LONGEST_S
    with Watch(service.events) as watch:
        while True:
            shape = await to_thread.run_sync(_analysis, service, user, analysis_id)
            yield _event("progress", shape)
            if shape.status in ENDED:
                return
            changes: list[Change] = []
            while Change("analysis", analysis_id) not in changes:
                left = end - time.monotonic()
                if left <= 0:
                    return
                changes = await watch.next(left)


def _state(service: Service, user: Actor, since: datetime | None) -> list[ServerSentEvent]:
    """Return the first events of a connection, the oldest change first."""
    chosen: list[ColumnElement[bool]] = [Analysis.status.in_(UNDER_WAY)]
    if since is not None:
        chosen.append(Analysis.changed_at > since)
    with service.database.reading() as session:
        found = session.scalars(select(Analysis).where(or_(*chosen)).order_by(Analysis.changed_at)).all()
        hidden = readings.learns_from(session, user)
        events = [_event("analysis", analysis_shape(each, hidden), each.changed_at) for each in found]
        if since is not None:
            changed = session.scalars(select(Patient.id).where(Patient.changed_at > since))
            events += [JSONServerSentEvent({"id": each}, event="patient") for each in changed]
    return events


def _told(service: Service, user: Actor, changes: Iterable[Change]) -> list[ServerSentEvent]:
    events: list[ServerSentEvent] = []
    with service.database.reading() as session:
        hidden = readings.learns_from(session, user)
        for change in changes:
            if change.kind == "patient":
                events.append(JSONServerSentEvent({"id": change.id}, event="patient"))
            elif (analysis := session.get(Analysis, change.id)) is not None:
                events.append(_event("analysis", analysis_shape(analysis, hidden), analysis.changed_at))
    return events


def _analysis(service: Service, user: Actor, analysis_id: str) -> AnalysisShape:
    with service.database.reading() as session:
        return analysis_shape(analyses.get(session, analysis_id), readings.learns_from(session, user))


def _event(name: str, shape: AnalysisShape, changed: datetime | None = None) -> ServerSentEvent:
    number = None if changed is None else str((changed - _EPOCH) // timedelta(microseconds=1))
    return ServerSentEvent(shape.model_dump_json(), event=name, id=number)


def _instant(last_event_id: str | None) -> datetime | None:
    """Return the time in an event's identifier, microseconds since 1970; None if it is not one."""
    if last_event_id is None or not last_event_id.isdecimal() or len(last_event_id) > 16:
        return None
    return _EPOCH + timedelta(microseconds=int(last_event_id))
