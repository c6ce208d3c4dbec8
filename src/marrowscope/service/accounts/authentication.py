"""Who somebody is: the password with its lock-out, asked for at log-in and again before a signature."""

import math
from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from marrowscope.service.accounts.passwords import hash_password, is_outdated, matches
from marrowscope.service.actors import SYSTEM, Actor
from marrowscope.service.clock import now
from marrowscope.service.errors import BusyError, UnconfirmedError
from marrowscope.service.secrets import digest
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import LoginFailure, LoginSession, User
from marrowscope.service.trail import audit

FRESH = timedelta(minutes=5)
"""How long a single sign-on that was asked for again stands for the person."""


def authenticate(
    database: Database, settings: Settings, username: str, password: str, *, asked: Actor = SYSTEM
) -> User | None:
    """Return the active user whom name and password identify; a wrong password counts towards the lock-out.

    Transactions are its own: a failure is counted even though what it was asked for does not happen.

    Parameters
    ----------
    asked : in whose name the password was given: the session's user, or the service before there is one

    Raises
    ------
    BusyError
        The name is locked after too many wrong passwords.
    """
    with database.reading() as session:
        _refuse_locked(session, username)
        user = session.scalar(select(User).where(User.username == username))
    right = matches(password, None if user is None else user.password_hash)
    with database.writing() as session:
        if user is None or not right or not user.active:
            _count_failure(session, settings, username, user, asked)
            return None
        # Other attempts may have locked the name in the meantime.
        _refuse_locked(session, username)
        session.execute(delete(LoginFailure).where(LoginFailure.name_sha256 == digest(username)))
        known = session.get_one(User, user.id)
        if known.password_hash is not None and is_outdated(password, known.password_hash):
            known.password_hash = hash_password(password)
        return known


def confirm_password(database: Database, settings: Settings, actor: Actor, password: str) -> None:
    """Check the password of somebody who is logged in already.

    Raises
    ------
    BusyError
        The name is locked after too many wrong passwords.
    UnconfirmedError
        It is wrong, or the account has none.
    """
    if authenticate(database, settings, actor.username, password, asked=actor) is None:
        raise UnconfirmedError("the password is wrong")


def confirm(
    database: Database, session: Session, settings: Settings, actor: Actor, password: str | None
) -> None:
    """Make sure that it is the actor in person who is about to sign.

    By the password or, for an account without one, by a single sign-on of the last minutes (`FRESH`) that
    was asked for to this end. Each serves one signature. Without authentication nobody is asked.

    Parameters
    ----------
    session : of the signature, which has not begun to write: a sign-on is used up only if it succeeds

    Raises
    ------
    BusyError
        The name is locked after too many wrong passwords.
    UnconfirmedError
        Neither holds.
    """
    if actor.id is None:
        return
    if password is not None:
        confirm_password(database, settings, actor, password)
        return
    if not _signed_on_anew(session, actor):
        raise UnconfirmedError("a signature needs your password or, without one, a new single sign-on")
    session.get_one(LoginSession, actor.session_id).confirmed_at = None


def needed_to_sign(session: Session, actor: Actor) -> Literal["password", "sign-on", "nothing"]:
    """Return what `confirm` asks this actor for now."""
    if actor.id is None:
        return "nothing"
    if session.get_one(User, actor.id).password_hash is not None:
        return "password"
    return "nothing" if _signed_on_anew(session, actor) else "sign-on"


def _signed_on_anew(session: Session, actor: Actor) -> bool:
    opened = None if actor.session_id is None else session.get(LoginSession, actor.session_id)
    return opened is not None and opened.confirmed_at is not None and opened.confirmed_at > now() - FRESH


def _refuse_locked(session: Session, username: str) -> None:
    failure = session.get(LoginFailure, digest(username))
    at = now()
    if failure is not None and failure.locked_until is not None and failure.locked_until > at:
        wait = math.ceil((failure.locked_until - at).total_seconds())
        raise BusyError("too many wrong passwords for this name; wait, or ask an administrator", wait)


def _count_failure(
    session: Session, settings: Settings, username: str, user: User | None, asked: Actor
) -> None:
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
    audit.record(session, asked, "session.refuse", "user", who, after={"locked": locked})
