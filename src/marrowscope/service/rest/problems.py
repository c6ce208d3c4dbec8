"""Errors as ``application/problem+json`` (RFC 9457)."""

import errno
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from marrowscope.errors import MarrowscopeError
from marrowscope.exports.atomic import DISK_FAULTS
from marrowscope.service.errors import BusyError, ClientLeftError, UnavailableError, problem_of

DATABASE_AWAY = (OperationalError, InterfaceError, NoConnectionLeft)
MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("marrowscope.rest")
_TITLES = {
    404: ("not-found", "Not found"),
    405: ("method", "Method not allowed"),
    400: ("malformed", "Malformed"),
}


def problem(
    request: Request,
    status: int,
    kind: str,
    title: str,
    *,
    detail: str,
    headers: dict[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """Build an error response; `more` adds members to it."""
    document = {"type": kind, "title": title, "status": status, "detail": detail}
    document = {**(more or {}), **document, "instance": request.url.path}
    return JSONResponse(document, status, headers, MEDIA_TYPE)


def answer(request: Request, error: MarrowscopeError) -> JSONResponse:
    """Build the response for an error of the package."""
    status, kind, title = problem_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, BusyError):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="marrowscope"'
    return problem(
        request, status, kind, title, detail=str(error), headers=headers, more=getattr(error, "more", None)
    )


def install(app: FastAPI) -> None:
    """Turn every error into a problem response."""

    @app.exception_handler(MarrowscopeError)
    def refused(request: Request, error: MarrowscopeError) -> JSONResponse:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"place": ".".join(str(part) for part in each["loc"]), "message": each["msg"]}
            for each in error.errors()
        ]
        detail = "; ".join(f"{each['place']}: {each['message']}" for each in errors[:3])
        return problem(request, 422, "invalid", "Not usable", detail=detail, more={"errors": errors})

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        kind, title = _TITLES.get(error.status_code, ("http", str(error.detail)))
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods_at(request))
        return problem(request, error.status_code, kind, title, detail=str(error.detail), headers=headers)

    @app.exception_handler(DataError)
    def unstorable(request: Request, error: DataError) -> JSONResponse:
        del error
        return problem(request, 422, "invalid", "Not usable", detail="a value cannot be stored")

    @app.exception_handler(IntegrityError)
    def collided(request: Request, error: IntegrityError) -> JSONResponse:
        del error
        return problem(request, 409, "conflict", "Conflict", detail="somebody else has changed it since")

    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, unreachable)


def _methods_at(request: Request) -> list[str]:
    """Return the methods of an address, over all routes that match it."""
    routes = request.app.routes
    known = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
    scopes = {method: {**request.scope, "method": method} for method in known}
    return [m for m, scope in scopes.items() if any(r.matches(scope)[0] is Match.FULL for r in routes)]


def unreachable(request: Request, error: Exception) -> JSONResponse:
    """Build the response while the database is unavailable or has no connection left."""
    _log.warning("database unreachable", error=type(getattr(error, "orig", error)).__name__)
    return answer(request, UnavailableError("the database does not respond; try again in a moment"))


def response_to(request: Request, error: Exception) -> JSONResponse:
    """Build the response to a request that ended in an error which no handler has taken."""
    if isinstance(error, MarrowscopeError):
        return answer(request, error)
    if isinstance(error, ClientDisconnect):  # while the rest of its body was awaited
        return answer(request, ClientLeftError())
    if isinstance(error, DATABASE_AWAY):
        return unreachable(request, error)
    if isinstance(error, OSError) and error.errno in DISK_FAULTS:
        _log.warning("disk fails", error=errno.errorcode[error.errno])
        return answer(request, UnavailableError(f"the disk does not take it: {error.strerror}"))
    _log.error("unexpected failure", exc_info=error)
    return failure(request)


def failure(request: Request) -> JSONResponse:
    """Build the response for an unexpected error."""
    detail = "the service failed; its log says where"
    return problem(request, 500, "failure", "Failed", detail=detail)
