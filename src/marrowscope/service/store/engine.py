"""The connection to SQLite or PostgreSQL, and reading and writing transactions."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from marrowscope.errors import InputError, MissingExtraError

_log = structlog.get_logger("marrowscope.store")
_WRITES = "marrowscope_writes"
_CHANGES = "marrowscope_changes"
_SEALS = "marrowscope_seals"
_BUSY_MS = 30_000
# Requests run in up to 40 threads. Values may name a patient: they are kept out of messages and logs.
_POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 48, "hide_parameters": True}


class Database:
    """A database and its sessions; `reading` sees one consistent state, `writing` commits at its end.

    SQLite allows one writer at a time: a writing transaction takes the lock at its start, so that nothing it
    has read changes before it writes.
    """

    def __init__(self, url: str, seals: Path | None = None) -> None:
        """Prepare the engine without connecting.

        Parameters
        ----------
        url
            Where the database is.
        seals
            Folder outside the database in which the audit trail is sealed; None where it is not.

        Raises
        ------
        InputError
            `url` is no database URL, or of an unsupported kind.
        MissingExtraError
            The driver for PostgreSQL is not installed.
        """
        self.url = url
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        info = {_SEALS: seals}
        self._reading: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False, info=info)
        self._writing: sessionmaker[Session] = sessionmaker(self._writer, expire_on_commit=False, info=info)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.engine.dialect.name == "sqlite"

    def listen(self, moment: str, listener: Callable[..., None]) -> None:
        """Call `listener` at an event of every writing session, named as in SQLAlchemy."""
        event.listen(self._writing, moment, listener)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that changes nothing."""
        with self._reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session whose changes are committed at the end, or rolled back on an error."""
        with self._writing.begin() as session:
            yield session

    @contextmanager
    def noting(self) -> Iterator[Session]:
        """Open a writing session for a note that can be done without: a disk that is full ends no request."""
        try:
            with self.writing() as session:
                yield session
        except OperationalError as error:
            _log.warning("a note could not be written", error=type(error.orig).__name__)

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """Open a connection that changes tables in one transaction; creates an SQLite file if need be."""
        if self.is_sqlite:
            Path(str(self.engine.url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # SQLite changes a table by copying and dropping it: dropped rows must not cascade.
        with self.engine.execution_options(**{_WRITES: True, _CHANGES: True}).connect() as connection:
            try:
                with connection.begin():
                    yield connection
                    if self.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise InputError("the database could not be changed: rows would refer to nothing")
            finally:
                if self.is_sqlite:
                    driver: Any = connection.connection.driver_connection
                    driver.execute("PRAGMA foreign_keys=ON")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def wait_for_others(session: Session, work: int) -> None:
    """Wait until no other server is in a transaction at the same work; they wait until this one ends.

    Parameters
    ----------
    work : a number of its own for each work; SQLite has one writer at a time anyway
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:work)"), {"work": work})


def seal_folder_of(session: Session) -> Path | None:
    """Return the folder in which the audit trail of a session's database is sealed."""
    folder: Path | None = session.info.get(_SEALS)
    return folder


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError("the database is not a URL such as postgresql://user:password@host/name") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise InputError("the database must be a file or a server, not the memory of a process")
        engine = create_engine(
            parsed, **_POOL, connect_args={"timeout": _BUSY_MS / 1000, "check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if kind != "postgresql":
        raise InputError(f"the database must be SQLite or PostgreSQL, not {kind}")
    try:
        return create_engine(parsed, **_POOL, pool_pre_ping=True, pool_recycle=1800)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise MissingExtraError("PostgreSQL", "postgres") from None


def _prepare_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    del record
    connection.isolation_level = None  # transactions are started below, not by the driver
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_CHANGES, False):
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    writes = options.get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
