"""``marrowscope demo``: nine synthetic patients, end to end."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.commands.reading.analyse import show
from marrowscope.cli.console import INTERRUPTED, fail, one_line_errors, say
from marrowscope.cli.options import Quiet, Threads

if TYPE_CHECKING:
    from marrowscope.synth import CohortFiles

_OTHERS = 1_000_000  # added to the seed: patients that no demonstration shows
_VALIDATED = 12  # synthetic patients whose labelled cells the networks are validated on
EXAMPLE = "Example:  marrowscope demo -o marrowscope-demo"


@one_line_errors
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for images and results.")] = Path(
        "marrowscope-demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the synthetic patients.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read fields.")] = 1,
    threads: Threads = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the patients' rows as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run a demonstration: draw nine synthetic patients, read their smears, and compare with the truth.

    As a laboratory would, it first validates the networks on labelled cells of other patients. Nothing is
    downloaded. As the images are drawn, they show the path from images to a report, not how well the networks
    read real smears.
    """
    from marrowscope import api
    from marrowscope.cli.progress import ProgressDisplay
    from marrowscope.evaluation.counts.cells import validate_on_drawn_cells
    from marrowscope.journal import check_free
    from marrowscope.models.bundle import load_bundle
    from marrowscope.synth import demo_plan, write_cohort

    check_free(out, resume=False, overwrite=True)
    say("Drawing nine synthetic patients ...")
    cohort = write_cohort(out / "patients", seed=seed, patients=demo_plan(seed))
    known = _known(cohort)
    manifest = _manifest(cohort, known)
    try:
        say("Validating the networks on labelled cells of other synthetic patients ...")
        networks = load_bundle()
        validation = validate_on_drawn_cells(networks, _VALIDATED, _OTHERS + seed, threads)
        with ProgressDisplay(quiet=quiet) as display:
            report = api.analyse(
                [],
                out,
                manifest=manifest,
                bundle=networks,
                workers=workers,
                threads=threads,
                overwrite=True,
                validation=validation,
                listener=display,
            )
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    true_percents = {name: float(row["blast_percent"]) for name, row in known.items()}
    show(report, out, as_json=as_json, true_percents=true_percents)


def _known(cohort: "CohortFiles") -> dict[str, dict[str, str]]:
    """Return what is known of each patient, by the columns of the cohort's `truth.csv`."""
    with cohort.truth.open(newline="", encoding="utf-8") as stream:
        return {row["patient"]: row for row in csv.DictReader(stream)}


def _manifest(cohort: "CohortFiles", known: dict[str, dict[str, str]]) -> Path:
    """Write the manifest that names each patient's folder, known state and specimen: drawn marrow."""
    manifest = cohort.root / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("patient", "path", "truth", "specimen"))
        table.writerows((patient, patient, known[patient]["truth"], "marrow") for patient in cohort.patients)
    return manifest
