"""``marrowscope data``: labelled data sets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from marrowscope.cli.console import one_line_errors, print_json
from marrowscope.domain.quantity import quantity

_SHOWN = 20

app = typer.Typer(
    help="Check, split and convert labelled data sets.",
    no_args_is_help=True,
    epilog="Example:  marrowscope data check BCCD/ --contact-sheet sheet.png",
)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr for work that reports (done, total); nothing if it is not a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@app.callback()
def data() -> None:
    """Check, split and convert labelled data sets."""


@app.command("list", epilog="Example:  marrowscope data list --json")
@one_line_errors
def list_sets(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything known as JSON.")] = False,
) -> None:
    """List the public image sets that this software recognises, with licences and uses.

    A licence marked ? has not been checked: read it at the set's origin before you rely on it. Uses: train,
    test, look (no figures are computed on it); what may not be used to train is refused there.
    """
    from marrowscope.datasets.known_sets import known_sets

    sets = [known for known in known_sets().values() if known.layout]
    if as_json:
        print_json([known.to_json() for known in sets])
        return
    for known in sets:
        licence = known.licence if known.licence_checked else f"{known.licence} ?"
        typer.echo(f"{known.id:<18}{known.layout:<12}{licence:<14}  {', '.join(known.use)}")
        for text in (known.title, known.note, known.citation, known.origin or known.doi):
            if text:
                typer.echo(f"    {text}")


@app.command("check", epilog="Example:  marrowscope data check BCCD/ --contact-sheet sheet.png")
@one_line_errors
def check(
    folder: Annotated[
        Path, typer.Argument(help="The set's folder, a COCO file or a CSV of boxes.", show_default=False)
    ],
    layout: Annotated[
        str, typer.Option(help="voc, yolo, coco, csv, unlabelled, cells (a folder per type), or auto.")
    ] = "auto",
    images: Annotated[
        Path | None,
        typer.Option(help="Where the images of a CSV or COCO file lie; for a cells.csv what was analysed."),
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of examples (PNG).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Find broken files, duplicates, wrong boxes, unknown labels and leaks between splits.

    The exit code is 1 if there are errors, 0 if there are at most warnings.
    """
    from marrowscope.datasets.check import check_dataset

    with _bar("Checking images") as on_image:
        report = check_dataset(folder, layout, images=images, contact_sheet=contact_sheet, on_image=on_image)
    if as_json:
        print_json(report.to_json())
    else:
        number = quantity(report.n_images, "image")
        typer.echo(f"{report.root}: {report.layout}, {number}, {quantity(report.n_boxes, 'box', 'boxes')}")
        if report.known_set is not None:
            known = report.known_set
            unchecked = "" if known.licence_checked else " (licence not checked)"
            typer.echo(f"  looks like {known.id}: {known.title}; {known.licence}{unchecked}")
        for name, boxes in report.class_counts.items():
            typer.echo(f"  {name:<28}{boxes}")
        for problem in report.problems[:_SHOWN]:
            level = "error" if problem.is_error else "warning"
            typer.echo(f"{level}: {problem.kind}: {problem.where}: {problem.detail}")
        if len(report.problems) > _SHOWN:
            typer.echo(f"... and {len(report.problems) - _SHOWN} more; --json prints all")
        errors = sum(problem.is_error for problem in report.problems)
        typer.echo(f"errors: {errors}, warnings: {len(report.problems) - errors}")
    if not report.is_clean:
        raise typer.Exit(1)


