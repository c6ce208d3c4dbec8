"""What endpoints ask for: the service, a session of the database, the user in a sufficient role."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from marrowscope.service.actors import ANYBODY, Actor, Role
from marrowscope.service.errors import ForbiddenError
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Service:
    """What one running service consists of; kept at ``app.state.service``."""

    settings: Settings
    database: Database


def running_service(request: Request) -> Service:
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


def current_user(request: Request, service: TheService) -> Actor:
    """Give who asks."""
    del request, service
    return ANYBODY


CurrentUser = Annotated[Actor, Depends(current_user)]


def needs(role: Role) -> Callable[[Actor], Actor]:
    """Make the dependency that refuses everybody who may not act as `role`."""

    def check(actor: CurrentUser) -> Actor:
        if not actor.may_act_as(role):
            raise ForbiddenError(f"this needs the role {role}")
        return actor

    return check


Viewer = Annotated[Actor, Depends(needs("viewer"))]
Reviewer = Annotated[Actor, Depends(needs("reviewer"))]
Admin = Annotated[Actor, Depends(needs("admin"))]
