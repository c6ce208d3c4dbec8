"""The cookies: of a session, and of a single sign-on under way."""

import base64

from starlette.requests import Request
from starlette.responses import Response

_LONGEST = 100


def session_secret(request: Request) -> str | None:
    """Give the secret in the request's cookie, if there is one that can be ours."""
    secret = request.cookies.get(_name(request))
    return secret if secret and len(secret) <= _LONGEST and secret.isascii() else None


def set_session(request: Request, response: Response, secret: str, max_age_s: int | None = None) -> None:
    """Hand a secret to the browser, where no script can read it and no other site can send it."""
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
    """Take the cookie back."""
    response.delete_cookie(
        _name(request), path="/", secure=_is_https(request), httponly=True, samesite="strict"
    )


def _name(request: Request) -> str:
    # Browsers accept the prefix only over https, and then from this very host alone.
    return "__Host-marrowscope" if _is_https(request) else "marrowscope"


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


_ATTEMPT = "marrowscope-sign-on"
_ATTEMPT_S = 600
_ATTEMPT_PATH = "/api/v1/session/oidc"


def set_attempt(request: Request, response: Response, text: str) -> None:
    """Keep a begun single sign-on: lax, for the issuer's redirect must bring it back, and short-lived."""
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
    """Give the text of the begun single sign-on, if the browser brought one."""
    try:
        return base64.urlsafe_b64decode(request.cookies.get(_ATTEMPT, "")).decode()
    except ValueError:
        return None


def clear_attempt(request: Request, response: Response) -> None:
    """Forget the begun single sign-on."""
    response.delete_cookie(
        _ATTEMPT, path=_ATTEMPT_PATH, secure=_is_https(request), httponly=True, samesite="lax"
    )
