"""Password hashing with argon2id, a few at a time."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from marrowscope.errors import InputError

SHORTEST = 10
LONGEST = 1000
_hasher = PasswordHasher()  # argon2id with the library's parameters (RFC 9106's second choice)
# One hash takes 64 MiB: many log-ins at once must not use up the memory.
_slots = threading.BoundedSemaphore(4)
# Verified when there is no such user, so that the response takes as long.
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Hash a new password.

    Raises
    ------
    InputError
        It is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"a password has {SHORTEST} to {LONGEST} characters")
    with _slots:
        return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Return whether `password` matches the hash; takes as long when there is none."""
    with _slots:
        try:
            _hasher.verify(stored or _NOBODY, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Return whether a hash was made with weaker parameters than the current ones."""
    return _hasher.check_needs_rehash(stored)
