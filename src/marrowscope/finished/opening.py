"""The report of a finished run, read back from its folder."""

from dataclasses import replace
from pathlib import Path

from marrowscope.batches.records import folder_of, is_batch, names_in
from marrowscope.domain.patient import CohortReport
from marrowscope.errors import InputError
from marrowscope.journal import Journal
from marrowscope.report.report import Report


def open_results(folder: str | Path) -> Report:
    """Read a finished run, or a finished batch, back as the report that it returned.

    Nothing is computed anew: every figure is that of the run.

    Parameters
    ----------
    folder : what `analyse`, `watch` or `batch` wrote

    Raises
    ------
    InputError
        The folder holds no finished run, one of another version, or one that is still going on.
    """
    out = Path(folder)
    if not is_batch(out):
        return Report.of(_report_in(out))
    reports = [_report_in(inner) for name in names_in(out) if (inner := folder_of(out, name)).is_dir()]
    if not reports:
        raise InputError(f"no patient of the batch in {out} is finished")
    provenance = replace(
        reports[0].provenance,
        started=min(each.provenance.started for each in reports),
        finished=max(each.provenance.finished for each in reports),
        seconds={},
    )
    patients = tuple(patient for each in reports for patient in each.patients)
    return Report(patients, provenance, reports[0].laboratory)


def _report_in(folder: Path) -> CohortReport:
    with Journal.of(folder) as journal:
        return journal.report()
