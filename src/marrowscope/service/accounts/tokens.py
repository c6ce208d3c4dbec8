"""API tokens: secrets with scopes that programs send instead of logging in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.service.accounts.users import actor_of
from marrowscope.service.actors import SCOPES, Actor, Scope
from marrowscope.service.clock import now
from marrowscope.service.errors import ForbiddenError, NotFoundError
from marrowscope.service.secrets import digest, new_secret
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import ApiToken
from marrowscope.service.trail import audit

PREFIX = "ms_"
_SEEN_EVERY = timedelta(minutes=1)


def add_token(
    session: Session, actor: Actor, name: str, scopes: Sequence[Scope], expires_days: int | None
) -> tuple[ApiToken, str]:
    """Create a token for the actor; its secret is returned this once.

    Raises
    ------
    ForbiddenError
        The actor is not a logged-in user, or may not do what a scope allows.
    """
    user_id = _logged_in(actor)
    excess = [scope for scope in scopes if not actor.may_give(scope)]
    if excess:
        raise ForbiddenError(f"your role does not include the scope {excess[0]}")
    if not scopes:
        raise InputError("a token needs at least one scope")
    secret = PREFIX + new_secret()
    expires_at = None if expires_days is None else now() + timedelta(days=expires_days)
    token = ApiToken(
        user_id=user_id, name=name, scopes=[s for s in SCOPES if s in scopes], secret_sha256=digest(secret)
    )
    token.expires_at = expires_at
    session.add(token)
    session.flush()
    after = {"scopes": token.scopes, "expires_days": expires_days}
    audit.record(session, actor, "token.add", "token", token.id, after=after)
    return token, secret


def list_tokens(session: Session, actor: Actor) -> Sequence[ApiToken]:
    """Return the actor's tokens, newest first."""
    query = select(ApiToken).where(ApiToken.user_id == _logged_in(actor))
    return session.scalars(query.order_by(ApiToken.created_at.desc(), ApiToken.id)).all()


def remove_token(session: Session, actor: Actor, token_id: str) -> None:
    """Remove one of the actor's tokens.

    Raises
    ------
    NotFoundError
        There is none, or it is somebody else's.
    """
    token = session.get(ApiToken, token_id)
    if token is None or token.user_id != _logged_in(actor):
        raise NotFoundError("there is no such token")
    session.delete(token)
    audit.record(session, actor, "token.remove", "token", token_id)


def find_token(database: Database, secret: str) -> Actor | None:
    """Return the user of a token, limited to its scopes; None if it has expired."""
    at = now()
    query = select(ApiToken).where(ApiToken.secret_sha256 == digest(secret))
    with database.reading() as session:
        token = session.scalar(query)
        if token is None or not token.user.active:
            return None
        if token.expires_at is not None and token.expires_at <= at:
            return None
        scopes = tuple(scope for scope in SCOPES if scope in token.scopes)
        actor = replace(actor_of(token.user), scopes=scopes)
        stale = token.last_used_at is None or at - token.last_used_at > _SEEN_EVERY
    if stale:
        with database.noting() as session:
            again = session.scalar(query)
            if again is not None:
                again.last_used_at = at
    return actor


def _logged_in(actor: Actor) -> str:
    if actor.id is None or actor.session_id is None:
        raise ForbiddenError("tokens are managed by a logged-in user, not by a token")
    return actor.id
