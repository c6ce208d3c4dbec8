"""The files of a patient: told apart by name, size and time, and fetched from object storage."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from marrowscope.errors import InputError, MissingExtraError
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.manifest import ManifestRow
from marrowscope.imaging.names import shown
from marrowscope.imaging.versions import versions_below

MOST_FILES = 20_000
MOST_BYTES = 64 * 2**30
"""Of one patient in object storage; more is a mistake in the manifest, and would fill a disk."""

_VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created")
"""What storages call that which changes with a file's content, the surest first."""

_PREFIX = "marrowscope-inputs-"
_LEFT_S = 600.0  # a younger folder may be about to be locked


@dataclass(frozen=True)
class _Remote:
    """The files at a URL: path there → what the storage tells of it."""

    system: Any
    root: str
    files: Mapping[str, Mapping[str, Any]]


def check_reachable(rows: Sequence[ManifestRow]) -> None:
    """Refuse a manifest that names object storage which nothing here can read.

    Raises
    ------
    MissingExtraError
        The extra `remote` is not installed.
    InputError
        No such storage is known.
    """
    for protocol in {row.place.split("://")[0] for row in rows if row.is_remote}:
        MissingExtraError.unless_found("object storage", "remote", "fsspec")
        import fsspec  # noqa: PLC0415 (an extra)

        try:
            fsspec.get_filesystem_class(protocol)
        except (ImportError, ValueError) as error:
            raise InputError(f"{protocol}:// cannot be read: {error}") from error


def listed(rows: Sequence[ManifestRow]) -> list[tuple[str, int, str]]:
    """Return path, size and version of every file that manifest rows name, in a fixed order.

    Raises
    ------
    InputError
        A storage cannot be asked.
    OSError
        A folder cannot be listed.
    """
    found = []
    for row in rows:
        if row.is_remote:
            files = _remote(row.place).files.items()
            found += [(path, int(each["size"] or 0), _version(each)) for path, each in files]
        elif row.path.is_dir():
            versions = versions_below(row.path)
            found += [(str(path), size, str(changed)) for path, (size, changed) in versions]
        elif row.path.exists():
            status = row.path.stat()
            found.append((row.place, status.st_size, str(status.st_mtime_ns)))
    return sorted(found)


@contextmanager
def at_hand(
    rows: Sequence[ManifestRow], limits: DecodeLimits
) -> Iterator[tuple[list[ManifestRow], list[str]]]:
    """Yield the rows with their files on this machine, and problems; what was fetched is deleted afterwards.

    Raises
    ------
    InputError
        Files cannot be fetched, or are too many.
    """
    remote = [row for row in rows if row.is_remote]
    if not remote:
        yield list(rows), []
        return
    if len(remote) < len(rows):
        raise InputError("a patient's images lie in folders or in object storage, not in both")
    with _scratch() as folder:
        own, problems = [], []
        for row in remote:
            place, lines = _fetch(row.place, folder, limits)
            problems += lines
            if place.exists():
                own.append(replace(row, place=str(place)))
        yield own, problems


def _fetch(url: str, folder: Path, limits: DecodeLimits) -> tuple[Path, list[str]]:
    """Copy what is at a URL into a folder; return its place there, and problems."""
    remote = _remote(url)
    if not remote.files:
        return folder / "nothing", [f"no such file or folder: {shown(url)}"]
    place = folder.joinpath(*_parts(remote.root))
    problems, wanted = [], {}
    for path, told in remote.files.items():
        inside = _parts(path[len(remote.root) :])
        if any(part.startswith(".") for part in inside):
            continue
        if int(told["size"] or 0) > limits.max_bytes:
            name = shown("/".join(inside) or place.name)
            problems.append(f"{name} was not fetched: it has more than {limits.max_bytes:,} bytes, the limit")
            continue
        wanted[path] = place.joinpath(*inside)
    total = sum(int(remote.files[path]["size"] or 0) for path in wanted)
    if len(wanted) > MOST_FILES or total > MOST_BYTES:
        limit = f"{MOST_FILES:,} files or {MOST_BYTES // 2**30} GiB"
        raise InputError(f"{shown(url)} has more than {limit}, too much for one patient")
    for target in wanted.values():
        target.parent.mkdir(parents=True, exist_ok=True)
    with _told(url):
        remote.system.get(list(wanted), [str(target) for target in wanted.values()])
    return place, problems


def _remote(url: str) -> _Remote:
    import fsspec  # noqa: PLC0415 (an extra)

    with _told(url):
        system, root = fsspec.core.url_to_fs(url)
        root = root.rstrip("/")
        system.invalidate_cache()
        files = system.find(root, detail=True)
    return _Remote(system, root, dict(sorted(files.items())))


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Tell in one line what a storage answers."""
    try:
        yield
    except Exception as error:  # a library for each storage, with its own errors
        words = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{shown(url)} cannot be read: {words}") from error


def _parts(path: str) -> tuple[str, ...]:
    """Return the parts of a path in object storage, where any text may be a name."""
    parts = tuple(part for part in PurePosixPath(path.replace("\\", "/")).parts if part != "/")
    if ".." in parts:
        raise InputError(f"{shown(path)} has .. in its path")
    return tuple(part.replace(":", "_") for part in parts)


def _version(told: Mapping[str, Any]) -> str:
    return str(next((told[name] for name in _VERSIONS if told.get(name)), ""))


@contextmanager
def _scratch() -> Iterator[Path]:
    """Yield a folder for what is fetched, and delete it; and those that killed workers left behind."""
    mine = f"{_PREFIX}{os.getuid() if hasattr(os, 'getuid') else 'own'}-"
    for left in Path(tempfile.gettempdir()).glob(f"{mine}*"):
        with suppress(Timeout, OSError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                with FileLock(left / ".lock", timeout=0):
                    shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=mine))
    try:
        with FileLock(folder / ".lock"):
            (folder / "files").mkdir()
            yield folder / "files"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
