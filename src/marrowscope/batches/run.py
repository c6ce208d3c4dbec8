"""A batch: patients are handed out to workers, and what becomes of each is collected."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from filelock import FileLock, Timeout

from marrowscope.analysis.patient import read_patient
from marrowscope.batches.inputs import check_reachable
from marrowscope.batches.merge import Merged, merge
from marrowscope.batches.records import (
    BatchSettings,
    PatientRecord,
    begin,
    figures_of,
    folder_of,
    read_patient_record,
    write_patient_record,
)
from marrowscope.batches.shards import WHOLE, Shard
from marrowscope.batches.work import PatientTask, read_whole_patient
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.case.details import CaseDetails, joined
from marrowscope.domain.case.specimen import Specimen
from marrowscope.engines.choose import LOCAL, open_pool
from marrowscope.engines.pool import MAX_DEATHS, Pool, WorkerDiedError, too_many_deaths
from marrowscope.engines.work import Networks
from marrowscope.errors import BundleError, InputError
from marrowscope.imaging.files.manifest import rows_by_patient
from marrowscope.imaging.files.sources import stated_in_rows
from marrowscope.imaging.names import absolute, comparable, shown
from marrowscope.journal import check_same, record_folder, settings_path
from marrowscope.models.bundle import Bundle

PATIENT_SECONDS = 6 * 3600.0
"""After which a patient on this machine is given up: a hundred times what 500 fields take."""

_ROUND_S = 1.0  # a cluster may grow while work runs
_LOOKS_AT_A_TIME = 16  # shared storage answers slowly, but many at a time


@dataclass(frozen=True)
class BatchProgress:
    """Progress of a batch, in patients.

    Attributes
    ----------
    done : finished, those finished before included
    earlier : those of them that an earlier run had finished
    running : at work now
    failed : of those done, how many could not be read as a whole
    total : of this shard
    """

    done: int
    earlier: int
    running: int
    failed: int
    total: int


Listener = Callable[[BatchProgress], None]


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch or of one of its shards.

    Attributes
    ----------
    shard : which part of the patients it is of
    patients : number of patients of the shard
    earlier : those of them that an earlier run had finished
    failed : patient → why they could not be read
    merged : the tables of all patients; None of a shard, whose tables `merge` joins
    """

    shard: Shard
    patients: int
    earlier: int
    failed: dict[str, str]
    merged: Merged | None


@dataclass(frozen=True)
class Batch:
    """A batch as it was asked for.

    Attributes
    ----------
    manifest : CSV ``patient,path``, where a path may be a URL of object storage
    out : folder for the results, shared by all workers
    bundle : a verified bundle
    settings : of the reading; its workers and threads are those of this machine
    specimen : of all patients for whom the manifest states none
    shard : which part of the patients to read
    """

    manifest: Path
    out: Path
    bundle: Bundle
    settings: RunSettings
    specimen: Specimen = Specimen.NOT_STATED
    shard: Shard = WHOLE

    def run(
        self, *, resume: bool = False, overwrite: bool = False, listener: Listener = lambda _: None
    ) -> BatchResult:
        """Read all patients of the shard, and write the tables if it is the only one.

        Raises
        ------
        InputError
            The manifest cannot be read, the folder holds an earlier run that is neither to be resumed nor
            replaced, another run of the shard is using it, or no cluster responds.
        BundleError
            A worker has another bundle.
        OSError
            The disk is full or fails.
        """
        rows = rows_by_patient(self.manifest)
        if not rows:
            raise InputError(f"the manifest {self.manifest.name} names no patient")
        _check_folders(rows)
        check_reachable([row for own in rows.values() for row in own])
        asked = BatchSettings.of(self.settings, self.bundle, self.specimen)
        out = absolute(self.out)
        run = replace(self.settings, engine=LOCAL, workers=1)
        tasks = [
            PatientTask(patient, tuple(own), CaseDetails(self.specimen), out, run, asked.digest)
            for patient, own in rows.items()
            if self.shard.holds(patient)
        ]
        with _alone(out, self.shard):
            _make_free(out, tasks, resume=resume, overwrite=overwrite)
            if resume:
                _check_same(tasks, run.reading_facts(self.bundle))
            begin(out, list(rows), asked)
            left = unfinished(tasks) if resume else tasks
            failed = self._read(left, len(tasks), listener)
            merged = merge([out], out) if self.shard == WHOLE else None
        return BatchResult(self.shard, len(tasks), len(tasks) - len(left), failed, merged)

    def _read(self, tasks: Sequence[PatientTask], total: int, listener: Listener) -> dict[str, str]:
        earlier = total - len(tasks)
        failed: dict[str, str] = {}
        if not tasks:
            listener(BatchProgress(earlier, earlier, 0, 0, total))
            return failed
        pool = open_pool(self.settings.engine, self.settings.workers, seconds=PATIENT_SECONDS)
        listener(BatchProgress(earlier, earlier, min(len(tasks), pool.workers), 0, total))
        networks = Networks(
            self.bundle.folder, self.bundle.sha256, self.settings.reading, self.settings.threads
        )
        try:
            for done, (task, fault, waiting) in enumerate(finished(pool, networks, tasks), earlier + 1):
                if fault:
                    failed[task.patient] = fault
                    self._record_fault(task, fault)
                running = min(waiting, pool.workers)
                listener(BatchProgress(done, earlier, running, len(failed), total))
        except BaseException:
            pool.close(at_once=True)
            raise
        pool.close()
        return failed

    def _record_fault(self, task: PatientTask, fault: str) -> None:
        """Give a patient who could not be read a row with the reason."""
        source = stated_in_rows(task.patient, task.rows)
        problems = (fault, *source.problems)
        reading = read_patient(
            source.patient,
            (),
            self.settings.counting,
            self.bundle.known_errors(self.settings.validation),
            truth=source.truth,
            problems=problems,
            details=joined(source.details, task.stated)[0],
        )
        record = PatientRecord(
            **figures_of(reading, len(problems)), inputs="", settings=task.settings, fault=fault
        )
        write_patient_record(task.folder, record)


