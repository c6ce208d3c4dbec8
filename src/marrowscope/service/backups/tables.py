"""The rows of all tables as text, and back, the same for both databases.

A row is a line: a JSON list of its values, in the order of the columns. Times are ISO 8601; a column of JSON
is the text that the database keeps, so that figures keep every digit.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from alembic import command
from alembic.util import CommandError
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    type_coerce,
)

from marrowscope.errors import InputError
from marrowscope.service.store.base import Base
from marrowscope.service.store.schema import config

_ROWS = 1000


def write_rows(connection: Connection, table: Table, path: Path) -> int:
    """Write all rows of a table, compressed, and return their number.

    Parameters
    ----------
    connection : in a transaction that sees one state
    """
    query = select(*(_as_written(column, connection) for column in table.columns))
    number = 0
    rows = connection.execution_options(yield_per=_ROWS).execute(query)
    with gzip.open(path, "wt", encoding="utf-8", newline="\n") as out:
        for row in rows:
            values = [value.isoformat() if isinstance(value, datetime) else value for value in row]
            out.write(json.dumps(values, ensure_ascii=False) + "\n")
            number += 1
    return number


def all_tables() -> Sequence[Table]:
    """Return the tables of this version, those that others refer to first."""
    return Base.metadata.sorted_tables


def make_tables(connection: Connection, revision: str) -> None:
    """Make the tables of a version, which may be an earlier one.

    Raises
    ------
    InputError
        The version is a later one, which this one does not know.
    """
    try:
        command.upgrade(config(connection), revision)
    except CommandError:
        raise InputError("the backup was made by a later version of marrowscope") from None


def drop_tables(connection: Connection) -> None:
    """Remove all tables there are, and what protects them."""
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION IF EXISTS audit_is_append_only"))


def are_empty(connection: Connection) -> bool:
    """Return whether the database has no tables."""
    return not inspect(connection).get_table_names()


def read_rows(connection: Connection, name: str, columns: Sequence[str], file: IO[bytes]) -> int:
    """Put rows into a table as it is in the database now, and return their number.

    What a migration put into it gives way.
    """
    table = Table(name, MetaData(), autoload_with=connection)
    if connection.execute(select(table).limit(1)).first() is not None:
        connection.execute(delete(table))
    into = {name: _as_read(table.columns[name], connection) for name in columns}
    is_time = [isinstance(table.columns[name].type, DateTime) for name in columns]
    statement = insert(table).values(into)
    number = 0
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = _rows(lines, columns, is_time)
        while some := list(islice(rows, _ROWS)):
            connection.execute(statement, some)
            number += len(some)
    _count_on(connection, table)
    return number


def _rows(lines: Iterator[str], columns: Sequence[str], is_time: Sequence[bool]) -> Iterator[dict[str, Any]]:
    for line in lines:
        values = json.loads(line)
        yield {
            _name(column): datetime.fromisoformat(value) if time and value is not None else value
            for column, value, time in zip(columns, values, is_time, strict=True)
        }


def _as_written(column: Column[Any], connection: Connection) -> ColumnElement[Any]:
    if not isinstance(column.type, JSON):
        return column
    # PostgreSQL's driver parses JSON, SQLite keeps it as text.
    is_text = connection.dialect.name == "sqlite"
    return type_coerce(column, Text) if is_text else cast(column, Text)


def _as_read(column: Column[Any], connection: Connection) -> ColumnElement[Any]:
    if not isinstance(column.type, JSON):
        return bindparam(_name(column.name), type_=column.type)
    given = bindparam(_name(column.name), type_=Text())
    return given if connection.dialect.name == "sqlite" else cast(given, JSON)


def _name(column: str) -> str:
    return f"value_of_{column}"  # SQLAlchemy keeps the columns' own names for itself


def _count_on(connection: Connection, table: Table) -> None:
    """Let PostgreSQL number further rows from where those that were put in end."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key.columns:
        if isinstance(column.type, Integer):
            sequence = connection.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
            last = connection.scalar(select(func.max(column)))
            if sequence is not None and last is not None:
                connection.execute(select(func.setval(sequence, last)))
