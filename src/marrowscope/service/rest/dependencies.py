"""What endpoints ask for: the service, a session of the database, the user in a sufficient role."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from marrowscope.service.actors import Actor, Role
from marrowscope.service.bundles import Bundles
from marrowscope.service.errors import ForbiddenError, UnauthenticatedError
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.pictures import Pictures
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.limits import RateLimit
from marrowscope.service.metrics import Metrics
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.trail.events import Broadcaster

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ACTOR = "marrowscope.actor"
"""Where the guard leaves the actor in a request's scope."""


@dataclass(frozen=True)
class Service:
    """What one running service consists of; kept at ``app.state.service``."""

    settings: Settings
    database: Database
    logins: RateLimit
    metrics: Metrics = field(default_factory=Metrics)

    @cached_property
    def blobs(self) -> Blobs:
        """Images and pictures on disk."""
        return Blobs(self.settings.blob_folder)

    @cached_property
    def pictures(self) -> Pictures:
        """Pictures served of images."""
        return Pictures(self.blobs, limits_of(self.settings))

    @cached_property
    def bundles(self) -> Bundles:
        """Networks an analysis may choose."""
        return Bundles(self.settings)

    @cached_property
    def events(self) -> Broadcaster:
        """Who is told what changes."""
        return Broadcaster(self.database)

    @cached_property
    def scratch(self) -> Path:
        """Folder for what is being uploaded, on the disk of the blobs."""
        folder = self.settings.data_folder / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


# What waits for nothing is a coroutine: as a plain function it would take a turn in a thread.
async def running_service(request: Request) -> Service:
    """Give the service this request is for."""
    service = request.app.state.service
    assert isinstance(service, Service)  # noqa: S101
    return service


TheService = Annotated[Service, Depends(running_service)]


def transaction(request: Request, service: TheService) -> Iterator[Session]:
    """Open the request's session: for safe methods a reading one, else committed before the answer."""
    opened = service.database.reading if request.method in SAFE_METHODS else service.database.writing
    with opened() as session:
        yield session


Transaction = Annotated[Session, Depends(transaction, scope="function")]


async def current_user(request: Request) -> Actor:
    """Give who asks, as the guard before all routes found out."""
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise UnauthenticatedError("log in, or send a token")
    return actor


CurrentUser = Annotated[Actor, Depends(current_user)]


def needs(role: Role) -> Callable[[Actor], Awaitable[Actor]]:
    """Make the dependency that refuses everybody who may not act as `role`."""

    async def check(actor: CurrentUser) -> Actor:
        if not actor.may_act_as(role):
            raise ForbiddenError(f"this needs the role {role}")
        return actor

    return check


Viewer = Annotated[Actor, Depends(needs("viewer"))]
Reviewer = Annotated[Actor, Depends(needs("reviewer"))]
Admin = Annotated[Actor, Depends(needs("admin"))]


async def logged_in(actor: CurrentUser) -> Actor:
    """Give who asks, when that is a person with a session of their own."""
    if actor.id is None or actor.session_id is None:
        raise ForbiddenError("this needs a user who has logged in, not a token")
    return actor


LoggedIn = Annotated[Actor, Depends(logged_in)]
