"""Making a backup, while the service runs or not.

The rows are read in one transaction, first; what they refer to is only ever added. So a later copy of the
files holds all that the rows need. Seals that were written after the rows were read are left out.
"""

import io
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.exports.atomic import atomic_path, write_atomic
from marrowscope.service.backups import tables
from marrowscope.service.backups.archive import Writer
from marrowscope.service.clock import iso, now
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import is_required_still
from marrowscope.service.images.slides import OVERVIEW
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import required_digests
from marrowscope.service.store.schema import revision_of
from marrowscope.service.store.tables.audit import HEAD, AuditHead
from marrowscope.service.store.tables.patients import Slide
from marrowscope.service.trail.seals import Seals
from marrowscope.version import __version__

FORMAT: Final = 1
ABOUT: Final = "backup.json"
ROWS: Final = "tables"
_LAST: Final = "last-backup.json"
Files = list[tuple[Path, int]]


@dataclass(frozen=True)
class About:
    """What a backup says of itself, in its first member.

    Attributes
    ----------
    format : version of the archive's layout
    version : of the software that made it
    made_at : when the rows were read, ISO 8601
    database : ``sqlite`` or ``postgresql``
    revision : version of the tables
    entries, head : number and digest of the last entry of the audit trail
    columns : of each table, in the order of the values
    rows : of each table
    files, file_bytes : images, seals and the like
    """

    format: int
    version: str
    made_at: str
    database: str
    revision: str
    entries: int
    head: str
    columns: Mapping[str, list[str]]
    rows: Mapping[str, int]
    files: int = 0
    file_bytes: int = 0


@dataclass(frozen=True)
class Made:
    """A finished backup.

    Attributes
    ----------
    about : what it says of itself
    sha256 : digest of the archive
    bytes : its size
    missing : digests of images that the rows need and that are missing or altered
    """

    about: About
    sha256: str
    bytes: int
    missing: tuple[str, ...] = ()


def make(
    database: Database,
    settings: Settings,
    path: Path,
    listener: "Progress | None" = None,
    *,
    force: bool = False,
) -> Made:
    """Write a backup of an installation to a file, which appears complete or not at all.

    Parameters
    ----------
    listener : is told of the bytes to write and of those written
    force : whether the file may take the place of another

    Raises
    ------
    InputError
        The file exists.
    OSError
        It cannot be written, or the disk is full.
    """
    if path.exists() and not force:
        raise InputError(f"{path} exists; name another file, or add --force")
    with atomic_path(path) as beside:
        beside.touch(mode=0o600)  # it holds all that the service keeps of patients
        made = _write(database, settings, beside, listener or Progress())
    note = {"made_at": made.about.made_at, "entries": made.about.entries, "sha256": made.sha256}
    with suppress(OSError):  # the backup is there, whether it is noted or not
        write_atomic(settings.data_folder / _LAST, json.dumps(note).encode())
    return made


def last_made_at(settings: Settings) -> str | None:
    """Return when the last backup was made, ISO 8601, None if none is known."""
    try:
        note = json.loads((settings.data_folder / _LAST).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return str(note["made_at"]) if isinstance(note, dict) and "made_at" in note else None


class Progress:
    """Is told how much there is to do and what is done; this one says nothing."""

    def total(self, number: int) -> None:
        """Take the number of bytes that there are."""

    def done(self, number: int) -> None:
        """Take the number of bytes that were done since the last call."""


def _write(database: Database, settings: Settings, path: Path, progress: Progress) -> Made:
    # Beside the archive, where there is space for both: rows are small beside images.
    place: Any = {"prefix": ".rows-", "dir": path.parent, "ignore_cleanup_errors": True}
    with tempfile.TemporaryDirectory(**place) as folder, path.open("wb") as out:
        about, digests, slides = _rows(database, Path(folder))
        files = _files(settings, about.entries)
        blobs = Blobs(settings.blob_folder)
        stored = {digest: blobs.path(digest) for digest in sorted(digests)}
        # Of slides, which are surveyed when they come and not again; other pictures are made again.
        drawn = [blobs.derived(digest, OVERVIEW) for digest in slides]
        drawn = [path for path in drawn if path.is_file()]
        size = sum(size for _, size in files) + sum(map(_size, (*stored.values(), *drawn)))
        about = replace(about, files=len(files) + len(stored) + len(drawn), file_bytes=size)
        progress.total(size)
        with Writer(out, progress.done) as writer:
            _write_rows(writer, about, Path(folder))
            faults = _write_files(writer, files, stored, settings)
            for picture in drawn:
                _write_file(writer, settings, picture)
    missing = tuple(digest for digest in faults if is_required_still(database, digest))
    return Made(about, writer.digest, path.stat().st_size, missing)


def _rows(database: Database, folder: Path) -> tuple[About, dict[str, str], list[str]]:
    """Write all rows, as of one moment.

    Returns
    -------
    What they are, the digests of what they refer to, and of slides among these
    """
    with _one_state(database) as connection, Session(connection) as session:
        head = session.get_one(AuditHead, HEAD)
        columns, rows = {}, {}
        for table in tables.all_tables():
            columns[table.name] = [column.name for column in table.columns]
            rows[table.name] = tables.write_rows(connection, table, folder / f"{table.name}.jsonl.gz")
        about = About(
            FORMAT, __version__, iso(now()), connection.dialect.name, str(revision_of(connection)),
            head.number, head.hash, columns, rows,
        )  # fmt: skip
        digests = required_digests(session)
        slides = sorted(digests.keys() & set(session.scalars(select(Slide.sha256))))
        return about, digests, slides


def _one_state(database: Database) -> Connection:
    options: dict[str, Any] = {} if database.is_sqlite else {"isolation_level": "REPEATABLE READ"}
    connection = database.engine.connect().execution_options(**options)
    connection.execute(select(AuditHead.number))  # from here on, nothing later is seen
    return connection


def _write_rows(writer: Writer, about: About, rows: Path) -> None:
    text = json.dumps(asdict(about), indent=1).encode()
    writer.add(ABOUT, io.BytesIO(text), len(text))
    for table in about.rows:
        path = rows / f"{table}.jsonl.gz"
        with path.open("rb") as file:
            writer.add(f"{ROWS}/{path.name}", file, path.stat().st_size)


def _write_files(writer: Writer, files: Files, stored: Mapping[str, Path], settings: Settings) -> list[str]:
    """Write all files, and return the digests of images that are missing or altered."""
    for path, size in files:
        with path.open("rb") as file:
            writer.add(_name(settings, path), file, size)
    faults = []
    for digest, path in stored.items():
        if _write_file(writer, settings, path) != digest:
            faults.append(digest)
    return faults


def _write_file(writer: Writer, settings: Settings, path: Path) -> str | None:
    """Write a file and return its digest, None if it is no longer there."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return writer.add(_name(settings, path), file, os.fstat(file.fileno()).st_size)
    return None


def _files(settings: Settings, entries: int) -> Files:
    """Return everything but the images, and how many bytes of each."""
    found = Seals(settings.seal_folder).up_to(entries)
    put_aside = (path for path in settings.seal_folder.glob("*/*") if path.is_file())
    folders = (settings.validation_folder, settings.bundle_folder, settings.atlas_folder)
    kept = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    found += [(path, path.stat().st_size) for path in sorted((*put_aside, *kept)) if path.name[0] != "."]
    return found


def _name(settings: Settings, path: Path) -> str:
    return path.relative_to(settings.data_folder).as_posix()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