def finished(
    pool: Pool, networks: Networks, tasks: Sequence[PatientTask]
) -> Iterator[tuple[PatientTask, str, int]]:
    """Yield patients who are finished, why they could not be read, and how many are at work or wait.

    Workers have little in advance: what a dead one held is tried elsewhere at once, and a slow patient keeps
    nobody waiting.
    """
    remaining = iter(tasks)
    waiting: dict[Future[str], PatientTask] = {}
    deaths: Counter[str] = Counter()
    while True:
        for task in islice(remaining, max(2 * pool.workers - len(waiting), 0 if waiting else 1)):
            waiting[pool.submit(read_whole_patient, networks, task)] = task
        if not waiting:
            return
        for future in wait(waiting, _ROUND_S, FIRST_COMPLETED).done:
            task = waiting.pop(future)
            fault = _fault(future, task, deaths)
            if fault is None:
                waiting[pool.submit(read_whole_patient, networks, task)] = task
            else:
                yield task, fault, len(waiting)


def _fault(future: Future[str], task: PatientTask, deaths: Counter[str]) -> str | None:
    """Return why a patient could not be read, empty if they were; None if it is to be tried again."""
    try:
        return future.result()
    except WorkerDiedError as error:
        deaths[task.patient] += error.deaths
        return too_many_deaths("reading this patient") if deaths[task.patient] >= MAX_DEATHS else None
    except CancelledError:  # the scheduler was started anew
        return None
    except (BundleError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 (a bug that one patient triggers must not stop the others)
        return f"reading failed unexpectedly ({type(error).__name__}: {error})"


def unfinished(tasks: Sequence[PatientTask]) -> list[PatientTask]:
    """Return the patients who are not finished, or whose files or settings have changed."""

    def is_done(task: PatientTask) -> bool:
        try:
            return task.is_done(read_patient_record(task.folder), task.digest)
        except (InputError, OSError):  # whoever reads the patient says why
            return False

    with ThreadPoolExecutor(_LOOKS_AT_A_TIME) as looking:
        return [task for task, done in zip(tasks, looking.map(is_done, tasks), strict=True) if not done]


def _check_folders(names: Iterable[str]) -> None:
    """Refuse names that a file system may take for the same, as some do not tell capitals apart.

    Raises
    ------
    InputError
        Two patients would share a folder.
    """
    taken: dict[str, str] = {}
    for name in names:
        other = taken.setdefault(comparable(folder_of(Path(), name).name), name)
        if other != name:
            raise InputError(f"patients {shown(other)} and {shown(name)} would share a folder: rename one")


def _make_free(out: Path, tasks: Sequence[PatientTask], *, resume: bool, overwrite: bool) -> None:
    """Refuse to change the results of an earlier run unless asked to.

    Raises
    ------
    InputError
        The folder holds results of this shard's patients, or of another command.
    """
    if settings_path(out).exists():
        raise InputError(f"{out} holds the results of an analysis: choose another folder for the batch")
    used = [task for task in tasks if record_folder(task.folder).exists()]
    if used and not (resume or overwrite):
        raise InputError(f"{out} holds an earlier run: continue it (--resume) or replace it (--overwrite)")
    if overwrite and not resume:
        for task in used:
            shutil.rmtree(record_folder(task.folder))


def _check_same(tasks: Sequence[PatientTask], facts: dict[str, str]) -> None:
    """Refuse to go on with other settings of the reading; the first patient there tells of all."""
    for task in tasks:
        known = settings_path(task.folder)
        if known.is_file():
            check_same(known, facts)
            return


@contextmanager
def _alone(out: Path, shard: Shard) -> Iterator[None]:
    """Hold a shard of a folder, so that it is not read twice at a time.

    Raises
    ------
    InputError
        The folder cannot be used, or another run is reading the shard.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror or error}") from error
    lock = FileLock(out / f".marrowscope-batch-{shard.number}-of-{shard.of}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(f"another run is using {out}: wait for it, or choose another folder") from None
    try:
        yield
    finally:
        lock.release()
