"""One field's bytes: in a file, in a ZIP archive, or already in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from marrowscope.errors import ImageError
from marrowscope.imaging.files.archives import read_member
from marrowscope.imaging.files.decode import DecodeLimits


@dataclass(frozen=True, slots=True)
class FieldSource:
    """One field in a file or in a ZIP archive, read on demand.

    `name` is its path relative to the patient's folder with `/` between the parts; an archive's name is one
    of the parts. `member` is the name inside the ZIP file `path`, None for an ordinary file.
    """

    name: str
    path: Path
    member: str | None = None

    def read(self, limits: DecodeLimits) -> bytes:
        """Return the bytes of the file, never more than `limits.max_bytes`.

        Raises
        ------
        ImageError
            Missing, unreadable, too large, or rejected by the archive's checks.
        """
        if self.member is not None:
            return read_member(self.path, self.member, limits.max_bytes)
        try:
            with self.path.open("rb") as stream:
                data = stream.read(limits.max_bytes + 1)
        except OSError as error:
            raise ImageError(f"the file cannot be read: {error.strerror or error}") from error
        if len(data) > limits.max_bytes:
            raise ImageError(f"the file has more than {limits.max_bytes:,} bytes, the limit")
        return data


class Source(Protocol):
    """Where the bytes of a field come from."""

    @property
    def name(self) -> str:
        """Path relative to the patient's folder."""

    def read(self, limits: DecodeLimits) -> bytes:
        """Return the bytes of the file, or raise ImageError."""


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """A field whose bytes are already in memory, or the reason why they could not be read."""

    name: str
    content: bytes
    fault: str = ""

    def read(self, limits: DecodeLimits) -> bytes:
        """Return the bytes.

        Raises
        ------
        ImageError
            They could not be read, or there are too many.
        """
        if self.fault:
            raise ImageError(self.fault)
        if len(self.content) > limits.max_bytes:
            raise ImageError(f"the file has more than {limits.max_bytes:,} bytes, the limit")
        return self.content
