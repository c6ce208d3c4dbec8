"""Users: who may log in, in which role."""

import re
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.imaging.names import comparable
from marrowscope.service.accounts.passwords import hash_password
from marrowscope.service.actors import Actor, Role, role_named
from marrowscope.service.errors import ConflictError, NotFoundError
from marrowscope.service.secrets import digest
from marrowscope.service.store.base import row_of
from marrowscope.service.store.tables.accounts import ApiToken, LoginFailure, LoginSession, User
from marrowscope.service.trail import audit

USERNAME_PATTERN = "^[a-z0-9][a-z0-9._@-]{0,99}$"


def username_of(text: str) -> str:
    """Return the user name that somebody means by what they typed."""
    return comparable(text.strip())


def add_user(
    session: Session, actor: Actor, username: str, name: str, *, role: Role, password: str | None
) -> User:
    """Create an account; without a password, for single sign-on.

    Raises
    ------
    InputError
        The name or the password is not valid.
    ConflictError
        The name is taken.
    """
    username = username_of(username)
    if not re.match(USERNAME_PATTERN, username):
        raise InputError("a user name is made of a-z, 0-9 and . _ @ - and begins with a letter or a digit")
    if session.scalar(select(User.id).where(User.username == username)) is not None:
        raise ConflictError(f"there is a user {username} already")
    hashed = None if password is None else hash_password(password)
    user = User(username=username, name=name.strip() or username, role=role, password_hash=hashed)
    session.add(user)
    session.flush()
    audit.record(session, actor, "user.add", "user", user.id, after=_described(user))
    return user


def list_users(session: Session) -> Sequence[User]:
    """Return all users, sorted by user name."""
    return session.scalars(select(User).order_by(User.username)).all()


def find_user(session: Session, username: str) -> User:
    """Return the user with a user name.

    Raises
    ------
    NotFoundError
        There is none.
    """
    user = session.scalar(select(User).where(User.username == username_of(username)))
    if user is None:
        raise NotFoundError(f"there is no user {username}")
    return user


def change_user(
    session: Session,
    actor: Actor,
    user_id: str,
    *,
    name: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
    password: str | None = None,
) -> User:
    """Change the given properties of an account; a new role, password or state ends its sessions.

    Raises
    ------
    NotFoundError
        There is no such user.
    ConflictError
        No active administrator would be left.
    """
    user = row_of(session, User, user_id, "user")
    before = _described(user)
    loses_admin = user.role == "admin" and user.active and (role not in {None, "admin"} or active is False)
    if loses_admin and _active_admins(session) == 1:
        raise ConflictError("the last administrator cannot be removed")
    if name is not None:
        user.name = name
    if role is not None:
        user.role = role
    if active is not None:
        user.active = active
    if password is not None:
        set_password(session, user, password)
    if {role, active, password} != {None}:
        end_sessions(session, user.id)
    after = {**_described(user), **({"password": "changed"} if password is not None else {})}
    audit.record(session, actor, "user.change", "user", user.id, before=before, after=after)
    return user


def set_password(session: Session, user: User, password: str) -> None:
    """Set a new password and unlock the account."""
    user.password_hash = hash_password(password)
    session.execute(delete(LoginFailure).where(LoginFailure.name_sha256 == digest(user.username)))


def end_sessions(session: Session, user_id: str) -> None:
    """Log a user out everywhere; an inactive user's tokens are removed too."""
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))
    inactive = select(User.id).where(User.id == user_id, User.active.is_(False))
    session.flush()
    session.execute(delete(ApiToken).where(ApiToken.user_id.in_(inactive)))


def actor_of(user: User) -> Actor:
    """Return a user as an actor."""
    return Actor(user.id, user.username, user.name, role_named(user.role))


def _active_admins(session: Session) -> int:
    query = select(func.count()).select_from(User).where(User.role == "admin", User.active.is_(True))
    return session.scalar(query) or 0


def _described(user: User) -> dict[str, object]:
    return {"username": user.username, "name": user.name, "role": user.role, "active": user.active}
