"""Dependencies of endpoints: the service, a database session, the user with a sufficient role."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.service.actors import Actor, Role
from marrowscope.service.bundles import Bundles
from marrowscope.service.errors import ForbiddenError, UnauthenticatedError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.pictures import Pictures
from marrowscope.service.images.uploads import limits_of, work_limits_of
from marrowscope.service.limits import AtOnce, RateLimit
from marrowscope.service.metrics import Metrics
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.trail.events import Broadcaster

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ACTOR = "marrowscope.actor"
"""Key under which the guard puts the actor into a request's scope."""


@dataclass(frozen=True)
class Service:
    """The parts of one running service, at ``app.state.service``."""

    settings: Settings
    database: Database
    logins: RateLimit
    metrics: Metrics = field(default_factory=Metrics)
    setup_code: str | None = None
    """What creating the first administrator on the page needs; None if there were accounts at the start."""

    @cached_property
    def blobs(self) -> Blobs:
        """The blob store."""
        return Blobs(self.settings.blob_folder)

    @cached_property
    def pictures(self) -> Pictures:
        """Pictures made of images."""
        return Pictures(self.blobs, limits_of(self.settings), work_limits_of(self.settings))

    @cached_property
    def bundles(self) -> Bundles:
        """Networks an analysis may use."""
        return Bundles(self.settings)

    @cached_property
    def laboratory(self) -> Laboratory:
        """The laboratory that reports."""
        return read_laboratory(self.settings.laboratory)

    @cached_property
    def events(self) -> Broadcaster:
        """Passes changes on to listeners."""
        return Broadcaster(self.database)

    @cached_property
    def streams(self) -> AtOnce:
        """Event streams that each user has open."""
        return AtOnce(self.settings.streams_per_user)

    @cached_property
    def scratch(self) -> Path:
        """Folder for uploads in progress, on the disk of the blobs."""
        folder = self.settings.scratch_folder
        folder.mkdir(parents=True, exist_ok=True)
        return folder


# Dependencies that do not block are coroutines: FastAPI would run plain functions in its thread pool.
async def running_service(request: Request) -> Service:
    """Return the service that handles this request."""
    service = request.app.state.service
    assert isinstance(service, Service)  # noqa: S101 (tells the type checker)
    return service


TheService = Annotated[Service, Depends(running_service)]


def transaction(request: Request, service: TheService) -> Iterator[Session]:
    """Open the request's session: read-only for safe methods, else committed before the response is sent."""
    opened = service.database.reading if request.method in SAFE_METHODS else service.database.writing
    with opened() as session:
        yield session


Transaction = Annotated[Session, Depends(transaction, scope="function")]


async def current_user(request: Request) -> Actor:
    """Return the user whom the guard identified."""
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise UnauthenticatedError("log in, or send a token")
    return actor


CurrentUser = Annotated[Actor, Depends(current_user)]


def needs(role: Role) -> Callable[[Actor], Awaitable[Actor]]:
    """Return a dependency that refuses users who may not act as `role`."""

    async def check(actor: CurrentUser) -> Actor:
        if not actor.may_act_as(role):
            raise ForbiddenError(f"this needs the role {role}")
        return actor

    return check


async def may_write(actor: CurrentUser) -> Actor:
    """Return the user if what they ask with may write, whatever their role: what is written is their own."""
    if "write" not in actor.scopes:
        raise ForbiddenError("this needs a token that may write")
    return actor


Writer = Annotated[Actor, Depends(may_write)]
Viewer = Annotated[Actor, Depends(needs("viewer"))]
Reviewer = Annotated[Actor, Depends(needs("reviewer"))]
Admin = Annotated[Actor, Depends(needs("admin"))]


async def logged_in(actor: CurrentUser) -> Actor:
    """Return the user if they are logged in with a session."""
    if actor.id is None or actor.session_id is None:
        raise ForbiddenError("this needs a user who has logged in, not a token")
    return actor


LoggedIn = Annotated[Actor, Depends(logged_in)]
