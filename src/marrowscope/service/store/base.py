"""What all tables share: constraint names, times in UTC, identifiers."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import TypeDecorator

from marrowscope.service.clock import new_id
from marrowscope.service.errors import NotFoundError


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, stored as UTC (SQLite has no time zones)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store a time as UTC."""
        del dialect
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return a stored time as UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class BlobDigest(TypeDecorator[str]):
    """The SHA-256 of a blob that the row refers to; `references` finds columns by this type.

    Parameters
    ----------
    outlives_retention : whether the blob is kept after the patient's images are removed
    """

    impl = String(64)
    cache_ok = True

    def __init__(self, *, outlives_retention: bool = False) -> None:
        super().__init__()
        self.outlives_retention = outlives_retention


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # JSON, not JSONB: figures keep every digit, members their order.
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's)
        datetime: UtcTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        list[str]: JSON,
        list[int]: JSON,
    }


class Identified:
    """Mixin: a random identifier as primary key."""

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)


_Row = TypeVar("_Row", bound=Identified)


def row_of(session: Session, table: type[_Row], key: str, name: str, *, is_held: bool = False) -> _Row:
    """Return the row with this identifier.

    Parameters
    ----------
    name : what the table holds, for the message
    is_held : whether other transactions that ask the same wait until this one ends

    Raises
    ------
    NotFoundError
        There is none.
    """
    row = session.get(table, key, with_for_update=is_held or None)
    if row is None:
        raise NotFoundError(f"there is no such {name}")
    return row
