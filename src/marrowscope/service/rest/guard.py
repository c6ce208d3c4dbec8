"""The middleware before all routes: request number, size limit, authentication, CSRF.

It is closed by default: an unsafe request under ``/api`` without a valid CSRF token or API token is refused,
whatever its route requires.
"""

import asyncio
import time
from dataclasses import dataclass, field

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from marrowscope.service.accounts.sessions import find_session
from marrowscope.service.accounts.tokens import find_token
from marrowscope.service.actors import ANYBODY, Actor
from marrowscope.service.clock import new_id
from marrowscope.service.errors import ForbiddenError, TooLargeError, UnauthenticatedError
from marrowscope.service.limits import RateLimit
from marrowscope.service.rest import problems
from marrowscope.service.rest.cookies import session_secret
from marrowscope.service.rest.dependencies import ACTOR, SAFE_METHODS, Service
from marrowscope.service.secrets import csrf_token, same
from marrowscope.service.settings import is_loopback

_log = structlog.get_logger("marrowscope.request")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
_HSTS = "max-age=31536000"


@dataclass
class _Answer:
    """State of a response while it is sent."""

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    status: int = 500
    begun: bool = False


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._rate = RateLimit(service.settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, answer = Request(scope), _Answer(new_id())
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=answer.request_id)

        async def decorated(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.begun = message["status"], True
                _decorate(MutableHeaders(scope=message), request, answer)
            await send(message)

        try:
            limited = self._limited(request, receive)
            if request.url.path.startswith("/api/"):
                await run_in_threadpool(self._identify, request)
            await self._app(scope, limited, decorated)
        except Exception as error:
            response = problems.response_to(request, error)
            if answer.begun:
                raise
            await response(scope, receive, decorated)
        finally:
            self._note(request, answer)

    def _identify(self, request: Request) -> None:
        """Authenticate a request and put the actor into its scope."""
        settings = self._service.settings
        address = request.client.host if request.client else "unknown"
        authorization = request.headers.get("authorization")
        actor: Actor | None
        if settings.authentication == "off":
            if not is_loopback(request.url.hostname or ""):
                # Another site's name may point here (DNS rebinding).
                raise ForbiddenError(
                    "without authentication this service accepts requests to a loopback name only"
                )
            actor = ANYBODY
            _check_csrf(request)
        elif authorization is not None:
            actor = self._by_token(authorization, address)
        else:
            secret = session_secret(request)
            actor = find_session(self._service.database, settings, secret) if secret else None
            _check_csrf(request)
        self._rate.take(f"user {actor.id}" if actor is not None and actor.id else f"address {address}")
        request.scope[ACTOR] = actor

    def _by_token(self, authorization: str, address: str) -> Actor:
        kind, _, secret = authorization.partition(" ")
        actor = find_token(self._service.database, secret.strip()) if kind.lower() == "bearer" else None
        if actor is None:
            self._rate.take(f"address {address}")
            raise UnauthenticatedError("the token is unknown or has expired")
        return actor

    def _limited(self, request: Request, receive: Receive) -> Receive:
        """Refuse a body that is too large, as announced or as received, or that does not come."""
        settings = self._service.settings
        uploads = request.url.path.startswith("/api/") and request.url.path.endswith("/files")
        most = settings.request_bytes if uploads else settings.body_bytes
        refusal = f"a request may have {most} bytes at most"
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > most:
            raise TooLargeError(refusal)
        seen, is_whole = 0, False

        async def counted() -> Message:
            nonlocal seen, is_whole
            if is_whole:  # what comes now is that the client leaves
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), settings.body_seconds)
            except TimeoutError:
                late = f"the request's body did not go on for {settings.body_seconds:g} seconds"
                raise HTTPException(408, late, {"Connection": "close"}) from None
            seen += len(message.get("body", b""))
            if seen > most:
                raise HTTPException(413, refusal)  # the only error that body parsers let through
            is_whole = not message.get("more_body", False)
            return message

        return counted

    def _note(self, request: Request, answer: _Answer) -> None:
        # The route's template, never the path or query, which may hold what users typed.
        route = getattr(request.scope.get("route"), "path", None) or "none"
        seconds = time.perf_counter() - answer.started
        metrics = self._service.metrics
        metrics.requests.labels(request.method, route, str(answer.status)).inc()
        metrics.seconds.labels(request.method, route).observe(seconds)
        actor = request.scope.get(ACTOR)
        _log.info(
            "request",
            method=request.method,
            route=route,
            status=answer.status,
            ms=round(1000 * seconds, 1),
            user=actor.id if isinstance(actor, Actor) else None,
        )


def _check_csrf(request: Request) -> None:
    """Refuse an unsafe request that another site may have caused."""
    if request.method in SAFE_METHODS:
        return
    secret, sent = session_secret(request), request.headers.get("x-csrf-token")
    if secret is None or sent is None or not same(sent, csrf_token(secret)):
        raise ForbiddenError("the X-CSRF-Token header is missing or not this session's (GET /api/v1/session)")


def _decorate(headers: MutableHeaders, request: Request, answer: _Answer) -> None:
    headers["X-Request-ID"] = answer.request_id
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if request.url.path.startswith("/api/"):
        headers.setdefault("Cache-Control", "no-store")
    if request.url.scheme == "https":
        headers.setdefault("Strict-Transport-Security", _HSTS)
