"""``marrowscope data``: looking after labelled sets."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.console import one_line_errors, print_json

_SHOWN = 20

app = typer.Typer(
    help="Check labelled data sets.",
    no_args_is_help=True,
    epilog="Example:  marrowscope data check BCCD/ --contact-sheet sheet.png",
)


@app.callback()
def data() -> None:
    """Check labelled data sets."""


@app.command("check", epilog="Example:  marrowscope data check BCCD/ --contact-sheet sheet.png")
@one_line_errors
def check(
    folder: Annotated[Path, typer.Argument(help="The set's folder.", show_default=False)],
    layout: Annotated[
        str, typer.Option(help="voc, yolo, coco, unlabelled, cells (a folder per type), or auto.")
    ] = "auto",
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Draw a sheet of examples to look at (PNG).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Find broken files, duplicates, wrong boxes, unknown labels and leaks between splits.

    The exit code is 1 when something is wrong, 0 when there are warnings at most.
    """
    from marrowscope.datasets.check import check_dataset

    report = check_dataset(folder, layout, contact_sheet=contact_sheet)
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(f"{report.root}: {report.layout}, {report.n_images} images, {report.n_boxes} boxes")
        for name, number in report.class_counts.items():
            typer.echo(f"  {name:<28}{number}")
        for problem in report.problems[:_SHOWN]:
            level = "error" if problem.is_error else "warning"
            typer.echo(f"{level}: {problem.kind}: {problem.where}: {problem.detail}")
        if len(report.problems) > _SHOWN:
            typer.echo(f"... and {len(report.problems) - _SHOWN} more; all of them with --json")
    if not report.is_clean:
        raise typer.Exit(1)
