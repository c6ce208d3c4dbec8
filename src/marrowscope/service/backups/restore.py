"""Restoring a backup: read whole and checked first, put in place at the end, all or nothing.

A backup of either database goes into either, and one of an earlier version is brought up to date.
"""

import gzip
import json
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, make_url
from sqlalchemy.exc import DataError, IntegrityError, InvalidRequestError
from sqlalchemy.orm import Session

from marrowscope.codec import from_json
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError
from marrowscope.service.actors import SYSTEM
from marrowscope.service.backups import archive, tables
from marrowscope.service.backups.backup import ABOUT, FORMAT, ROWS, About, Progress
from marrowscope.service.clock import iso, now
from marrowscope.service.exchange import outbox
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.images.integrity import check_blobs
from marrowscope.service.jobs.presence import is_served
from marrowscope.service.live import sessions
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.accounts import LoginSession
from marrowscope.service.trail import audit, checking

_SUFFIX = ".jsonl.gz"
_STAGING = ".restoring-"
_LARGEST_ABOUT = 16 << 20
_NO_ROWS = (
    *(ValueError, TypeError, KeyError, RecursionError),  # what they say
    *(EOFError, zlib.error, gzip.BadGzipFile, FileNotFoundError),  # how they are written
    *(InvalidRequestError, DataError, IntegrityError),  # where they go
)


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes
    ----------
    about : what the backup says of itself
    replaced : folder with what stood in its place, if anything did
    fault : of the audit trail or the images, as the backup had it
    """

    about: About
    replaced: Path | None
    fault: str | None


def restore(
    settings: Settings, path: Path, progress: Progress | None = None, *, force: bool = False
) -> Restored:
    """Put a backup into an empty data folder and an empty database.

    Parameters
    ----------
    force : whether it may take the place of what is there; files are kept beside, rows of PostgreSQL are not

    Raises
    ------
    InputError
        The file is no backup, is altered or incomplete, or of a later version; or the place is not empty.
    OSError
        Something cannot be written; then all is as before.
    """
    about = read_about(path)
    folder = settings.data_folder
    _check_place(settings, path, force=force)
    progress = progress or Progress()
    progress.total(2 * path.stat().st_size)
    archive.verify(path, progress.done)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob(f"{_STAGING}*"):  # by one that was killed
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    staging = folder / f"{_STAGING}{secrets.token_hex(4)}"
    try:
        for name, file in archive.members(path, progress.done):
            if name not in {ABOUT, archive.SUMS}:
                archive.copy_to(file, staging / name)
        replaced = folder / f"replaced-{iso(now()).replace(':', '')}"
        with ExitStack() as undo:
            with _filled(settings, about, staging / ROWS) as (held, put_database):
                _exchange(folder, staging, replaced, undo)
                put_database(replaced)
            undo.pop_all()
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Restored(about, replaced if replaced.exists() else None, _recorded(settings, about, held))


def read_about(path: Path) -> About:
    """Return what a backup says of itself.

    Raises
    ------
    InputError
        The file is no backup, or of a later version.
    """
    try:
        name, file = next(archive.members(path))
        document = json.loads(file.read(_LARGEST_ABOUT)) if name == ABOUT else {}
    except (StopIteration, ValueError, RecursionError, OSError, tarfile.TarError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be read"
        raise InputError(f"{path}: not a backup ({reason})") from None
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise InputError(f"{path}: not a backup")
    if document["format"] > FORMAT:
        raise InputError("the backup was made by a later version of marrowscope")
    return from_json(document, About)


def _check_place(settings: Settings, path: Path, *, force: bool) -> None:
    folder = settings.data_folder
    if is_served(folder / "servers"):
        raise InputError(f"a service runs on {folder}: stop it first")
    places = (settings.blob_folder, settings.seal_folder, settings.bundle_folder, settings.validation_folder)
    taken = [place.name for place in places if place.is_dir() and any(place.iterdir())]
    if not _is_database_empty(settings):
        taken.append("database")
    if taken and not force:
        raise InputError(f"{folder} is not empty ({', '.join(taken)}): restore elsewhere, or add --force")
    above = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.is_dir())
    needed, free = path.stat().st_size, shutil.disk_usage(above).free
    if free < needed:
        raise InputError(f"{above} has {free >> 20} MiB free; the backup needs {needed >> 20} MiB")


def _is_database_empty(settings: Settings) -> bool:
    file = _file_of(settings)
    if file is not None and not file.is_file():
        return True
    database = Database(settings.database_url)
    try:
        with database.reading() as session:
            return tables.are_empty(session.connection())
    finally:
        database.close()


def _file_of(settings: Settings) -> Path | None:
    """Return the file of SQLite, None for PostgreSQL."""
    url = make_url(settings.database_url)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


@contextmanager
def _filled(
    settings: Settings, about: About, rows: Path
) -> Iterator[tuple[Mapping[str, int], Callable[[Path], None]]]:
    """Fill a database with a backup's rows; give what was held, and what makes it the installation's.

    SQLite is filled as a new file, PostgreSQL in a transaction.
    """
    file = _file_of(settings)
    if file is None:
        database = Database(settings.database_url)
        try:
            with database.changing() as connection:
                if not tables.are_empty(connection):
                    tables.drop_tables(connection)
                held = _fill(connection, about, rows)
                yield held, lambda _: None  # committed at the end of the block
        finally:
            database.close()
        return
    beside = file.with_name(f"{_STAGING}{secrets.token_hex(4)}.db")
    database = Database(f"sqlite+pysqlite:///{beside.absolute()}")
    try:
        with database.changing() as connection:
            held = _fill(connection, about, rows)
        database.close()
        yield held, lambda replaced: _exchange_file(file, beside, replaced)
    finally:
        database.close()
        for suffix in ("", "-wal", "-shm"):
            beside.with_name(beside.name + suffix).unlink(missing_ok=True)


def _fill(connection: Connection, about: About, rows: Path) -> Mapping[str, int]:
    """Fill empty tables with a backup's rows, as far as they hold still; return what was held back."""
    tables.make_tables(connection, about.revision)
    for name, number in about.rows.items():
        try:
            with (rows / f"{name}{_SUFFIX}").open("rb") as file:
                found = tables.read_rows(connection, name, about.columns[name], file)
        except _NO_ROWS:
            raise InputError(f"the rows of {name} are not those of a backup") from None
        if found != number:
            raise InputError(f"the backup holds {found} rows of {name}, not {number}")
    tables.make_tables(connection, "head")
    return _hold(connection)


