"""The service's errors, and the table from error class to HTTP status (RFC 9457)."""

from collections.abc import Mapping
from typing import Any

from marrowscope.errors import InferenceError, InputError, MarrowscopeError


class ServiceError(MarrowscopeError):
    """A refused request; `more` holds members added to the problem document."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.more: Mapping[str, Any] = more


class UnauthenticatedError(ServiceError):
    """Nobody is logged in, or the name and password do not match."""


class ForbiddenError(ServiceError):
    """The user may not do this."""


class UnconfirmedError(ForbiddenError):
    """It takes the user in person: the password again, or a new single sign-on."""


class NotFoundError(ServiceError):
    """There is no such thing, or not for this user."""


class ConflictError(ServiceError):
    """It has changed since, or its state does not allow this."""


class SameNameError(ConflictError):
    """The patient has other images under these names: replace them, keep both, or cancel."""


class LockedError(ConflictError):
    """The analysis is signed; an amendment opens it again."""


class OpenPointsError(ConflictError):
    """Something in the count is open, and the signer has not said why it may stay so."""


class PreconditionError(ServiceError):
    """If-Match names another revision than the current one."""


class TooLargeError(ServiceError):
    """More bytes or files than the settings allow."""


class BusyError(ServiceError):
    """Too many requests or a full queue."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ClientLeftError(ServiceError):
    """The client closed the connection before it was answered; its request is no failure."""

    def __init__(self) -> None:
        super().__init__("the client left")


class UnavailableError(ServiceError):
    """The database, the disk or another service is not available now."""


# From class to (status, type, title). The most specific class of an error decides.
PROBLEMS: Mapping[type[MarrowscopeError], tuple[int, str, str]] = {
    UnauthenticatedError: (401, "unauthenticated", "Log in first"),
    ForbiddenError: (403, "forbidden", "Not permitted"),
    UnconfirmedError: (403, "unconfirmed", "Confirm who you are"),
    NotFoundError: (404, "not-found", "Not found"),
    ConflictError: (409, "conflict", "Conflict"),
    SameNameError: (409, "same-name", "Another image of this name"),
    OpenPointsError: (409, "open-points", "Open points"),
    LockedError: (409, "locked", "Signed and locked"),
    PreconditionError: (412, "precondition", "Precondition failed"),
    TooLargeError: (413, "too-large", "Too large"),
    BusyError: (429, "busy", "Too many requests"),
    ClientLeftError: (499, "left", "Client left"),
    UnavailableError: (503, "unavailable", "Not available now"),
    InputError: (422, "invalid", "Not usable"),
    InferenceError: (500, "inference", "A network failed"),
    MarrowscopeError: (500, "failure", "Failed"),
}


def problem_of(error: MarrowscopeError) -> tuple[int, str, str]:
    """Return status, type and title for an error."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
