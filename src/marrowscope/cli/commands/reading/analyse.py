"""``marrowscope analyse``: from images to reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.console import INTERRUPTED, fail, one_line_errors, print_json, say
from marrowscope.cli.options import (
    BlastEquivalents,
    BundleName,
    CameraUm,
    CountBorderCells,
    Inclusive,
    LaboratoryFile,
    MinCells,
    Mpp,
    NoPictures,
    Objective,
    Out,
    Overwrite,
    Quiet,
    Resume,
    RuleName,
    SingleCells,
    SpecimenName,
    TargetCells,
    Threads,
    Threshold,
    Tiles,
    UntilSettled,
    chosen_rule,
    listed,
    stated_mpp,
)
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET
from marrowscope.domain.quantity import quantity
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.domain.patient import CohortReport

EXAMPLE = (
    "Example:  marrowscope analyse patients/ -o results/    then open results/report.html\n\n"
    "Example:  marrowscope analyse cells/ -o results/ --single-cells    one cell an image, patient/type/"
)


@one_line_errors
def analyse(
    patients: Annotated[
        list[Path] | None,
        typer.Argument(
            help="A folder with a sub-folder per patient, one patient's folder, images, whole slides, or ZIP "
            "files of images.",
            show_default=False,
        ),
    ] = None,
    out: Out = Path("results"),
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns patient, path and, if known, truth, specimen and more "
            "(docs/reference/files.md)."
        ),
    ] = None,
    rule: RuleName = OVER_20.id,
    threshold: Threshold = None,
    inclusive: Inclusive = False,
    min_cells: MinCells = FLOOR,
    target_cells: TargetCells = TARGET,
    blast_equivalents: BlastEquivalents = "",
    mpp: Mpp = None,
    objective: Objective = None,
    camera_um: CameraUm = None,
    count_border_cells: CountBorderCells = False,
    single_cells: SingleCells = False,
    specimen: SpecimenName = "",
    laboratory: LaboratoryFile = None,
    bundle: BundleName = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read fields.")] = 1,
    threads: Threads = 2,
    engine: Annotated[str, typer.Option(help="Where networks run: local or dask://HOST:PORT.")] = "local",
    resume: Resume = False,
    overwrite: Overwrite = False,
    suggest_review: Annotated[
        int, typer.Option(min=0, help="Write review.csv to --out with this many cells per patient to review.")
    ] = 0,
    reviewed: Annotated[
        Path | None, typer.Option(help="Completed review.csv, from which the blast share is inferred.")
    ] = None,
    until_settled: UntilSettled = False,
    tiles: Tiles = "random",
    no_pictures: NoPictures = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the patients' rows as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Read patients' smears and write differentials, blast percentages, decisions, pictures and a report."""
    from marrowscope import api
    from marrowscope.cli.progress import ProgressDisplay

    if not patients and manifest is None:
        raise InputError("nothing to analyse: give a folder, images, or --manifest")
    if reviewed is not None and not reviewed.is_file():
        raise InputError(f"no such review: {reviewed} (--suggest-review writes one to fill in)")
    chosen = chosen_rule(rule, threshold, inclusive=inclusive)
    mpp = stated_mpp(mpp, objective, camera_um)
    try:
        with ProgressDisplay(quiet=quiet) as display:
            report = api.analyse(
                patients or [],
                out,
                manifest=manifest,
                bundle=bundle,
                rule=chosen,
                floor=min_cells,
                target=target_cells,
                blast_equivalents=listed(blast_equivalents),
                mpp=mpp,
                count_border_cells=count_border_cells,
                single_cells=single_cells,
                specimen=specimen,
                laboratory=laboratory,
                workers=workers,
                threads=threads,
                engine=engine,
                resume=resume,
                overwrite=overwrite,
                reviewed=reviewed,
                until_settled=until_settled,
                tiles=tiles,
                pictures=not no_pictures,
                listener=display,
            )
    except KeyboardInterrupt:
        fail(f"stopped; finished fields are kept in {out}: continue with --resume", INTERRUPTED)
    show(report, out, as_json=as_json)
    say_if_sorted(report)
    if reviewed is not None:
        show_reviewed(report)
    if suggest_review:
        suggest(report, out, suggest_review)
    refuse_unread(report)


def say_if_sorted(report: "CohortReport") -> None:
    """Tell of folders of single cells that were read as patients or whole fields."""
    from marrowscope.planning import SORTED_BY_TYPE

    names = [patient.patient for patient in report.patients if SORTED_BY_TYPE in patient.flags]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        say(f"{', '.join(names[:3])}{more}: {SORTED_BY_TYPE}")


def suggest(report: "CohortReport", out: Path, number: int) -> None:
    """Write the cells suggested for review."""
    from marrowscope.domain.taxonomy import REVIEWED_TYPE
    from marrowscope.exports.review import write_review

    written = write_review(report, out / "review.csv", number)
    say(
        f"{quantity(written, 'cell')} to review: fill in the column {REVIEWED_TYPE} of {out / 'review.csv'}, "
        "then pass the file to --reviewed or to train classifier"
    )


def show_reviewed(report: "CohortReport") -> None:
    """Print the blast shares inferred from a review."""
    from marrowscope.domain.percent import percent_text, range_text
    from marrowscope.exports.review import REVIEW

    for patient in report.patients:
        share = patient.reviewed_interval
        if share is not None:
            say(
                f"{patient.patient}: {percent_text(share.estimate)} % blasts "
                f"({range_text(share.low, share.high)} %), {share.method}"
            )
        for flag in patient.flags:
            if flag.startswith(REVIEW):
                say(f"{patient.patient}: {flag.removeprefix(REVIEW)}")


def refuse_unread(report: "CohortReport") -> None:
    """End with exit code 1 where not one image could be read: the files say why, but there is no count."""
    from marrowscope.domain.patient import FieldStatus

    fields = [field for patient in report.patients for field in patient.fields]
    if not any(field.status is FieldStatus.READ for field in fields):
        fail(f"none of {quantity(len(fields), 'image')} could be read", 1)


def show(
    report: "CohortReport", out: Path, *, as_json: bool, true_percents: Mapping[str, float] | None = None
) -> None:
    """Print the results as a table, with the true blast percentages where they are known, or as JSON."""
    from marrowscope.exports.tables import patient_row

    if as_json:
        print_json([patient_row(patient) for patient in report.patients])
        return
    from marrowscope.cli.tables import print_confusion, print_patients

    print_patients(report, true_percents)
    if any(patient.truth for patient in report.patients):
        print_confusion(report)
    say(f"Report: {out / 'report.html'}")
    say("For research use only; a count is not a diagnosis.")