@app.command(
    "split", epilog="Example:  marrowscope data split CELLS_BY_TYPE/ -o split.csv --parts train=0.7,test=0.3"
)
@one_line_errors
def split(
    folder: Annotated[
        Path, typer.Argument(help="The set's folder, a COCO file or a CSV of boxes.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV to write: path, kind, group, part.")],
    layout: Annotated[
        str, typer.Option(help="voc, yolo, coco, csv, unlabelled, cells (a folder per type), or auto.")
    ] = "auto",
    parts: Annotated[
        str | None,
        typer.Option(
            help="Names and shares, as train=0.7,test=0.3; by default those of training.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed for a random but reproducible start of the blocks.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Where the images of a CSV or COCO file lie; for a cells.csv what was analysed."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the parts' sizes as JSON.")] = False,
) -> None:
    """Split a set by group (patient, slide, block of names) without dividing any group.

    If the set has no groups, contiguous blocks of file names are used instead.
    """
    from marrowscope.datasets.splits import PARTS, read_and_split, shares_of, write_split

    table = read_and_split(folder, layout, shares_of(parts) if parts else PARTS, seed, images)
    write_split(table, out)
    sizes = {name: len(items) for name, items in table.items()}
    groups = {name: len({item.group for item in items}) for name, items in table.items()}
    if as_json:
        print_json({"out": str(out), "parts": sizes, "groups": groups})
        return
    typer.echo(f"{out}: " + ", ".join(f"{name} {size}" for name, size in sizes.items()))
    if groups == sizes:
        typer.echo("the set has no groups: each part is a contiguous block of file names")
    else:
        typer.echo("groups: " + ", ".join(f"{name} {number}" for name, number in groups.items()))


@app.command(
    "convert",
    epilog="Example:  marrowscope data convert BCCD/ --to coco -o bccd-coco/\n\n"
    "marrowscope data convert OUT/cells.csv --images PATIENTS/ --to cells -o MY_CELLS/",
)
@one_line_errors
def convert(
    source: Annotated[
        Path, typer.Argument(help="The set's folder, a COCO file, a boxes CSV or a reviewed cells.csv.")
    ],
    to: Annotated[str, typer.Option(help="voc, yolo, coco, csv, or cells (a folder of crops per label).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder.")],
    layout: Annotated[str, typer.Option(help="voc, yolo, coco, csv, cells, or auto.")] = "auto",
    split: Annotated[str | None, typer.Option(help="Convert only this official split of the set.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Where the images of a CSV or COCO file lie; for a cells.csv what was analysed."),
    ] = None,
    keep_unreviewed: Annotated[
        bool,
        typer.Option(
            "--keep-unreviewed", help="For a cells.csv with reviewed_type: include cells without a review."
        ),
    ] = False,
) -> None:
    """Convert labelled fields to another layout, or crop their cells into a folder per label.

    A recognised public set of single cells becomes a folder per type of the taxonomy. The cells.csv of an
    analysis becomes a training set: add a column reviewed_type, fill it in for the cells you reviewed, and
    convert with --to cells. The names of the crops contain the patient.
    """
    from marrowscope.datasets.convert import cells_as_fields, sort_cells
    from marrowscope.datasets.convert import convert as write
    from marrowscope.datasets.layouts.cells import read_folder_per_type
    from marrowscope.datasets.layouts.fields import read_fields
    from marrowscope.datasets.layouts.recognise import recognise_layout

    if layout == "cells" or (layout == "auto" and recognise_layout(source) == "cells"):
        cells = read_folder_per_type(source)
        if to == "cells":
            sort_cells(cells, out)
            types = {cell.cell_type for cell in cells}
            typer.echo(f"{out}: {quantity(len(cells), 'cell')} of {quantity(len(types), 'type')}")
            return
        fields = cells_as_fields(cells)
    else:
        fields = read_fields(source, layout, split, images=images, keep_unreviewed=keep_unreviewed)
    write(fields, to, out)
    boxes = sum(int((~field.ignore).sum()) for field in fields)
    ignored = sum(len(field.boxes) for field in fields) - boxes
    note = f", {ignored} more marked to be ignored" if ignored else ""
    typer.echo(f"{out}: {quantity(len(fields), 'field')}, {quantity(boxes, 'box', 'boxes')}{note}")
