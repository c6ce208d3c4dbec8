"""The work of a batch's workers: to read one patient, from the files to the folder of results.

The patient's journal lies in that folder, which all workers share: whoever is asked next goes on from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import util
from pathlib import Path
from threading import Lock

from marrowscope.batches.inputs import at_hand, listed
from marrowscope.batches.records import (
    PatientRecord,
    figures_of,
    folder_of,
    inputs_digest,
    read_patient_record,
    write_patient_record,
)
from marrowscope.codec import to_json
from marrowscope.cohort.reader import CohortReader, instant
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.case.details import CaseDetails, joined
from marrowscope.engines.looking import FileLooker, looking_pool
from marrowscope.engines.pool import WorkerPool
from marrowscope.engines.work import Networks, reader_of
from marrowscope.errors import BundleError, DamagedRecordError, MarrowscopeError
from marrowscope.exports.atomic import DISK_FAULTS
from marrowscope.exports.tables import MEGAKARYOCYTES_CSV
from marrowscope.imaging.files.decode import DecodeLimits
from marrowscope.imaging.files.manifest import ManifestRow
from marrowscope.imaging.files.sources import PatientSource, source_of_rows, stated_in_rows
from marrowscope.journal import Journal
from marrowscope.pipeline import FieldReader
from marrowscope.planning import images_of
from marrowscope.results import earlier_counts, write_report

_PATIENCE_S = 1800.0  # a worker that was given up may still be at its last patient
_lock = Lock()
_lookers: dict[DecodeLimits, WorkerPool] = {}


@dataclass(frozen=True)
class PatientTask:
    """A patient to read.

    Attributes
    ----------
    patient : name
    rows : what the manifest says of them
    stated : what holds for all patients of whom it says nothing else
    out : folder of the batch
    run : settings of the reading
    settings : digest of all settings
    """

    patient: str
    rows: tuple[ManifestRow, ...]
    stated: CaseDetails
    out: Path
    run: RunSettings
    settings: str

    @property
    def folder(self) -> Path:
        """Folder of the patient's results."""
        return folder_of(self.out, self.patient)

    def digest(self) -> str:
        """Return the digest of the patient's files as they are now, and of what is stated.

        Raises
        ------
        InputError
            Object storage cannot be asked.
        OSError
            A folder cannot be listed.
        """
        stated = [[row.place, row.truth, to_json(row.details)] for row in self.rows]
        return inputs_digest(listed(self.rows), {"rows": stated, "all": to_json(self.stated)})

    def is_done(self, record: PatientRecord | None, inputs: Callable[[], str]) -> bool:
        """Return whether a record holds what this task would give; `inputs` is asked for where it matters."""
        return (
            record is not None
            and not record.fault
            and (record.inputs, record.settings) == (inputs(), self.settings)
            and (self.folder / "cells.csv").is_file()
            and (record.candidates is None or (self.folder / MEGAKARYOCYTES_CSV).is_file())
        )


def read_whole_patient(networks: Networks, task: PatientTask) -> str:
    """Read a patient and write the results; return why they could not be read, empty if they were.

    Only faults of the networks and of the disk are raised.

    Raises
    ------
    BundleError
        The bundle is not the requested one.
    OSError
        The disk is full or fails.
    """
    reader = reader_of(networks)
    try:
        try:
            _read(reader, task)
        except DamagedRecordError:  # what was damaged is gone, and is read again
            _read(reader, task)
    except BundleError:
        raise
    except MarrowscopeError as error:
        return str(error)
    except MemoryError:
        return "there is not enough memory for this patient"
    except OSError as error:
        if error.errno in DISK_FAULTS:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return where + (error.strerror or type(error).__name__)
    return ""


def _read(reader: FieldReader, task: PatientTask) -> None:
    started = instant()
    reading = task.run.reading
    facts = task.run.reading_facts(reader.bundle)
    with Journal(task.folder, facts, resume=True, patience_s=_PATIENCE_S) as journal:
        inputs = task.digest()
        # By a worker that died before it said so.
        if task.is_done(read_patient_record(task.folder), lambda: inputs):
            return
        with at_hand(task.rows, reading.limits) as (rows, problems):
            source = _source(task, rows, problems)
            cohort = CohortReader(
                reader.bundle,
                task.run,
                journal,
                earlier=earlier_counts(task.folder),
                looker=FileLooker(reading.limits, journal.parts, reading.mpp, _looker(reading.limits)),
                reader=reader,
            )
            report = cohort.read([source])
            write_report(report, journal)
        (plan,) = cohort.plans.values()
        with (task.folder / "cells.csv").open(encoding="utf-8") as cells:
            columns = tuple(next(cells).rstrip("\n").split(","))
        record = PatientRecord(
            **figures_of(report.patients[0], len(source.problems) + len(plan.notes)),
            inputs=inputs,
            settings=task.settings,
            images=images_of(plan),
            columns=columns,
            started=started,
            finished=instant(),
        )
        write_patient_record(task.folder, record)


def _source(task: PatientTask, rows: list[ManifestRow], problems: list[str]) -> PatientSource:
    # Without rows, object storage held nothing, as the problems say.
    source = source_of_rows(task.patient, rows) if rows else stated_in_rows(task.patient, task.rows)
    return replace(
        source,
        details=joined(source.details, task.stated)[0],
        problems=(*problems, *source.problems),
    )


def _looker(limits: DecodeLimits) -> WorkerPool | None:
    """Return this process's own process that looks at files, which takes a second to start."""
    with _lock:
        if limits not in _lookers:
            pool = looking_pool(limits)
            if pool is None:
                return None
            # A process waits for its own at its end, so these must have ended before; and be told to before
            # the queues through which they are told are closed, which is at priority 10.
            util.Finalize(pool, pool.close, exitpriority=100)
            _lookers[limits] = pool
        return _lookers[limits]