def _hold(connection: Connection) -> Mapping[str, int]:
    """Hold back what may have happened since the backup was made, before anybody can act on it.

    Reports may have left, people may have logged out, and a folder may have come to hold another patient's
    images.
    """
    with Session(connection) as session, session.begin():
        session.execute(delete(LoginSession))
        return {"held": outbox.hold(session), "left_folders": sessions.leave_folders(session)}


def _exchange(folder: Path, staging: Path, replaced: Path, undo: ExitStack) -> None:
    """Move what is in the way aside and the new in its place; `undo` takes that back."""
    for name in ("blobs", "seals", "validations", "bundles", "atlas"):
        present, new = folder / name, staging / name
        if present.exists():
            _move(present, replaced / name, undo)
        if new.exists():
            _move(new, present, undo)


def _exchange_file(file: Path, new: Path, replaced: Path) -> None:
    with ExitStack() as undo:
        for suffix in ("", "-wal", "-shm"):
            present = file.with_name(file.name + suffix)
            if present.exists():
                _move(present, replaced / present.name, undo)
        new.replace(file)
        undo.pop_all()


def _move(source: Path, target: Path, undo: ExitStack) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.move(source, target)
    undo.callback(shutil.move, target, source)


def _recorded(settings: Settings, about: About, held: Mapping[str, int]) -> str | None:
    """Record the restoring in the trail, and return what is wrong, if anything."""
    database = Database(settings.database_url, settings.seal_folder)
    try:
        after: Mapping[str, object] = {
            "made_at": about.made_at, "version": about.version, "entries": about.entries, "head": about.head,
            **held,
        }  # fmt: skip
        with database.reading() as session:
            fault = checking.verify(session, (about.entries, about.head) if about.entries else None).fault
        with database.writing() as session:
            audit.record(session, SYSTEM, "backup.restore", "trail", None, after=after)
        faults = check_blobs(database, Blobs(settings.blob_folder)).faults
    finally:
        database.close()
    if fault is None and faults:
        fault = f"{quantity(len(faults), 'image')} missing or altered"
    return fault
