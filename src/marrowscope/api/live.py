"""Counting while a camera writes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from marrowscope.api.given import journal_in, networks_of
from marrowscope.cohort.settings import asked_settings
from marrowscope.domain.case.details import CaseDetails
from marrowscope.domain.case.specimen import Specimen, known_specimen
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET, Rule
from marrowscope.domain.rates import Validation
from marrowscope.errors import InputError
from marrowscope.imaging.files.sources import PatientSource, discover
from marrowscope.live.count import NEVER, LiveCount, LiveUpdate, Until
from marrowscope.live.folder import WatchedFolder
from marrowscope.models.bundle import Bundle
from marrowscope.report.report import Report
from marrowscope.results import write_report


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
    networks = networks_of(bundle)
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
    with journal_in(results, facts, resume=resume, overwrite=overwrite) as journal:
        live = LiveCount(networks, settings, journal, WatchedFolder(images), found, stop=stop or Event())
        try:
            report = live.run(until, listener or (lambda _: None))
        except BaseException:
            journal.discard_if_empty()
            raise
        write_report(report, journal)
    return Report.of(report)
