"""Where a field comes from: a file, a ZIP archive, or what is already in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from marrowscope.errors import ImageError
from marrowscope.imaging.files.archives import read_head, read_member
from marrowscope.imaging.files.decode import DecodeLimits, FieldImage, decode


@dataclass(frozen=True, slots=True)
class FieldSource:
    """One field in a file or in a ZIP archive, read on demand.

    `name` is its path relative to the patient's folder with `/` between the parts; an archive's name is one
    of the parts. `member` is the name inside the ZIP file `path`, None for an ordinary file. `companions` are
    further files that may belong to the same slide. `slide_xy` is where the field lies in the slide that it
    was cut from.
    """

    name: str
    path: Path
    member: str | None = None
    companions: tuple[Path, ...] = ()
    slide_xy: tuple[int, int] | None = None

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

    def head(self, number: int) -> bytes:
        """Return the first bytes of the file, empty where it cannot be read."""
        if self.member is not None:
            return read_head(self.path, self.member, number)
        try:
            with self.path.open("rb") as stream:
                return stream.read(number)
        except OSError:
            return b""

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Decode the file."""
        return self.loaded(limits).image(limits, sha256)

    def loaded(self, limits: DecodeLimits) -> LoadedSource:
        """Return the field with its bytes in memory."""
        return LoadedSource(self.name, self.read(limits), self.slide_xy)


class Source(Protocol):
    """Where a field comes from."""

    @property
    def name(self) -> str:
        """Path relative to the patient's folder."""

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Return the field's pixels.

        Parameters
        ----------
        limits : what the image may cost
        sha256 : digest of what it was made of when it was planned; empty to take it as it is

        Raises
        ------
        ImageError
            It cannot be read, or has changed since.
        """

    def loaded(self, limits: DecodeLimits) -> Source:
        """Return the same field in memory, to be read on another machine; raises ImageError."""


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """A field whose bytes are already in memory."""

    name: str
    content: bytes
    slide_xy: tuple[int, int] | None = None

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Decode the bytes."""
        if sha256 and hashlib.sha256(self.content).hexdigest() != sha256:
            raise ImageError("the file changed while the run went on; run again")
        return replace(decode(self.content, limits=limits), slide_xy=self.slide_xy)

    def loaded(self, limits: DecodeLimits) -> LoadedSource:
        """Return itself."""
        del limits
        return self


@dataclass(frozen=True, slots=True)
class DecodedSource:
    """A field whose pixels are already in memory."""

    name: str
    content: FieldImage

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Return the pixels."""
        del limits, sha256
        return self.content

    def loaded(self, limits: DecodeLimits) -> DecodedSource:
        """Return itself."""
        del limits
        return self


@dataclass(frozen=True, slots=True)
class UnreadableSource:
    """A field that could not be read, and why."""

    name: str
    fault: str

    def image(self, limits: DecodeLimits, sha256: str) -> FieldImage:
        """Say why."""
        del limits, sha256
        raise ImageError(self.fault)

    def loaded(self, limits: DecodeLimits) -> UnreadableSource:
        """Return itself."""
        del limits
        return self
