"""Logging in and out, by password or by single sign-on."""

import json
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field
from sqlalchemy.orm import Session

from marrowscope.service.accounts import authentication, oidc, sessions, setting_up
from marrowscope.service.actors import Actor
from marrowscope.service.errors import NotFoundError, ServiceError, UnauthenticatedError
from marrowscope.service.rest import cookies
from marrowscope.service.rest.dependencies import ACTOR, LoggedIn, Service, TheService, Transaction
from marrowscope.service.rest.shapes import Line, Password, Shape, UserShape
from marrowscope.service.secrets import csrf_token, new_secret
from marrowscope.service.store.tables.accounts import User
from marrowscope.version import __version__

router = APIRouter(tags=["session"])


class SignOn(Shape):
    """Where single sign-on begins."""

    name: str
    url: str


class SessionState(Shape):
    """Who is logged in, and what the page needs to talk to the service.

    `to_sign` is what a signature needs now: the password, or a new single sign-on. `is_set_up` is false as
    long as there is no account, and nobody can log in.
    """

    user: UserShape | None
    csrf_token: str
    authentication: Literal["required", "off"]
    oidc: SignOn | None
    version: str
    to_sign: Literal["password", "sign-on", "nothing"]
    is_set_up: bool


class Credentials(Shape):
    """A user's name and password."""

    username: Annotated[str, Field(min_length=1, max_length=200)]
    password: Password


class FirstAdministrator(Shape):
    """The first account, and the code that the server printed when it was started."""

    code: Annotated[str, Field(min_length=1, max_length=100)]
    username: Annotated[str, Field(min_length=1, max_length=200)]
    name: Line
    password: Password


class PasswordChange(Shape):
    """The current password and the new one."""

    old: Password
    new: Password


@router.get("/session")
def show_session(
    request: Request, response: Response, session: Transaction, service: TheService
) -> SessionState:
    """Show who is logged in, and set the cookie that a browser's first unsafe request needs."""
    secret = cookies.session_secret(request)
    if secret is None:
        secret = new_secret()
        cookies.set_session(request, response, secret)
    actor = request.scope.get(ACTOR)
    return _state(service, session, actor if isinstance(actor, Actor) else None, secret)


@router.post("/session")
def log_in(
    request: Request, response: Response, credentials: Credentials, service: TheService
) -> SessionState:
    """Log in. The browser's previous session ends; the new one has a new identifier."""
    service.logins.take(request.client.host if request.client else "unknown")
    try:
        opened = sessions.log_in(
            service.database, service.settings, credentials.username, credentials.password
        )
    except ServiceError:
        service.metrics.logins.labels("refused").inc()
        raise
    service.metrics.logins.labels("accepted").inc()
    before = request.scope.get(ACTOR)
    if isinstance(before, Actor):
        with service.database.writing() as session:
            sessions.log_out(session, before)
    cookies.set_session(request, response, opened.secret, opened.max_age_s)
    with service.database.reading() as session:
        return _state(service, session, opened.actor, opened.secret)


@router.post("/session/setup", status_code=201)
def set_up(
    request: Request, response: Response, wanted: FirstAdministrator, service: TheService
) -> SessionState:
    """Create the first administrator of a new installation, and log them in."""
    service.logins.take(request.client.host if request.client else "unknown")
    with service.database.writing() as session:
        user = setting_up.first_administrator(session, service.setup_code, **wanted.model_dump())
        opened = sessions.open_session(session, service.settings, user)
    cookies.set_session(request, response, opened.secret, opened.max_age_s)
    with service.database.reading() as session:
        return _state(service, session, opened.actor, opened.secret)


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response, session: Transaction) -> None:
    """Log out; harmless when nobody is logged in."""
    actor = request.scope.get(ACTOR)
    if isinstance(actor, Actor):
        sessions.log_out(session, actor)
    cookies.clear_session(request, response)


@router.post("/session/password", status_code=204)
def change_password(
    request: Request,
    response: Response,
    change: PasswordChange,
    actor: LoggedIn,
    service: TheService,
) -> None:
    """Change your own password; your other sessions end."""
    service.logins.take(f"user {actor.id}")
    opened = sessions.change_password(
        service.database, service.settings, actor, old=change.old, new=change.new
    )
    cookies.set_session(request, response, opened.secret, opened.max_age_s)


@router.get("/session/oidc", status_code=303, response_class=RedirectResponse)
def begin_sign_on(
    request: Request,
    service: TheService,
    confirm: bool = False,
    back: Annotated[str, Query(max_length=200, pattern="^/([A-Za-z0-9_-]+/?)*$")] = "/",
) -> Response:
    """Send the browser to the single sign-on.

    With `confirm` it is to ask again who you are, as a signature needs; `back` is the page to return to.
    """
    _need_oidc(service)
    service.logins.take(request.client.host if request.client else "unknown")
    url, attempt = oidc.begin(service.settings, is_confirming=confirm, back=back)
    response = RedirectResponse(url, 303)
    cookies.set_attempt(request, response, json.dumps(asdict(attempt)))
    return response


@router.get("/session/oidc/callback", status_code=303, response_class=RedirectResponse)
def finish_sign_on(
    request: Request,
    service: TheService,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """Complete the single sign-on and open a session."""
    _need_oidc(service)
    service.logins.take(request.client.host if request.client else "unknown")
    try:
        attempt = oidc.Attempt(**json.loads(cookies.attempt(request) or ""))
    except (ValueError, TypeError):
        raise UnauthenticatedError("this log-in was not started here; start again") from None
    identity = oidc.finish(service.settings, attempt, state=state, code=code)
    with service.database.writing() as session:
        user = oidc.admit(session, identity)
        opened = sessions.open_session(session, service.settings, user, identity.confirmed_at)
    response = RedirectResponse(attempt.back, 303)
    cookies.clear_attempt(request, response)
    cookies.set_session(request, response, opened.secret, opened.max_age_s)
    return response


def _state(service: Service, session: Session, actor: Actor | None, secret: str) -> SessionState:
    settings = service.settings
    sign_on = (
        SignOn(name=settings.oidc_name, url="/api/v1/session/oidc") if settings.oidc_configured else None
    )
    user = None
    if actor is not None:
        user = UserShape.of(None if actor.id is None else session.get_one(User, actor.id), actor)
    return SessionState(
        user=user,
        csrf_token=csrf_token(secret),
        authentication=settings.authentication,
        oidc=sign_on,
        version=__version__,
        is_set_up=actor is not None or settings.oidc_configured or setting_up.is_set_up(session),
        to_sign="nothing" if actor is None else authentication.needed_to_sign(session, actor),
    )


def _need_oidc(service: Service) -> None:
    if not service.settings.oidc_configured:
        raise NotFoundError("single sign-on is not set up")
