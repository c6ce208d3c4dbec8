"""The public functions of the package, which match the commands of the command line."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import numpy.typing as npt

from marrowscope.cohort.reader import CohortReader
from marrowscope.cohort.settings import asked_settings
from marrowscope.datasets.names import type_of_folder
from marrowscope.domain.case.details import CaseDetails, joined
from marrowscope.domain.case.specimen import Specimen, known_specimen
from marrowscope.domain.cells import Cells, Detections
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET, Rule
from marrowscope.domain.differential import Differential
from marrowscope.domain.differential import count as count_cells
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.rates import Validation
from marrowscope.engines.choose import LOCAL
from marrowscope.errors import ImageError, InputError
from marrowscope.exports.atomic import DISK_FAULTS
from marrowscope.exports.review import with_review
from marrowscope.finished.opening import open_results
from marrowscope.imaging.files.decode import FieldImage, decode
from marrowscope.imaging.files.formats import is_slide_name
from marrowscope.imaging.files.sources import PatientSource, discover
from marrowscope.imaging.slides.tiles import TileOrder
from marrowscope.journal import Journal
from marrowscope.live.count import NEVER, LiveCount, LiveUpdate, Until
from marrowscope.live.folder import WatchedFolder
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.pipeline import FieldReader, ReadingSettings
from marrowscope.progress import Listener, Progress
from marrowscope.report.report import Report
from marrowscope.results import FORMATS, MORE_FORMATS, earlier_counts, write_report

__all__ = ["analyse", "classify", "count", "detect", "export", "load_bundle", "open_results", "watch"]

Image = str | Path | npt.NDArray[np.uint8]


def detect(
    image: Image,
    *,
    bundle: Bundle | str | Path | None = None,
    mpp: float | None = None,
    score_threshold: float | None = None,
) -> Detections:
    """Find the leukocytes of one image.

    Parameters
    ----------
    image : a file, or (H, W, 3) uint8 RGB pixels
    bundle : networks, by default the built-in ones
    mpp : micrometres per pixel, by default read from the file or measured on the cells
    score_threshold : least confidence of a box, by default that of the bundle

    Returns
    -------
    Detections with boxes in pixels of the image, most confident first

    Raises
    ------
    ImageError
        The image cannot be read.
    BundleError
        The bundle cannot be used.
    """
    field = _field(image)
    reader = FieldReader(_bundle(bundle), ReadingSettings(mpp=mpp, score_threshold=score_threshold))
    return reader.detect(field.pixels, reader.scale_of(field).mpp)


def classify(
    image: Image,
    detections: Detections | None = None,
    *,
    bundle: Bundle | str | Path | None = None,
    mpp: float | None = None,
) -> Cells:
    """Name the cells of one image.

    Parameters
    ----------
    image : a file, or (H, W, 3) uint8 RGB pixels
    detections : the cells to name; by default found in the image
    bundle, mpp : as for `detect`

    Raises
    ------
    ImageError
        The image cannot be read.
    BundleError
        The bundle cannot be used.
    """
    field = _field(image)
    reader = FieldReader(_bundle(bundle), ReadingSettings(mpp=mpp))
    scale = reader.scale_of(field)
    found = reader.detect(field.pixels, scale.mpp) if detections is None else detections
    return reader.name(field.pixels, found, scale)


def count(cells: Cells) -> Differential:
    """Return the differential of named cells."""
    return count_cells(cells)


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
    networks = _bundle(bundle)
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
        names_type=lambda folder: single_cells and type_of_folder(folder) is not None,
    )
    patients = tuple(replace(each, details=joined(each.details, stated)[0]) for each in patients)
    facts = settings.reading_facts(networks)
    with _journal(folder, facts, resume=resume, overwrite=overwrite) as journal:
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


def watch(
    folder: str | Path,
    out: str | Path,
    *,
    bundle: Bundle | str | Path | None = None,
    rule: Rule = OVER_20,
    floor: int = FLOOR,
    target: int = TARGET,
    blast_equivalents: Sequence[str] = (),
    mpp: float | None = None,
    count_border_cells: bool = False,
    specimen: str = Specimen.NOT_STATED,
    laboratory: str | Path | None = None,
    threads: int = 2,
    resume: bool = False,
    overwrite: bool = False,
    until: Until = NEVER,
    stop: Event | None = None,
    validation: Validation | None = None,
    listener: Callable[[LiveUpdate], None] | None = None,
) -> Report:
    """Read the images of a folder as a camera writes them there, and write the report at the end.

    Images that are there already are counted, too; an image that is deleted meanwhile is not. The count is
    looked at while it goes on, so its interval is wider: that of repeated looks.

    Parameters
    ----------
    folder : one patient's folder, or one with a sub-folder per patient
    until : when to end; by default when `stop` is set
    stop : ends the count from another thread
    listener : called with the count after further images
    others : as for `analyse`

    Raises
    ------
    InputError
        There is no such folder, no image came, the results would lie among the images, or as for `analyse`.
    BundleError
        The bundle cannot be used.
    OSError
        The results cannot be written.
    """
    networks = _bundle(bundle)
    settings = asked_settings(
        networks,
        rule=rule,
        floor=floor,
        target=target,
        blast_equivalents=blast_equivalents,
        mpp=mpp,
        count_border_cells=count_border_cells,
        laboratory=laboratory,
        threads=threads,
        is_live=True,
        validation=validation,
    )
    stated = CaseDetails(known_specimen(specimen))
    images, results = Path(folder).absolute(), Path(out)
    if not images.is_dir():
        raise InputError(f"no such folder: {folder}")
    if results.absolute() == images:
        raise InputError("the results need another folder than the one that is watched")

    def found() -> tuple[PatientSource, ...]:
        return tuple(replace(each, details=stated) for each in discover([images]))

    facts = settings.reading_facts(networks)
    with _journal(results, facts, resume=resume, overwrite=overwrite) as journal:
        live = LiveCount(networks, settings, journal, WatchedFolder(images), found, stop=stop or Event())
        try:
            report = live.run(until, listener or (lambda _: None))
        except BaseException:
            journal.discard_if_empty()
            raise
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


def _journal(out: Path, facts: dict[str, str], *, resume: bool, overwrite: bool) -> Journal:
    try:
        return Journal(out, facts, resume=resume, overwrite=overwrite)
    except OSError as error:
        if error.errno in DISK_FAULTS:  # no other folder of this disk would do
            raise
        raise InputError(f"cannot write to {out}: {error.strerror or error}") from error


def _bundle(bundle: Bundle | str | Path | None) -> Bundle:
    return bundle if isinstance(bundle, Bundle) else load_bundle(bundle)


def _field(image: Image) -> FieldImage:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ImageError(f"pixels are {image.dtype} of shape {image.shape}, expected uint8 (H, W, 3)")
        return FieldImage(image, None)
    if is_slide_name(str(image)):
        raise ImageError(f"{image} is a whole slide, not one field: use analyse")
    try:
        return decode(Path(image).read_bytes())
    except OSError as error:
        raise ImageError(f"cannot read {image}: {error.strerror}") from error
