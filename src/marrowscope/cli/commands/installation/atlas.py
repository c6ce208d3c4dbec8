"""``marrowscope atlas``: reference cells for those who review."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import one_line_errors, print_json, say
from marrowscope.cli.installation import Data, settings_of
from marrowscope.cli.options import AsJson
from marrowscope.domain.quantity import quantity

app = typer.Typer(
    help="Add open sets of labelled cells to the atlas of the review page.",
    no_args_is_help=True,
    epilog="Example:  marrowscope atlas import PBC_dataset_normal_DIB --data /srv/marrowscope",
)


@app.command(
    "import", epilog="Example:  marrowscope atlas import PBC_dataset_normal_DIB --data /srv/marrowscope"
)
@one_line_errors
def import_(
    folder: Annotated[Path, typer.Argument(help="A downloaded set: a folder per cell type.")],
    per_type: Annotated[int, typer.Option(min=1, max=200, help="Pictures of each type.")] = 24,
    title: Annotated[str, typer.Option(help="What the set is, if it is not known.")] = "",
    licence: Annotated[str, typer.Option(help="Its licence, if it is not known.")] = "",
    citation: Annotated[str, typer.Option(help="How to cite it, if it is not known.")] = "",
    data: Data = None,
) -> None:
    """Copy reference cells from a downloaded open set, such as those of Barcelona or Munich.

    The sets of `marrowscope data list` are recognised, with licence and citation, which the review page shows
    beside every picture. A set imported before is replaced.
    """
    settings = settings_of(data_folder=data)
    from rich.console import Console
    from rich.progress import Progress

    from marrowscope.service.atlas import imported

    about = imported.described(folder, title, licence, citation)
    total = 0
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Copying pictures")
        for done, total in imported.import_set(folder, settings.atlas_folder, about, per_type):
            progress.update(task, completed=done, total=total)
    say(f"{quantity(total, 'picture')} from {about.title}")
    say(f"Licence: {about.licence}")
    if about.citation:
        say(f"Cite: {about.citation}")


@app.command("list", epilog="Example:  marrowscope atlas list --data /srv/marrowscope --json")
@one_line_errors
def list_(as_json: AsJson = False, data: Data = None) -> None:
    """List the open sets in the atlas, with licence and citation."""
    settings = settings_of(data_folder=data)
    from dataclasses import asdict

    from marrowscope.service.atlas import imported

    found = imported.imported_sets(settings.atlas_folder)
    if as_json:
        print_json([{**asdict(each.about), "pictures": each.counts} for each in found])
        return
    for each in found:
        pictures, types = sum(each.counts.values()), len(each.counts)
        typer.echo(f"{each.about.id}: {each.about.title}")
        typer.echo(f"  {quantity(pictures, 'picture')} of {quantity(types, 'type')} · {each.about.licence}")
        typer.echo(f"  {each.about.citation}")
    if not found:
        say("No open set has been imported; the atlas shows drawn cells and pinned ones.")
