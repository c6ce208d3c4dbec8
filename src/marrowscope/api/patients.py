"""Reading the smears of patients, and writing their report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from marrowscope.api.given import journal_in, networks_of
from marrowscope.cohort.reader import CohortReader
from marrowscope.cohort.settings import asked_settings
from marrowscope.datasets.names import tells_types
from marrowscope.domain.case.details import CaseDetails, joined
from marrowscope.domain.case.specimen import Specimen, known_specimen
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET, Rule
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.rates import Validation
from marrowscope.engines.choose import LOCAL
from marrowscope.errors import InputError
from marrowscope.exports.review import with_review
from marrowscope.imaging.files.sources import discover
from marrowscope.imaging.slides.tiles import TileOrder
from marrowscope.journal import Journal
from marrowscope.models.bundle import Bundle
from marrowscope.progress import Listener, Progress
from marrowscope.report.report import Report
from marrowscope.results import FORMATS, MORE_FORMATS, earlier_counts, write_report


def analyse(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    manifest: str | Path | None = None,
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
    threads: int = 2,
    engine: str = LOCAL,
    resume: bool = False,
    overwrite: bool = False,
    reviewed: str | Path | None = None,
    until_settled: bool = False,
    tiles: str = TileOrder.RANDOM,
    pictures: bool = True,
    validation: Validation | None = None,
    listener: Listener | None = None,
) -> Report:
    """Read the smears of one or more patients and write the report.

    Parameters
    ----------
    inputs : a folder with a sub-folder per patient, one patient's folder, images, whole slides (extras
        ``wsi`` and ``dicom``), or ZIP files of images
    out : folder for the results
    manifest : CSV ``patient,path[,truth]``, instead of or in addition to `inputs`; further columns state
        details of the cases: docs/reference/files.md
    bundle : networks, by default the built-in ones
    rule : decision rule
    floor : least number of counted cells; with fewer, the decision is ``insufficient``
    target : recommended number of counted cells; with fewer, the report says so
    blast_equivalents : further types of the taxonomy that count as blasts, such as ``promonocyte``
    mpp : micrometres per pixel of all images, by default read from the files or measured on the cells
    count_border_cells : also count cells cut by an image's edge
    single_cells : the images are of single cells, as an analyser exports them: only the cell in the middle of
        each is counted. A folder called like a cell type signs the cells in it; these names are shown beside
        the networks' (``FieldReading.signed_type``) and change nothing.
    specimen : ``marrow`` or ``blood``, of all patients for whom the manifest states none; it says which cells
        are counted, and which figures and reference ranges are reported
    laboratory : TOML file with the name, address and reference ranges of the reporting laboratory
    workers : number of processes that read fields
    threads : processor threads in each process
    engine : ``local``, or ``dask://HOST:PORT`` of a Dask cluster (extra ``dask``)
    resume : continue an interrupted run in `out`
    overwrite : replace the results of an earlier run in `out`
    reviewed : a completed ``review.csv``, from which the blast share is inferred
    until_settled : read each patient's fields in random order until the count decides, and no more
    tiles : of whole slides, ``random`` reads tiles of the countable area at random until `target` cells are
        counted, ``best`` those with the most nucleated cells first, ``all`` all of them
    pictures : draw the annotated pictures; a run without them can be resumed with them, and no field is read
        again. The pictures of cells in the report stay.
    validation : how these networks name this laboratory's cells; by default what ``marrowscope validate``
        stored
    listener : called with the progress at every step

    Raises
    ------
    InputError
        No images were found, a type or the specimen is unknown, the laboratory's file or the review
        cannot be read, `out` holds an earlier run that is
        neither to be resumed nor replaced, another run is using it, or it cannot be resumed with these
        settings.
    BundleError
        The bundle cannot be used.
    """
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
    stated = CaseDetails(known_specimen(specimen))
    folder = Path(out)
    paths = [Path(p) for p in ([inputs] if isinstance(inputs, str | Path) else inputs)]
    patients = discover(
        paths,
        manifest=None if manifest is None else Path(manifest),
        names_type=tells_types(single_cells=single_cells),
    )
    patients = tuple(replace(each, details=joined(each.details, stated)[0]) for each in patients)
    facts = settings.reading_facts(networks)
    with journal_in(folder, facts, resume=resume, overwrite=overwrite) as journal:
        earlier = earlier_counts(folder) if resume else {}
        reader = CohortReader(networks, settings, journal, listener or (lambda _: None), earlier)
        report = reader.read(patients)
        if reviewed is not None:
            known = networks.known_errors(settings.validation)
            report = with_review(report, Path(reviewed), settings.counting, known)
        if listener is not None:
            listener(Progress("writing"))
        write_report(report, journal)
    return Report.of(report)


def export(report: CohortReport, out: str | Path, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write a report again, in some of its formats, to the folder of its run.

    Returns
    -------
    Paths of the files written

    Raises
    ------
    InputError
        A format is unknown.
    MissingExtraError
        A PDF is requested without the extra `pdf`, or DICOM without the extra `dicom`.
    """
    known = (*FORMATS, *MORE_FORMATS)
    unknown = sorted(set(formats) - set(known))
    if unknown:
        raise InputError(f"no such format: {', '.join(unknown)} (known: {', '.join(known)})")
    with Journal.of(Path(out)) as journal:
        return write_report(report, journal, formats)
