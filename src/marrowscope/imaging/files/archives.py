"""ZIP archives of images, which are listed and read without being trusted."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from marrowscope.errors import ImageError
from marrowscope.imaging.names import shown

MAX_MEMBERS: Final = 100_000
_HIGHEST_RATIO: Final = 500  # deflate reaches at most 1032, on uncompressed images of a single colour
_RATIO_MATTERS_FROM: Final = 16 * 2**20
_BLOCK: Final = 2**20
_DRIVE = re.compile(r"^[A-Za-z]:")
_ZIP_FAULTS: Final = (
    zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError,
    zlib.error, lzma.LZMAError,
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
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist() if not info.is_dir()]
    except _ZIP_FAULTS as error:
        return Listing((), (f"{name}: not a readable ZIP archive ({_reason(error)})",))
    if len(names) > MAX_MEMBERS:
        return Listing((), (f"{name}: {len(names):,} members, more than the limit of {MAX_MEMBERS:,}",))
    outside = [member for member in names if _leads_outside(member)]
    inside = tuple(member for member in dict.fromkeys(names) if not _leads_outside(member))
    return Listing(inside, (_refusal(name, outside),) if outside else ())


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
        with zipfile.ZipFile(archive) as opened:
            info = opened.getinfo(member)
            _check_declared(info, max_bytes)
            with opened.open(info) as stream:
                return _read_bounded(stream, max_bytes)
    except ImageError:
        raise
    except KeyError as error:
        raise ImageError(f"no longer in the archive {shown(archive.name)}") from error
    except _ZIP_FAULTS as error:
        raise ImageError(f"cannot be read from {shown(archive.name)}: {_reason(error)}") from error


def _check_declared(info: zipfile.ZipInfo, max_bytes: int) -> None:
    if info.flag_bits & 0x1:
        raise ImageError("encrypted in its ZIP archive")
    if info.file_size > max_bytes:
        raise ImageError(f"the file has {info.file_size:,} bytes; the limit is {max_bytes:,}")
    suspicious = info.file_size > _HIGHEST_RATIO * max(info.compress_size, 1)
    if suspicious and info.file_size > _RATIO_MATTERS_FROM:
        raise ImageError(f"compressed more than {_HIGHEST_RATIO} times in its ZIP archive: not a photograph")


def _read_bounded(stream: IO[bytes], max_bytes: int) -> bytes:
    data = bytearray()
    while block := stream.read(_BLOCK):
        data += block
        if len(data) > max_bytes:
            raise ImageError(f"the file has more than {max_bytes:,} bytes, the limit")
    return bytes(data)


def _refusal(archive: str, outside: list[str]) -> str:
    more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
    return f"{archive}: '{shown(outside[0])}'{more} points outside the archive and was left out"


def _leads_outside(member: str) -> bool:
    plain = member.replace("\\", "/")
    return plain.startswith("/") or bool(_DRIVE.match(plain)) or ".." in plain.split("/")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0]
