"""``marrowscope batch``: many patients, each read whole by one worker, on one machine or many."""

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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowscope.batches.merge import Merged

EXAMPLE = (
    "Example:  marrowscope batch patients.csv -o results/ --workers 4 --threads 1\n\n"
    "Example:  marrowscope batch patients.csv -o /shared/results --engine dask://scheduler:8786 --resume\n\n"
    "Example:  marrowscope batch patients.csv -o /shared/results --shard 2/8    then batch merge"
)
MERGE_EXAMPLE = "Example:  marrowscope batch merge /shared/results -o /shared/results"
_FAILURES_SHOWN = 5

Json = Annotated[bool, typer.Option("--json", help="Print what became of the patients as JSON.")]


@one_line_errors
def batch(
    manifest: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns patient, path and more (docs/reference/files.md). A path may be a URL "
            "of object storage, such as s3://bucket/patient/ (extra remote)."
        ),
    ],
    out: Out = Path("results"),
    engine: Annotated[
        str, typer.Option(help="Where patients are read: local or dask://HOST:PORT (extra dask).")
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="Processes of the engine local.")] = 1,
    threads: Threads = 1,
    shard: Annotated[
        str,
        typer.Option(
            help="Read one of several parts of the patients, such as 2/8. Which patients are in it follows "
            "from their names. Finish with: marrowscope batch merge."
        ),
    ] = "1/1",
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
    until_settled: UntilSettled = False,
    tiles: Tiles = "random",
    no_pictures: NoPictures = False,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read many patients, each by one worker that writes their folder of results itself.

    Workers read the images and write the results where they are: folders must be the same on all machines.
    A worker that dies costs nothing but time; a patient who cannot be read has a row with the reason. In the
    end the tables of all patients are those that analyse --manifest would write.
    """
    from marrowscope import api
    from marrowscope.cli.progress import BatchDisplay

    chosen = chosen_rule(rule, threshold, inclusive=inclusive)
    mpp = stated_mpp(mpp, objective, camera_um)
    try:
        with BatchDisplay(quiet=quiet) as display:
            result = api.batch(
                manifest,
                out,
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
                shard=shard,
                resume=resume,
                overwrite=overwrite,
                until_settled=until_settled,
                tiles=tiles,
                pictures=not no_pictures,
                listener=display,
            )
    except KeyboardInterrupt:
        fail(f"stopped; what was read is kept in {out}: continue with --resume", INTERRUPTED)
    if as_json:
        print_json(
            {
                "shard": str(result.shard),
                "patients": result.patients,
                "finished_before": result.earlier,
                "failed": result.failed,
            }
            | ({} if result.merged is None else _document(result.merged))
        )
    if result.merged is not None:
        _end(result.merged, as_json=as_json)
    else:
        held = quantity(result.patients, "patient")
        say(f"Shard {result.shard}: {held} in {out}; when all are done: marrowscope batch merge {out}")
        _refuse_failed(result.failed)


@one_line_errors
def merge(
    results: Annotated[list[Path], typer.Argument(help="Folders of results of a batch or of its shards.")],
    out: Out = Path("results"),
    as_json: Json = False,
) -> None:
    """Join the shards of a batch: the tables and run.json of all patients.

    Shards that wrote to one folder are joined by naming it. Those of other networks or settings are refused;
    patients that no shard has finished are named.
    """
    from marrowscope import api

    merged = api.merge_batch(results, out)
    if as_json:
        print_json(_document(merged))
    _end(merged, as_json=as_json)


def _document(merged: "Merged") -> dict[str, object]:
    return {
        "rows": merged.patients,
        "decisions": merged.decisions,
        "failed": merged.failed,
        "missing": list(merged.missing),
    }


def _end(merged: "Merged", *, as_json: bool) -> None:
    """Say what the tables hold; exit with 1 unless they hold all patients."""
    if not as_json:
        counts = ", ".join(f"{number} {name}" for name, number in sorted(merged.decisions.items()))
        say(f"{quantity(merged.patients, 'patient')} ({counts}): {merged.out / 'patients.csv'}")
        say("For research use only; a count is not a diagnosis.")
    if merged.missing:
        say(f"not finished: {_listed(merged.missing)}")
    _refuse_failed(merged.failed)
    if merged.missing:
        fail(f"{quantity(len(merged.missing), 'patient')} of the manifest missing", 1)
    if merged.fields_read == 0:
        fail("not one image could be read", 1)


def _refuse_failed(failed: "Mapping[str, str]") -> None:
    """Exit with 1 if patients could not be read: their rows say why, and it may pass."""
    for patient, fault in list(failed.items())[:_FAILURES_SHOWN]:
        say(f"{patient}: {' '.join(fault.split())}")
    if failed:
        fail(f"{quantity(len(failed), 'patient')} could not be read; try them again with --resume", 1)


def _listed(names: "tuple[str, ...]") -> str:
    more = f" and {len(names) - _FAILURES_SHOWN} more" if len(names) > _FAILURES_SHOWN else ""
    return ", ".join(names[:_FAILURES_SHOWN]) + more
