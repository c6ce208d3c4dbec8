"""All tables of the service, and migration of a database."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from marrowscope.errors import InputError
from marrowscope.service.store.base import Base, BlobDigest, UtcTime
from marrowscope.service.store.engine import Database

_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that no other program locks in the same database.
_LOCK = 5_204_651

for _name in ("accounts", "audit", "patients", "analyses", "reviews", "pins", "teaching", "controls"):
    import_module(f"marrowscope.service.store.{_name}")


def bring_up_to_date(database: Database) -> None:
    """Create or migrate all tables, all or nothing, one process at a time.

    Raises
    ------
    InputError
        The database was made by a later version.
    """
    with database.changing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        try:
            command.upgrade(config(connection), "head")
        except CommandError:
            raise InputError("the database was made by a later version of marrowscope") from None


def is_up_to_date(connection: Connection) -> bool:
    """Return whether a database has this version's tables."""
    return MigrationContext.configure(connection).get_current_revision() == _head()


@cache
def _head() -> str | None:
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def config(connection: Connection) -> Config:
    """Return alembic's configuration for a connection."""
    made = Config()
    made.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


def migration_options() -> dict[str, Any]:
    """Return alembic's options to migrate, and to compare tables with models."""
    return {
        "target_metadata": Base.metadata,
        "transactional_ddl": True,  # on SQLite too: the transaction is ours, not the driver's
        "render_as_batch": True,  # SQLite changes a table by copying it
        "render_item": _render,
        "compare_type": True,
    }


def _render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    # A migration must not change when one of the classes does.
    del context
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, BlobDigest):
        return "sa.String(length=64)"
    return False
