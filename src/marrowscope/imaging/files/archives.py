"""ZIP archives of images, which are listed and read without being trusted."""

from __future__ import annotations

import io
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, Final

from marrowscope.errors import ImageError
from marrowscope.imaging.files.formats import MOST_SHRUNK, is_no_photograph
from marrowscope.imaging.names import shown

MAX_MEMBERS: Final = 100_000
_DIRECTORY_BYTES: Final = 16 * 2**20  # of 100,000 members with 100 letters each
_DICTIONARY_BYTES: Final = 128 * 2**20  # LZMA allocates what the archive asks for, up to 4 GiB
_LONGEST_SHOWN: Final = 40
_LOCAL_HEADER_BYTES: Final = 30
_BLOCK: Final = 2**20
_IS_UTF_8: Final = 0x800  # flag of a member, APPNOTE 4.4.4; without it, the library takes names for
_WITHOUT_FLAG: Final = "cp437"
_DRIVE = re.compile(r"^[A-Za-z]:")
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError,
    zlib.error, lzma.LZMAError, struct.error, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """Members of an archive that may be read, and a line about those that may not."""

    members: tuple[str, ...]
    problems: tuple[str, ...]


def list_members(archive: Path) -> Listing:
    """List the members of a ZIP file without reading them; of an unreadable archive only the reason."""
    name = shown(archive.name)
    try:
        with _opened(archive) as opened:
            names = [_name(info) for info in opened.infolist() if not info.is_dir()]
    except _ZIP_FAULTS as error:
        return Listing((), (f"{name}: not a readable ZIP archive ({_reason(error)})",))
    if len(names) > MAX_MEMBERS:
        return Listing((), (f"{name}: {len(names):,} members, more than the limit of {MAX_MEMBERS:,}",))
    members = dict.fromkeys(names)
    outside = [member for member in members if _leads_outside(member)]
    problems = [_left_out(name, outside)] if outside else []
    return Listing(tuple(member for member in members if not _leads_outside(member)), tuple(problems))


def member_parts(member: str) -> tuple[str, ...]:
    """Return the folders and the name of a member; archives made on Windows may contain backslashes."""
    return tuple(part for part in member.replace("\\", "/").split("/") if part not in {"", "."})


def read_member(archive: Path, member: str, max_bytes: int) -> bytes:
    """Read one member, never more than `max_bytes`, whatever its header declares.

    Raises
    ------
    ImageError
        Encrypted, too large, suspiciously compressed, damaged or missing.
    """
    try:
        with _opened(archive) as opened:
            info = _info(opened, member)
            _check_declared(info, max_bytes)
            _check_dictionary(archive, info)
            with opened.open(info) as stream:
                return _read_bounded(stream, max_bytes)
    except ImageError:
        raise
    except KeyError as error:
        raise ImageError(f"no longer in the archive {shown(archive.name)}") from error
    except _ZIP_FAULTS as error:
        raise ImageError(f"cannot be read from {shown(archive.name)}: {_reason(error)}") from error


def read_head(archive: Path, member: str, number: int) -> bytes:
    """Return the first bytes of a member, nothing where it cannot be read."""
    try:
        with _opened(archive) as opened:
            info = _info(opened, member)
            _check_dictionary(archive, info)
            with opened.open(info) as stream:
                return stream.read(number)
    except (ImageError, KeyError, *_ZIP_FAULTS):
        return b""


class _Guarded(io.FileIO):
    """An archive of which no large part is read at once: what `zipfile` reads so is the list of members."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_BYTES:
            raise zipfile.BadZipFile(
                f"its list of members has {size:,} bytes; the limit is {_DIRECTORY_BYTES:,}"
            )
        return super().read(size) or b""


class _Listed(zipfile.ZipFile):
    """An archive whose list of members is read once, although it is opened for each of them."""

    _last: ClassVar[tuple[object, ...]] = ()

    # Should the library rename this method, lists are read every time again, and nothing else changes.
    def _RealGetContents(self) -> None:  # noqa: N802 (the library's name)
        status = os.fstat(self.fp.fileno())  # type: ignore[union-attr]  # open, as the library has just begun
        key = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        last = self._last
        if last[:1] == (key,):
            _, self.filelist, self.NameToInfo, self.start_dir = last  # type: ignore[assignment]  # as kept below
        else:
            super()._RealGetContents()  # type: ignore[misc]  # not among the library's types
            _Listed._last = key, self.filelist, self.NameToInfo, self.start_dir


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; a list of members that is too long is refused before it is read."""
    with _Guarded(archive) as file, _Listed(file) as opened:
        yield opened


def _name(info: zipfile.ZipInfo) -> str:
    """Return the name of a member; UTF-8 is recognised also where its flag is missing, as macOS writes it."""
    if info.flag_bits & _IS_UTF_8:
        return info.filename
    try:
        return info.filename.encode(_WITHOUT_FLAG).decode()
    except UnicodeError:
        return info.filename


def _info(opened: zipfile.ZipFile, member: str) -> zipfile.ZipInfo:
    """Return what an archive says of the member of a name that `_name` gave.

    Raises
    ------
    KeyError
        There is none.
    """
    try:
        return opened.getinfo(member)
    except KeyError:
        return opened.getinfo(member.encode().decode(_WITHOUT_FLAG))


def _check_declared(info: zipfile.ZipInfo, max_bytes: int) -> None:
    if info.flag_bits & 0x1:
        raise ImageError("encrypted in its ZIP archive")
    if info.file_size > max_bytes:
        raise ImageError(f"the file has {info.file_size:,} bytes; the limit is {max_bytes:,}")
    if is_no_photograph(info.file_size, info.compress_size):
        raise ImageError(f"compressed more than {MOST_SHRUNK} times in its ZIP archive: not a photograph")


def _check_dictionary(archive: Path, info: zipfile.ZipInfo) -> None:
    """Refuse a member whose decompression would begin by taking gigabytes of memory."""
    if info.compress_type != zipfile.ZIP_LZMA:
        return
    with archive.open("rb") as file:
        file.seek(info.header_offset + _LOCAL_HEADER_BYTES - 4)
        name, extra = struct.unpack("<HH", file.read(4))
        file.seek(name + extra + 5, io.SEEK_CUR)  # behind version, length of the properties, lc/lp/pb
        (size,) = struct.unpack("<I", file.read(4))
    if size > _DICTIONARY_BYTES:
        raise ImageError(
            f"compressed with a dictionary of {size:,} bytes in its ZIP archive; "
            f"the limit is {_DICTIONARY_BYTES:,}"
        )


def _read_bounded(stream: IO[bytes], max_bytes: int) -> bytes:
    data = bytearray()
    while block := stream.read(_BLOCK):
        data += block
        if len(data) > max_bytes:
            raise ImageError(f"the file has more than {max_bytes:,} bytes, the limit")
    return bytes(data)


def _left_out(archive: str, members: list[str]) -> str:
    more = f" and {len(members) - 1} more" if len(members) > 1 else ""
    return (
        f"{archive}: '{shown(members[0][:_LONGEST_SHOWN])}'{more} points outside the archive and was left out"
    )


def _leads_outside(member: str) -> bool:
    plain = member.replace("\\", "/")
    return plain.startswith("/") or bool(_DRIVE.match(plain)) or ".." in plain.split("/")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0]
