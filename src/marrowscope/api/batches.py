"""Reading many patients, each whole by one worker, and joining what shards wrote of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from marrowscope.api.given import networks_of
from marrowscope.batches.merge import Merged, merge
from marrowscope.batches.run import Batch, BatchProgress, BatchResult
from marrowscope.batches.shards import WHOLE, shard_named
from marrowscope.cohort.settings import asked_settings
from marrowscope.domain.case.specimen import Specimen, known_specimen
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET, Rule
from marrowscope.domain.rates import Validation
from marrowscope.engines.choose import LOCAL
from marrowscope.imaging.slides.tiles import TileOrder
from marrowscope.models.bundle import Bundle


def batch(
    manifest: str | Path,
    out: str | Path,
    *,
    bundle: Bundle | str | Path | None = None,
    rule: Rule = OVER_20,
    floor: int = FLOOR,
    target: int = TARGET,
    blast_equivalents: Sequence[str] = (),
    mpp: float | None = None,
    count_border_cells: bool = False,
    single_cells: bool = False,
    specimen: str = Specimen.NOT_STATED,
    laboratory: str | Path | None = None,
    workers: int = 1,
    threads: int = 1,
    engine: str = LOCAL,
    shard: str = str(WHOLE),
    resume: bool = False,
    overwrite: bool = False,
    until_settled: bool = False,
    tiles: str = TileOrder.RANDOM,
    pictures: bool = True,
    validation: Validation | None = None,
    listener: Callable[[BatchProgress], None] | None = None,
) -> BatchResult:
    """Read the patients of a manifest, each whole by one worker that writes the patient's results itself.

    The tables of all patients are those that `analyse` writes of the same manifest, to the byte. A worker
    that dies costs nothing but time, and a patient who cannot be read has a row with the reason. What
    `marrowscope.open` gives of `out` is the report of all patients.

    Parameters
    ----------
    manifest : CSV ``patient,path[,truth]``, where a path may be a URL of object storage (extra ``remote``);
        further columns state details of the cases: docs/reference/files.md
    out : folder for the results, the same for all workers
    workers : number of processes of the engine ``local``, each of which reads patients
    engine : ``local``, or ``dask://HOST:PORT`` of a Dask cluster (extra ``dask``)
    shard : which part of the patients to read, such as ``2/8``: it follows from their names. `merge_batch`
        joins the parts.
    resume : continue an interrupted run; patients who are finished are not read again
    overwrite : replace the results of an earlier run of these patients
    listener : called with the progress, in patients
    others : as for `analyse`

    Raises
    ------
    InputError
        The manifest cannot be read or names no patient, there is no such shard, `out` holds an earlier run
        that is neither to be resumed nor replaced, another run is using it, no cluster responds, or as for
        `analyse`.
    BundleError
        The bundle cannot be used, or a worker has another one.
    OSError
        The disk is full or fails.
    """
    part = shard_named(shard)
    networks = networks_of(bundle)
    settings = asked_settings(
        networks,
        rule=rule,
        floor=floor,
        target=target,
        blast_equivalents=blast_equivalents,
        mpp=mpp,
        count_border_cells=count_border_cells,
        single_cells=single_cells,
        pictures=pictures,
        laboratory=laboratory,
        workers=workers,
        threads=threads,
        engine=engine,
        until_settled=until_settled,
        tiles=tiles,
        validation=validation,
    )
    asked = Batch(Path(manifest), Path(out), networks, settings, known_specimen(specimen), part)
    return asked.run(resume=resume, overwrite=overwrite, listener=listener or (lambda _: None))


def merge_batch(results: str | Path | Sequence[str | Path], out: str | Path) -> Merged:
    """Join the shards of a batch: write the tables and the record of all its patients.

    Parameters
    ----------
    results : the folders of the shards; one folder, if they wrote to the same
    out : folder for ``patients.csv``, ``cells.csv`` and ``run.json``; may be one of them

    Raises
    ------
    InputError
        A folder holds no batch, or they are of different manifests, networks or settings.
    DamagedRecordError
        The files of a finished patient are gone.
    OSError
        The tables cannot be written.
    """
    folders = [results] if isinstance(results, str | Path) else results
    return merge([Path(folder) for folder in folders], Path(out))
