"""``marrowscope validate``: a laboratory's own error rates."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.console import counter, one_line_errors, print_json
from marrowscope.cli.options import AsJson, BundleName
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.domain.case.specimen import Specimen
    from marrowscope.domain.rates import Validation
    from marrowscope.models.bundle import Bundle

EXAMPLE = (
    'Example:  marrowscope validate --data our-cells/ --specimen marrow --operator "A. Smith"\n\n'
    "Example:  marrowscope validate --show"
)


@one_line_errors
def validate(
    data: Annotated[
        Path | None,
        typer.Option(
            help="This laboratory's labelled cells: a folder per cell type, patients with such folders, or "
            "fields with labelled boxes."
        ),
    ] = None,
    specimen: Annotated[str, typer.Option(help="marrow or blood: what the cells are from.")] = "",
    operator: Annotated[str, typer.Option(help="Who measures.", show_default="the user's name here")] = "",
    mpp: Annotated[float | None, typer.Option(help="Micrometres per pixel of the images.")] = None,
    bundle: BundleName = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Folder to store in: the sub-folder validations of a service's data folder, so that the "
            "service decides by it. By default the user's own.",
            show_default=False,
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show the validation on file and measure nothing.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Measure the networks on this laboratory's own labelled cells, by which its counts are then decided.

    At least 20 blasts and 20 other cells are needed; 100 and 200 of ten patients, in a folder for each
    patient, make decisions worth having. Cells of which it is not known whose they are count as of one
    patient. Use cells that no network was trained on. The validation holds for this bundle alone.
    """
    from marrowscope.domain.case.specimen import Specimen, specimen_named
    from marrowscope.models.bundle import load_bundle
    from marrowscope.validations import read_validation, write_validation

    networks = load_bundle(bundle)
    if show:
        validation = read_validation(networks.sha256, store)
        if validation is None:
            raise InputError(f"there is no validation of {networks.title} on file")
    else:
        if data is None:
            raise InputError("nothing to measure on: give --data, or --show")
        named = specimen_named(specimen)
        if named is None or named is Specimen.NOT_STATED:
            raise InputError("say what the cells are from: --specimen marrow or --specimen blood")
        validation = _measured(networks, data, named, operator or getpass.getuser(), mpp, threads)
        write_validation(validation, store)
    _print(validation, as_json=as_json)


def _measured(
    networks: "Bundle", data: Path, specimen: "Specimen", operator: str, mpp: float | None, threads: int
) -> "Validation":
    """Measure the networks.

    Raises
    ------
    InputError
        There are too few blasts or other cells.
    """
    from marrowscope.analysis.laboratories import FEWEST_CELLS
    from marrowscope.datasets.layouts.cells import inner_sets
    from marrowscope.datasets.layouts.fields import recognise_layout
    from marrowscope.domain.rates import Laboratory, PatientCells, Validation
    from marrowscope.evaluation.card.tests import ClassifierTest

    found = ClassifierTest(data, "all", mpp).measure(networks, threads, counter("cells")).blast
    patients: tuple[PatientCells, ...] = ()
    if inner_sets(data):
        patients = found.by_source
    elif recognise_layout(data) == "cells" and 2 * len(found.by_group) <= found.n_blasts + found.n_others:
        patients = found.by_group
    figures = Laboratory(
        name=data.name,
        specimen=specimen,
        blasts=found.n_blasts,
        blasts_called=found.n_blasts_called,
        others=found.n_others,
        others_called=found.n_others - found.n_others_cleared,
        by_patient=patients,
    )
    if min(figures.blasts, figures.others) < FEWEST_CELLS:
        raise InputError(
            f"{data} has {figures.blasts} blasts and {figures.others} other cells: at least {FEWEST_CELLS} "
            "of either are needed"
        )
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Validation(figures, date, operator, networks.title, networks.sha256)


def _print(validation: "Validation", *, as_json: bool) -> None:
    from marrowscope.analysis.intervals import wilson
    from marrowscope.codec import to_json
    from marrowscope.domain.percent import percent_text, range_text

    if as_json:
        document: dict[str, Any] = to_json(validation)
        print_json(document)
        return
    figures = validation.figures
    typer.echo(f"{validation.bundle}: {validation.describe()}")
    rows = (
        ("blasts called blasts", figures.blasts_called, figures.blasts),
        ("other cells called blasts", figures.others_called, figures.others),
    )
    for title, part, whole in rows:
        share = wilson(part, whole)
        if share is not None:
            bounds = range_text(share.low, share.high)
            typer.echo(f"{title}: {part} of {whole}, {percent_text(share.estimate)} % ({bounds} %)")
    if figures.patients < 2:
        typer.echo(
            "How patients differ is not known: give a folder for each patient, each with a folder per type."
        )
