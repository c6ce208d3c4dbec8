"""Password hashing with argon2id, a few at a time."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from marrowscope.errors import InputError
from marrowscope.imaging.names import composed, decomposed

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
    password = composed(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(f"a password has {SHORTEST} to {LONGEST} characters")
    with _slots:
        return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Return whether `password` matches the hash; takes as long when there is none."""
    # Earlier versions hashed what was typed, whose accents depend on the keyboard.
    writings = dict.fromkeys((composed(password), password, decomposed(password)))
    return any(_verifies(writing, stored) for writing in writings)


def is_outdated(password: str, stored: str) -> bool:
    """Return whether a hash that this password matches was made with weaker parameters or of other text."""
    if _hasher.check_needs_rehash(stored):
        return True
    return decomposed(password) != composed(password) and not _verifies(composed(password), stored)


def _verifies(text: str, stored: str | None) -> bool:
    with _slots:
        try:
            _hasher.verify(stored or _NOBODY, text[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
