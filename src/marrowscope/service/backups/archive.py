"""The archive: a tar file whose last member has the digests of all others.

The members can be looked at and checked without this software: ``tar -xf FILE && sha256sum -c SHA256SUMS``.
An archive is written and read from beginning to end, a piece of a file at a time.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final, Self, cast

from marrowscope.errors import InputError

SUMS: Final = "SHA256SUMS"
_PIECE: Final = 1 << 20
Listener = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""


class Hashing:
    """A file that is read or written, with the digest of what went through it.

    Parameters
    ----------
    file : to read from or write to; `listener` is told of every piece
    """

    def __init__(self, file: IO[bytes], listener: Listener | None = None) -> None:
        self._file, self._listener = file, listener
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read a piece."""
        piece = self._file.read(size)
        self._seen(piece)
        return piece

    def write(self, piece: bytes) -> int:
        """Write a piece."""
        self._seen(piece)
        return self._file.write(piece)

    @property
    def digest(self) -> str:
        """SHA-256 of everything so far: 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def _seen(self, piece: bytes) -> None:
        self._digest.update(piece)
        if self._listener is not None:
            self._listener(len(piece))


class Writer:
    """Writes an archive.

    Parameters
    ----------
    file : a file to write to, which need not be able to seek
    listener : is told how many bytes of members are written
    """

    def __init__(self, file: IO[bytes], listener: Listener | None = None) -> None:
        self._out = Hashing(file)
        self._tar = _written_to(self._out)
        self._sums = io.BytesIO()
        self._listener = listener

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            sums = self._sums.getvalue()
            self._tar.addfile(_member(SUMS, len(sums)), io.BytesIO(sums))
            self._tar.close()

    def add(self, name: str, file: IO[bytes], size: int) -> str:
        """Add so many bytes of a file as a member, and return their digest.

        Raises
        ------
        OSError
            It ends earlier, or the archive cannot be written to.
        """
        read = Hashing(file, self._listener)
        self._tar.addfile(_member(name, size), read)
        self._sums.write(_line(name, read.digest))
        return read.digest

    @property
    def digest(self) -> str:
        """SHA-256 of the whole archive, once it is complete."""
        return self._out.digest


def verify(path: Path, listener: Listener | None = None) -> int:
    """Read a whole archive, compare every member with its digest, and return the number of members.

    Raises
    ------
    InputError
        It is no archive, incomplete or altered; the message says where.
    """
    found = hashlib.sha256()
    listed = enumerate(members(path, listener))
    for number, (name, file) in listed:
        digest = hashlib.sha256()
        for piece in pieces(file):
            digest.update(piece)
        if name == SUMS:
            if digest.digest() != found.digest() or next(listed, None) is not None:
                raise InputError(f"{path}: the backup is altered: unpack it and run sha256sum -c {SUMS}")
            return number
        found.update(_line(name, digest.hexdigest()))
    raise InputError(f"{path}: the backup is incomplete: its end is missing")


def members(path: Path, listener: Listener | None = None) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each member, in their order; a content is read before the next is asked for.

    Raises
    ------
    InputError
        It is no archive, it is incomplete, or a name in it leads elsewhere.
    """
    with path.open("rb") as file:
        try:
            with tarfile.open(fileobj=Hashing(file, listener), mode="r|") as tar:  # type: ignore[call-overload]  # need not seek
                for member in tar:
                    # A sparse file of a few bytes may say that it has petabytes.
                    is_plain = member.isreg() and not member.issparse()
                    content = tar.extractfile(member) if is_plain else None
                    parts = PurePosixPath(member.name).parts
                    if content is None or ".." in parts or member.name.startswith("/"):
                        raise InputError(f"{path}: {member.name!r} is nothing that a backup holds")
                    yield member.name, content
        except (tarfile.TarError, EOFError) as error:
            raise InputError(f"{path}: not a backup, or an incomplete one ({error})") from None


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of a member, piece by piece.

    Raises
    ------
    InputError
        The archive ends within it.
    """
    try:
        while piece := file.read(_PIECE):
            yield piece
    except tarfile.TarError:
        raise InputError("the backup is incomplete: its end is missing") from None


def copy_to(file: IO[bytes], target: Path) -> None:
    """Write a member's content to a new file."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("xb") as out:
        for piece in pieces(file):
            out.write(piece)


def _line(name: str, digest: str) -> bytes:
    return f"{digest}  {name}\n".encode()


def _member(name: str, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.mode = size, 0o600
    return made


def _written_to(stream: Hashing) -> tarfile.TarFile:
    """Open an archive to write to a stream that cannot seek, for which the stubs of "w|" ask nevertheless."""
    opened: tarfile.TarFile = tarfile.open(  # noqa: SIM115 (whoever asked closes it)
        fileobj=cast("IO[bytes]", stream), mode="w|", format=tarfile.PAX_FORMAT
    )
    return opened
