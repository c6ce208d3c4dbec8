"""Actors: a user with a role, through a session or a token, or the service itself."""

from dataclasses import dataclass
from typing import Literal, get_args

from marrowscope.errors import InputError

Role = Literal["viewer", "reviewer", "admin"]
Scope = Literal["read", "write", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
_NEEDED_SCOPE: dict[Role, Scope] = {"viewer": "read", "reviewer": "write", "admin": "admin"}


def role_named(name: str) -> Role:
    """Return the role with a name.

    Raises
    ------
    InputError
        There is none.
    """
    for role in ROLES:
        if role == name:
            return role
    raise InputError(f"there is no role {name}; roles are {', '.join(ROLES)}")


@dataclass(frozen=True)
class Actor:
    """Who makes a request, as the use cases see it.

    `scopes` limits what a token may do; a session, named by `session_id`, may do all its role allows.
    """

    id: str | None
    username: str
    name: str
    role: Role
    scopes: tuple[Scope, ...] = SCOPES
    session_id: str | None = None

    def may_act_as(self, role: Role) -> bool:
        """Return whether role and scopes permit what `role` may do; no scope includes another."""
        return ROLES.index(self.role) >= ROLES.index(role) and _NEEDED_SCOPE[role] in self.scopes

    def may_give(self, scope: Scope) -> bool:
        """Return whether a token of this actor may have `scope`."""
        return any(self.may_act_as(role) for role, needed in _NEEDED_SCOPE.items() if needed == scope)


SYSTEM = Actor(None, "system", "marrowscope", "admin")
"""The service itself: job results, retention."""

ANYBODY = Actor(None, "local", "Local user", "admin")
"""The user of a service whose authentication is off."""
