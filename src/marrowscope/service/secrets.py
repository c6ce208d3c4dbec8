"""Random secrets and what is kept of them."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Give 256 random bits as text for a cookie or a header."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Give what the database keeps of a secret; no salt is needed, a secret is random."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_token(cookie_secret: str) -> str:
    """Derive the CSRF token that belongs to a cookie."""
    return hmac.new(cookie_secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare without telling by the time taken where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
