"""Single sign-on: OpenID Connect's authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

The issuer identifies a person and states their groups in one claim; the settings map groups to roles.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.imaging.names import composed
from marrowscope.service.accounts.authentication import FRESH
from marrowscope.service.accounts.users import USERNAME_PATTERN, add_user, end_sessions, username_of
from marrowscope.service.actors import ROLES, SYSTEM, Role
from marrowscope.service.clock import now
from marrowscope.service.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from marrowscope.service.secrets import new_secret, same
from marrowscope.service.settings import Settings
from marrowscope.service.store.tables.accounts import User
from marrowscope.service.trail import audit

CALLBACK = "/api/v1/session/oidc/callback"
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
_TIMEOUT_S = 10
_LEEWAY_S = 60


@dataclass(frozen=True)
class Attempt:
    """What the browser must send back to complete a log-in; kept in a short-lived cookie.

    Attributes
    ----------
    state, nonce, verifier : bind the issuer's answer to this browser
    is_confirming : whether the person is to identify themselves anew, in order to sign a report
    back : the page's address that they return to
    """

    state: str
    nonce: str
    verifier: str
    is_confirming: bool = False
    back: str = "/"


@dataclass(frozen=True)
class Identity:
    """A person as the issuer identifies them, with the role that follows from their groups.

    `confirmed_at` is when they identified themselves, if they were asked to do it anew.
    """

    subject: str
    username: str
    name: str
    role: Role
    confirmed_at: datetime | None = None


def begin(settings: Settings, *, is_confirming: bool = False, back: str = "/") -> tuple[str, Attempt]:
    """Return the issuer's address to send the browser to, and what to keep until it comes back.

    Parameters
    ----------
    is_confirming
        Whether the issuer must ask again who it is, although it may know.
    back
        Address of the page to return to.

    Raises
    ------
    UnavailableError
        The issuer cannot be reached.
    """
    attempt = Attempt(new_secret(), new_secret(), new_secret(), is_confirming, back)
    anew = {"prompt": "login", "max_age": "0"} if is_confirming else {}
    with _client(settings) as client:
        endpoint = _metadata(client, settings)["authorization_endpoint"]
        url, _ = client.create_authorization_url(
            endpoint, state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier, **anew
        )
    return str(url), attempt


def finish(settings: Settings, attempt: Attempt, *, state: str, code: str) -> Identity:
    """Exchange the issuer's code for an identity.

    Raises
    ------
    UnauthenticatedError
        The response belongs to another attempt, the ID token is not valid, or the issuer did not ask anew.
    ForbiddenError
        None of the person's groups has a role in the settings.
    UnavailableError
        The issuer cannot be reached.
    """
    if not same(state, attempt.state):
        raise UnauthenticatedError("this log-in was not started here; start again")
    try:
        with _client(settings) as client:
            metadata = _metadata(client, settings)
            token = client.fetch_token(metadata["token_endpoint"], code=code, code_verifier=attempt.verifier)
            keys = KeySet.import_key_set(_get(client, metadata["jwks_uri"]))
        claims = _claims(settings, attempt, str(token.get("id_token", "")), keys)
    except (OAuthError, JoseError, ValueError):
        raise UnauthenticatedError("the issuer's response is not valid; start again") from None
    identity = _identity(settings, claims)
    return replace(identity, confirmed_at=_asked_anew(claims)) if attempt.is_confirming else identity


def admit(session: Session, identity: Identity) -> User:
    """Find or create the account of an identity and give it the role the issuer states now.

    Raises
    ------
    ForbiddenError
        An administrator has deactivated the account.
    """
    user = session.scalar(select(User).where(User.subject == identity.subject))
    if user is None:
        user = add_user(
            session,
            SYSTEM,
            _free_username(session, identity),
            identity.name,
            role=identity.role,
            password=None,
        )
        user.subject = identity.subject
        return user
    if not user.active:
        raise ForbiddenError("this account is not active")
    if user.role != identity.role:
        audit.record(
            session,
            SYSTEM,
            "user.change",
            "user",
            user.id,
            before={"role": user.role},
            after={"role": identity.role},
        )
        user.role = identity.role
        end_sessions(session, user.id)
    return user


def _client(settings: Settings) -> OAuth2Client:
    secret = settings.oidc_client_secret
    return OAuth2Client(
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
        scope="openid profile email",
        redirect_uri=f"{(settings.public_url or '').rstrip('/')}{CALLBACK}",
        code_challenge_method="S256",
        timeout=_TIMEOUT_S,
    )


def _metadata(client: OAuth2Client, settings: Settings) -> Mapping[str, Any]:
    issuer = str(settings.oidc_issuer)
    found = _get(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise UnavailableError("the single sign-on issuer has a different name from the one in the settings")
    return dict(found)


def _get(client: OAuth2Client, url: str) -> Any:
    try:
        answer = client.request("GET", url, withhold_token=True)
        answer.raise_for_status()
        return answer.json()
    except (httpx2.HTTPError, ValueError):
        raise UnavailableError("the single sign-on issuer does not respond") from None


def _claims(settings: Settings, attempt: Attempt, id_token: str, keys: KeySet) -> Mapping[str, Any]:
    claims: dict[str, Any] = jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims
    JWTClaimsRegistry(
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": str(settings.oidc_issuer)},
        aud={"essential": True, "value": str(settings.oidc_client_id)},
        exp={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": attempt.nonce},
    ).validate(claims)
    return dict(claims)


def _asked_anew(claims: Mapping[str, Any]) -> datetime:
    """Return when the person identified themselves; an issuer may pass over the wish to be asked anew."""
    stated = claims.get("auth_time")
    if isinstance(stated, int | float):
        age_s = now().timestamp() - stated
        if -_LEEWAY_S <= age_s <= FRESH.total_seconds():
            return now() - timedelta(seconds=max(age_s, 0.0))
    raise UnauthenticatedError("the single sign-on did not ask who you are again; a signature needs that")


def _identity(settings: Settings, claims: Mapping[str, Any]) -> Identity:
    stated = claims.get(settings.oidc_role_claim, [])
    groups = [stated] if isinstance(stated, str) else list(stated)
    roles = [settings.oidc_roles[group] for group in groups if group in settings.oidc_roles]
    if not roles:
        raise ForbiddenError("none of your groups has a role here; ask an administrator")
    subject = f"{claims['iss']} {claims['sub']}"
    wanted = username_of(str(claims.get("preferred_username") or claims.get("email") or ""))
    if not re.match(USERNAME_PATTERN, wanted):
        wanted = f"user-{_short(subject)}"
    name = "".join(c for c in composed(str(claims.get("name") or wanted)) if c.isprintable())[:200]
    return Identity(subject, wanted, name, max(roles, key=ROLES.index))


def _free_username(session: Session, identity: Identity) -> str:
    # A local account of the same name belongs to somebody else: it is never taken over.
    taken = session.scalar(select(User.id).where(User.username == identity.username)) is not None
    return f"{identity.username[:80]}-{_short(identity.subject)}" if taken else identity.username


def _short(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:8]
