"""The root of the command line."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from marrowscope.cli.commands.installation import atlas, audit, backup, doctor, serve, users
from marrowscope.cli.commands.networks import bundle, data, evaluate, train
from marrowscope.cli.commands.reading import analyse, batch, demo, export, images, validate, watch
from marrowscope.cli.console import UNREAD, is_written
from marrowscope.version import __version__


class _Commands(TyperGroup):
    """Knows commands of two words, such as ``batch merge`` beside ``batch MANIFEST``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments begin with, and the arguments left to it."""
        two = " ".join(args[:2])
        return super().resolve_command(ctx, [two, *args[2:]] if two in self.commands else args)


app = typer.Typer(
    name="marrowscope",
    cls=_Commands,
    help="From the images of a blood or bone-marrow smear to a differential count. For research use only.",
    epilog="Example:  marrowscope analyse patients/ -o results/",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("analyse", epilog=analyse.EXAMPLE)(analyse.analyse)
app.command("watch", epilog=watch.EXAMPLE)(watch.watch)
app.command("batch", epilog=batch.EXAMPLE)(batch.batch)
app.command("batch merge", epilog=batch.MERGE_EXAMPLE)(batch.merge)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.command("detect", epilog=images.DETECT_EXAMPLE)(images.detect)
app.command("classify", epilog=images.CLASSIFY_EXAMPLE)(images.classify)
app.command("export", epilog=export.EXAMPLE)(export.export)
app.command("validate", epilog=validate.EXAMPLE)(validate.validate)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")
app.add_typer(data.app, name="data")
app.add_typer(bundle.app, name="bundle")
app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
app.command("backup", epilog=backup.EXAMPLE)(backup.backup)
app.command("restore", epilog=backup.RESTORE_EXAMPLE)(backup.restore)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)
app.add_typer(users.app, name="users")
app.add_typer(audit.app, name="audit")
app.add_typer(atlas.app, name="atlas")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"marrowscope {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From the images of a blood or bone-marrow smear to a differential count. For research use only."""


def main() -> None:
    """Run the command line; where nobody reads on, it ends without a word."""
    try:
        app()
    finally:
        if not is_written():
            sys.exit(UNREAD)
