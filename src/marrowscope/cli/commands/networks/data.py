"""``marrowscope data``: labelled data sets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from marrowscope.cli.console import one_line_errors, print_json
from marrowscope.cli.options import AsJson
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.datasets.labelled import LabelledField

_SHOWN = 20
_LAYOUTS = (
    "auto, or one of voc, yolo, coco, csv, labelimg, qupath, cvat, labelstudio, cells (a folder per type), "
    "unlabelled."
)
_IMAGES = (
    "Where the images of a file of labels lie (COCO, CSV, QuPath, CVAT, Label Studio); for a cells.csv "
    "what was analysed."
)

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
    layout: Annotated[str, typer.Option(help=_LAYOUTS)] = "auto",
    images: Annotated[
        Path | None,
        typer.Option(help=_IMAGES),
    ] = None,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of examples (PNG).")
    ] = None,
    as_json: AsJson = False,
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
    layout: Annotated[str, typer.Option(help=_LAYOUTS)] = "auto",
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
        typer.Option(help=_IMAGES),
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
    "marrowscope data convert OUT/cells.csv --images PATIENTS/ --to cells -o MY_CELLS/\n\n"
    "marrowscope data convert qupath/ --images PATIENTS/ --to review --cells OUT/cells.csv -o reviewed.csv",
)
@one_line_errors
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="The set's folder, a file of labels (COCO, QuPath, CVAT, Label Studio, boxes as CSV) or a "
            "reviewed cells.csv.",
            show_default=False,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            help="voc, yolo, coco, csv, cells (a folder of crops per label), or review (the labels as "
            "reviewed_type in the cells.csv that --cells names).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A new folder; for review a new file.", show_default=False)
    ],
    layout: Annotated[str, typer.Option(help=_LAYOUTS)] = "auto",
    split: Annotated[str | None, typer.Option(help="Convert only this official split of the set.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(help=_IMAGES),
    ] = None,
    keep_unreviewed: Annotated[
        bool,
        typer.Option(
            "--keep-unreviewed", help="For a cells.csv with reviewed_type: include cells without a review."
        ),
    ] = False,
    cells_csv: Annotated[
        Path | None,
        typer.Option("--cells", help="For review: the cells.csv of the analysis.", show_default=False),
    ] = None,
) -> None:
    """Convert labelled fields to another layout, or crop their cells into a folder per label.

    A recognised public set of single cells becomes a folder per type of the taxonomy. The cells.csv of an
    analysis becomes a training set: add a column reviewed_type, fill it in for the cells you reviewed, and
    convert with --to cells. The names of the crops contain the patient. Labels from QuPath, CVAT, Label
    Studio or labelImg become such a cells.csv with --to review, where they overlap its cells.
    """
    from marrowscope.datasets.convert import WRITERS, cells_as_fields, sort_cells
    from marrowscope.datasets.convert import convert as write
    from marrowscope.datasets.layouts.cells import read_folder_per_type
    from marrowscope.datasets.layouts.fields import own_images, read_fields
    from marrowscope.datasets.layouts.recognise import recognise_layout

    if to not in {*WRITERS, "review"}:  # told before a set is read, which may take long
        raise InputError(f"no layout {to} to write: choose {', '.join(WRITERS)} or review")
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
    if to == "review":
        _write_review(fields, cells_csv, images or own_images(source, layout), out)
        return
    write(fields, to, out)
    boxes = sum(int((~field.ignore).sum()) for field in fields)
    ignored = sum(len(field.boxes) for field in fields) - boxes
    note = f", {ignored} more marked to be ignored" if ignored else ""
    typer.echo(f"{out}: {quantity(len(fields), 'field')}, {quantity(boxes, 'box', 'boxes')}{note}")


def _write_review(
    fields: "Sequence[LabelledField]", cells_csv: Path | None, images: Path | None, out: Path
) -> None:
    from marrowscope.datasets.reviews import write_reviewed

    if cells_csv is None or images is None:
        raise InputError(
            "a review needs the analysis' cells.csv (--cells) and, unless the set holds its images itself, "
            "what was analysed (--images)"
        )
    done = write_reviewed(cells_csv, fields, images, out)
    typer.echo(
        f"{out}: {done.reviewed} of {quantity(done.cells, 'cell')} reviewed; "
        f"{quantity(done.without_cell, 'label')} overlap no cell, {done.no_type} are no cell type"
    )
