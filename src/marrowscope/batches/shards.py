"""Shards: parts of a batch that know nothing of each other."""

import hashlib
import re
from dataclasses import dataclass

from marrowscope.errors import InputError
from marrowscope.imaging.names import composed

_WRITTEN = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True)
class Shard:
    """One of several parts of a batch.

    Which patients it holds follows from their names alone: not from the order of a manifest, nor from what
    else it names.

    Attributes
    ----------
    number : from 1
    of : how many there are
    """

    number: int = 1
    of: int = 1

    def holds(self, patient: str) -> bool:
        """Return whether a patient belongs to this shard."""
        digest = hashlib.sha256(composed(patient).encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Shard()
"""The only shard of a batch that is not divided."""


def shard_named(text: str) -> Shard:
    """Return the shard that is written ``2/8``.

    Raises
    ------
    InputError
        It is not so written, or there is no such shard.
    """
    written = _WRITTEN.fullmatch(text.strip())
    shard = Shard(*map(int, written.groups())) if written else None
    if shard is None or not 1 <= shard.number <= shard.of:
        raise InputError(f"no shard {text}: write the shard's number, from 1, and how many there are: 2/8")
    return shard
