"""Cookies: of a session, and of a single sign-on in progress."""

import base64

from starlette.requests import Request
from starlette.responses import Response

_LONGEST = 100


def session_secret(request: Request) -> str | None:
    """Return the secret in the request's session cookie, None if there is no plausible one."""
    secret = request.cookies.get(_name(request))
    return secret if secret and len(secret) <= _LONGEST and secret.isascii() else None


def set_session(request: Request, response: Response, secret: str, max_age_s: int | None = None) -> None:
    """Set the session cookie, which no script can read and no other site can send."""
    response.set_cookie(
        _name(request),
        secret,
        max_age=max_age_s,
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="strict",
    )


def clear_session(request: Request, response: Response) -> None:
    """Clear the session cookie."""
    response.delete_cookie(
        _name(request), path="/", secure=_is_https(request), httponly=True, samesite="strict"
    )


def _name(request: Request) -> str:
    # Browsers accept the prefix over https only, and from this host alone.
    return "__Host-marrowscope" if _is_https(request) else "marrowscope"


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


_ATTEMPT = "marrowscope-sign-on"
_ATTEMPT_S = 600
_ATTEMPT_PATH = "/api/v1/session/oidc"


def set_attempt(request: Request, response: Response, text: str) -> None:
    """Store a single sign-on in progress: short-lived, and lax so that the issuer's redirect returns it."""
    value = base64.urlsafe_b64encode(text.encode()).decode()
    response.set_cookie(
        _ATTEMPT,
        value,
        max_age=_ATTEMPT_S,
        path=_ATTEMPT_PATH,
        secure=_is_https(request),
        httponly=True,
        samesite="lax",
    )


def attempt(request: Request) -> str | None:
    """Return the single sign-on in progress, None if the browser sent none."""
    try:
        return base64.urlsafe_b64decode(request.cookies.get(_ATTEMPT, "")).decode()
    except ValueError:
        return None


def clear_attempt(request: Request, response: Response) -> None:
    """Clear the single sign-on in progress."""
    response.delete_cookie(
        _ATTEMPT, path=_ATTEMPT_PATH, secure=_is_https(request), httponly=True, samesite="lax"
    )
