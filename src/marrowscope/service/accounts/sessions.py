"""Logging in and out: sessions on cookies, lock-out after wrong passwords."""

import math
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marrowscope.service.accounts.passwords import hash_password, is_outdated, matches
from marrowscope.service.accounts.users import actor_of, set_password
from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import BusyError, ForbiddenError, UnauthenticatedError
from marrowscope.service.secrets import digest, new_secret
from marrowscope.service.settings import Settings
from marrowscope.service.store.accounts import LoginFailure, LoginSession, User
from marrowscope.service.store.engine import Database
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
    username = username.strip().lower()
    with database.reading() as session:
        _refuse_locked(session, username)
        user = session.scalar(select(User).where(User.username == username))
    right = matches(password, None if user is None else user.password_hash)
    if user is None or not right or not user.active:
        with database.writing() as session:
            _count_failure(session, settings, username, user)
        raise UnauthenticatedError("user name and password do not match")
    with database.writing() as session:
        # Other attempts may have locked the name in the meantime.
        _refuse_locked(session, username)
        session.execute(delete(LoginFailure).where(LoginFailure.name_sha256 == digest(username)))
        known = session.get_one(User, user.id)
        if known.password_hash is not None and is_outdated(known.password_hash):
            known.password_hash = hash_password(password)
        return open_session(session, settings, known)


def open_session(session: Session, settings: Settings, user: User) -> OpenedSession:
    """Open a session with a new identifier for an authenticated user."""
    secret, at = new_secret(), now()
    session.execute(delete(LoginSession).where(LoginSession.expires_at < at))
    life = timedelta(hours=settings.session_hours)
    opened = LoginSession(
        user_id=user.id, secret_sha256=digest(secret), created_at=at, last_seen_at=at, expires_at=at + life
    )
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
    session: Session, settings: Settings, actor: Actor, *, old: str, new: str
) -> OpenedSession:
    """Change the actor's own password; all their sessions end and a new one is opened.

    Raises
    ------
    ForbiddenError
        The current password is wrong, or the account has none.
    InputError
        The new password is too short.
    """
    user = session.get_one(User, actor.id)
    if not matches(old, user.password_hash):
        raise ForbiddenError("the current password is wrong")
    set_password(session, user, new)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    audit.record(session, actor, "user.password", "user", user.id)
    return open_session(session, settings, user)


def _refuse_locked(session: Session, username: str) -> None:
    failure = session.get(LoginFailure, digest(username))
    at = now()
    if failure is not None and failure.locked_until is not None and failure.locked_until > at:
        wait = math.ceil((failure.locked_until - at).total_seconds())
        raise BusyError("too many wrong passwords for this name; wait, or ask an administrator", wait)


def _count_failure(session: Session, settings: Settings, username: str, user: User | None) -> None:
    at, pause = now(), timedelta(minutes=settings.lockout_minutes)
    session.execute(delete(LoginFailure).where(LoginFailure.last_at < at - pause))
    failure = session.get(LoginFailure, digest(username), with_for_update=True)
    if failure is None:
        failure = LoginFailure(name_sha256=digest(username), failures=0)
        session.add(failure)
    failure.failures, failure.last_at = failure.failures + 1, at
    locked = failure.failures >= settings.lockout_failures
    failure.locked_until = at + pause if locked else None
    # The name is recorded only if it is a user's: people type passwords into the wrong box.
    who = None if user is None else user.id
    audit.record(session, SYSTEM, "session.refuse", "user", who, after={"locked": locked})
