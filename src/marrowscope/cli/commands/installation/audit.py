"""``marrowscope audit``: the audit trail of an installation."""

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import fail, one_line_errors, print_json, say
from marrowscope.cli.installation import Data, DatabaseUrl, opened, settings_of
from marrowscope.cli.options import AsJson
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError

app = typer.Typer(
    help="Verify and export the audit trail of the service.",
    no_args_is_help=True,
    epilog="Example:  marrowscope audit verify --data /srv/marrowscope",
)


@app.command("verify", epilog="Example:  marrowscope audit verify --known 1042:5f70bf18a086...")
@one_line_errors
def verify(
    known: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:DIGEST", help="Entry noted earlier, which must still be in the trail."),
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Check that no audit entry and no stored file was changed or removed. The exit code is 1 if one was.

    The end of the trail must be the one that was sealed, in the folder seals of the data folder.

    The last line of the output is the end of the trail as NUMBER:DIGEST. If you keep it where administrators
    cannot change it and pass it as --known later, a trail that was rewritten as a whole is detected, too.
    """
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.images.blobs import Blobs
    from marrowscope.service.images.integrity import check_blobs
    from marrowscope.service.trail import checking

    noted = None if known is None else _noted(known)
    with opened(settings, make=False) as place:
        with place.reading() as session:
            check = checking.verify(session, noted)
        files = check_blobs(place, Blobs(settings.blob_folder))
    if check.is_whole and not check.entries:
        raise InputError("there is no audit trail: nothing was ever recorded here (set --data or --database)")
    if as_json:
        print_json(
            {
                "whole": check.is_whole and not files.faults,
                "entries": check.entries,
                "head": check.head,
                "unsealed": check.unsealed,
                "fault": check.fault,
                "files": files.checked,
                "file_faults": [asdict(fault) for fault in files.faults],
            }
        )
        if not check.is_whole or files.faults:
            raise typer.Exit(1)
        return
    if check.unsealed:
        are = "is" if check.unsealed == 1 else "are"
        older = quantity(check.unsealed, "entry", "entries")
        say(f"{older} at the beginning {are} older than the seals")
    for fault in files.faults:
        say(f"file {fault.digest} ({fault.column}) is {fault.problem}")
    if check.fault is not None:
        fail(f"the audit trail was tampered with: {check.fault}", 1)
    if files.faults:
        fail(f"{len(files.faults)} of {quantity(files.checked, 'file')} missing or altered", 1)
    entries, checked = quantity(check.entries, "entry", "entries"), quantity(files.checked, "file")
    typer.echo(f"{entries} and {checked}, none altered or missing")
    typer.echo(f"{check.entries}:{check.head}")


@app.command("seal", epilog="Example:  marrowscope audit seal --reason 'backup of 1 March restored'")
@one_line_errors
def seal(
    reason: Annotated[str, typer.Option(help="Why the trail is sealed anew; it is recorded.")],
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Seal the audit trail anew from its present end, after a backup was restored. The trail records it."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.actors import SYSTEM
    from marrowscope.service.trail.checking import seal_anew

    if not reason.strip():
        raise InputError("--reason must say why")
    with opened(settings, make=False) as place, place.writing() as session:
        seal_anew(session, SYSTEM, reason.strip())
    say("the audit trail is sealed anew")


@app.command("export", epilog="Example:  marrowscope audit export -o audit.jsonl")
@one_line_errors
def export(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write.", show_default="standard output")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Write the whole trail, oldest entry first, one JSON object per line."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.trail import audit

    try:
        target = nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8")
        with opened(settings, make=False) as place, place.reading() as session, target as stream:
            written = 0
            for entry in audit.entries(session):
                stream.write(json.dumps(audit.document(entry), ensure_ascii=False) + "\n")
                written += 1
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}") from None
    say(quantity(written, "entry", "entries"))


def _noted(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdigit() or len(digest) != 64:
        raise InputError("--known must be NUMBER:DIGEST as printed by `audit verify`")
    return int(number), digest
