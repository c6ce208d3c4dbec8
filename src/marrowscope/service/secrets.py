"""Random secrets and their digests."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Return 256 random bits as text for a cookie or a header."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the digest of a secret for the database; a random secret needs no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_token(cookie_secret: str) -> str:
    """Return the CSRF token that belongs to a cookie."""
    return hmac.new(cookie_secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
