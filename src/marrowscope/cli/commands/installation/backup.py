"""``marrowscope backup`` and ``restore``: an installation as one file, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.console import fail, one_line_errors, print_json, say
from marrowscope.cli.installation import Data, DatabaseUrl, opened, responding, settings_of
from marrowscope.cli.options import AsJson
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.service.backups.backup import About, Progress

EXAMPLE = "Example:  marrowscope backup /backups/2026-03-01.tar --data /srv/marrowscope"
RESTORE_EXAMPLE = "Example:  marrowscope restore /backups/2026-03-01.tar --data /srv/marrowscope"


@one_line_errors
def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write, for example 2026-03-01.tar.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: AsJson = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Back up an installation into one file, while its service runs or not.

    The file holds the database (SQLite or PostgreSQL), images, seals of the audit trail, validations,
    networks taught here and the atlas, with a digest of each. It is for its owner's eyes only, and appears
    complete or not at all. The exit code is 1 if an image is missing or altered; the backup is written all
    the same.
    """
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.backups import backup as backups

    with opened(settings, make=False) as place, _bar("Backing up") as progress:
        made = backups.make(place, settings, file, progress, force=force)
    if as_json:
        print_json(
            {**asdict(made.about), "sha256": made.sha256, "bytes": made.bytes, "missing": made.missing}
        )
    else:
        typer.echo(f"{file}: {_contents(made.about)}, {made.bytes / 1e6:,.1f} MB")
        typer.echo(f"SHA-256 {made.sha256}")
        typer.echo(f"end of the audit trail {made.about.entries}:{made.about.head}")
    if made.missing:
        fail(f"{quantity(len(made.missing), 'image')} missing or altered; see marrowscope audit verify", 1)


@one_line_errors
def restore(
    file: Annotated[Path, typer.Argument(help="Archive that `marrowscope backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only check that the archive is whole.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take the place of what is there; its files are kept beside.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Restore a backup into an empty data folder and database, all or nothing.

    The archive is checked as a whole before anything is written. A backup of SQLite can be restored into
    PostgreSQL and the other way round; tables of an earlier version are updated. The audit trail records it.
    """
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.backups import archive
    from marrowscope.service.backups import restore as restoring

    if not file.is_file():
        raise InputError(f"there is no file {file}")
    if check:
        about = restoring.read_about(file)
        with _bar("Checking") as progress:
            progress.total(file.stat().st_size)
            archive.verify(file, progress.done)
        _show(asdict(about), f"{file} is whole: {_contents(about)}", as_json=as_json)
        return
    with responding(), _bar("Restoring") as progress:
        done = restoring.restore(settings, file, progress, force=force)
    replaced = None if done.replaced is None else str(done.replaced)
    _show(
        {**asdict(done.about), "replaced": replaced, "fault": done.fault},
        f"restored: {_contents(done.about)}, as of {done.about.made_at}",
        as_json=as_json,
    )
    if replaced is not None:
        say(f"what was there is in {replaced}: remove it when it is no longer needed")
    if done.fault is not None:
        fail(f"restored, but the backup was made of a faulty installation: {done.fault}", 1)


def _show(document: object, line: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        typer.echo(line)


def _contents(about: "About") -> str:
    patients = quantity(about.rows.get("patients", 0), "patient")
    signed = quantity(about.rows.get("versions", 0), "signed version")
    entries = quantity(about.entries, "audit entry", "audit entries")
    return f"{patients}, {signed}, {entries}, {quantity(about.files, 'file')} (images, seals and the like)"


@contextmanager
def _bar(what: str) -> "Iterator[Progress]":
    """Show a bar of bytes on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from marrowscope.service.backups.backup import Progress

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        class Shown(Progress):
            def total(self, number: int) -> None:
                bar.update(task, total=number)

            def done(self, number: int) -> None:
                bar.advance(task, number)

        yield Shown()
