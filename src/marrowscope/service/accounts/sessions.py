"""Logging in and out: sessions on cookies."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marrowscope.service.accounts.authentication import authenticate, confirm_password
from marrowscope.service.accounts.users import actor_of, set_password, username_of
from marrowscope.service.actors import Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import UnauthenticatedError
from marrowscope.service.secrets import digest, new_secret
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import LoginSession, User
from marrowscope.service.trail import audit

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class OpenedSession:
    """A new session: the cookie's secret, the user, and the cookie's lifetime in seconds."""

    secret: str
    actor: Actor
    max_age_s: int


def log_in(database: Database, settings: Settings, username: str, password: str) -> OpenedSession:
    """Check a name and password and open a session.

    A wrong password, an unknown name and an inactive user get the same response after the same time.

    Raises
    ------
    BusyError
        The name is locked after too many wrong passwords.
    UnauthenticatedError
        Name and password do not match.
    """
    user = authenticate(database, settings, username_of(username), password)
    if user is None:
        raise UnauthenticatedError("user name and password do not match")
    with database.writing() as session:
        return open_session(session, settings, session.get_one(User, user.id))


def open_session(
    session: Session, settings: Settings, user: User, confirmed_at: datetime | None = None
) -> OpenedSession:
    """Open a session with a new identifier for an authenticated user.

    Parameters
    ----------
    confirmed_at : when they signed on anew in order to sign a report
    """
    secret, at = new_secret(), now()
    session.execute(delete(LoginSession).where(LoginSession.expires_at < at))
    life = timedelta(hours=settings.session_hours)
    opened = LoginSession(
        user_id=user.id, secret_sha256=digest(secret), created_at=at, last_seen_at=at, expires_at=at + life
    )
    opened.confirmed_at = confirmed_at
    session.add(opened)
    session.flush()
    user.last_seen_at = at
    actor = replace(actor_of(user), session_id=opened.id)
    audit.record(session, actor, "session.open", "user", user.id)
    return OpenedSession(secret, actor, int(life.total_seconds()))


def find_session(database: Database, settings: Settings, secret: str) -> Actor | None:
    """Return the user of a session cookie, None if the session has ended or been idle too long."""
    at = now()
    with database.reading() as session:
        query = select(LoginSession).where(LoginSession.secret_sha256 == digest(secret))
        found = session.scalar(query)
        if found is None or not found.user.active or found.expires_at <= at:
            return None
        if at - found.last_seen_at > timedelta(minutes=settings.session_idle_minutes):
            return None
        actor = replace(actor_of(found.user), session_id=found.id)
        stale = at - found.last_seen_at > _SEEN_EVERY
    if stale:
        with database.noting() as session:
            again = session.scalar(query)
            if again is not None:
                again.last_seen_at = again.user.last_seen_at = at
    return actor


def log_out(session: Session, actor: Actor) -> None:
    """End the actor's session."""
    if actor.session_id is not None:
        session.execute(delete(LoginSession).where(LoginSession.id == actor.session_id))
        audit.record(session, actor, "session.close", "user", actor.id)


def change_password(
    database: Database, settings: Settings, actor: Actor, *, old: str, new: str
) -> OpenedSession:
    """Change the actor's own password; all their sessions end and a new one is opened.

    Raises
    ------
    UnconfirmedError
        The current password is wrong, or the account has none.
    BusyError
        The name is locked after too many wrong passwords.
    InputError
        The new password is too short.
    """
    confirm_password(database, settings, actor, old)
    with database.writing() as session:
        user = session.get_one(User, actor.id)
        set_password(session, user, new)
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
        audit.record(session, actor, "user.password", "user", user.id)
        return open_session(session, settings, user)
