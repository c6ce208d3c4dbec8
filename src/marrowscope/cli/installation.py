"""Options, settings and database of an installation, shared by its commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from marrowscope.service.settings import Settings
    from marrowscope.service.store.engine import Database

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Data folder of the service.", show_default="marrowscope-data"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql://USER:PASSWORD@HOST/NAME; set it as MARROWSCOPE_DATABASE to hide it from others.",
        show_default="SQLite in the data folder",
    ),
]


def settings_of(**given: Any) -> "Settings":
    """Return the settings, from options, else environment variables, else defaults.

    Raises
    ------
    MissingExtraError
        The service is not installed.
    InputError
        A setting is invalid.
    """
    MissingExtraError.unless_found("The service", "serve", "fastapi", "sqlalchemy", "pydantic_settings")
    from marrowscope.service.settings import read_settings

    return read_settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def responding() -> Iterator[None]:
    """Tell of a database that does not respond in one line."""
    from sqlalchemy.exc import OperationalError

    try:
        yield
    except OperationalError:
        raise InputError("the database does not respond: check its address, name and password") from None


@contextmanager
def opened(settings: "Settings", make: bool) -> Iterator["Database"]:
    """Open the installation's database; `make` creates or migrates it first.

    Raises
    ------
    InputError
        There is none, it does not respond, or its tables are of another version.
    """
    from marrowscope.service.store.engine import Database
    from marrowscope.service.store.schema import bring_up_to_date, is_up_to_date

    if not make and settings.database is None and not settings.database_file.is_file():
        raise InputError(f"there is no installation in {settings.data_folder} (set --data)")
    database = Database(settings.database_url, settings.seal_folder)
    try:
        with responding():
            if make:
                bring_up_to_date(database)
            with database.reading() as session:
                if not is_up_to_date(session.connection()):
                    raise InputError(
                        "the tables of the database are of another version; marrowscope serve updates them"
                    )
            yield database
    finally:
        database.close()
