"""Reading of a cohort: from the list of images to the report."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.case.laboratory import NO_LABORATORY, Laboratory
from marrowscope.domain.patient import CohortReport, EarlierCount, FieldReading, PatientReading, Provenance
from marrowscope.domain.rates import Validation
from marrowscope.domain.scale import ScaleBySize
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.engines.choose import LOCAL, open_pool
from marrowscope.engines.looking import FileLooker, Looker
from marrowscope.engines.reading import read_by, read_here
from marrowscope.engines.work import Networks
from marrowscope.errors import DamagedRecordError
from marrowscope.imaging.files.sources import PatientSource
from marrowscope.imaging.repeats.cells import RepeatedCells
from marrowscope.journal import Journal
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import (
    SCALE_SAMPLE,
    FieldReader,
    FieldResult,
    FieldTask,
    ReadingSettings,
    counted_once_each,
    scale_sample,
)
from marrowscope.planning import Look, Plan, plan_patient, told_for_both
from marrowscope.version import __version__

_FIELDS_A_LOOK = 10  # read between two looks at a count that ends when it decides
_SEED = 20_260_101


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes
    ----------
    stage : ``listing``, ``scale``, ``reading`` or ``writing``
    patient, field : currently being read
    done, total : number of fields
    cells, blasts : number found so far
    """

    stage: str
    patient: str = ""
    field: str = ""
    done: int = 0
    total: int = 0
    cells: int = 0
    blasts: int = 0


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class RunSettings:
    """Settings of a run.

    Attributes
    ----------
    reading : settings for reading fields
    counting : settings that turn a count into a decision
    workers : number of processes; does not affect the result
    threads : processor threads in each process; does not affect the result
    engine : ``local`` or ``dask://HOST:PORT``; does not affect the result
    laboratory : whose report it is, with its reference ranges; does not affect the result
    until_settled : read a patient's fields in random order until the count decides
    is_live : images come while the count is looked at
    validation : this laboratory's own validation of the networks, if it has one
    """

    reading: ReadingSettings = field(default_factory=ReadingSettings)
    counting: CountingSettings = field(default_factory=CountingSettings)
    workers: int = 1
    threads: int = 2
    engine: str = LOCAL
    laboratory: Laboratory = NO_LABORATORY
    until_settled: bool = False
    is_live: bool = False
    validation: Validation | None = None

    @property
    def looks_again(self) -> bool:
        """Whether counts are looked at more than once."""
        return self.until_settled or self.is_live

    def reading_facts(self, bundle: Bundle) -> dict[str, str]:
        """Return everything on which a field's reading depends, except its content."""
        reading = self.reading
        return {
            "version": __version__,
            "bundle": bundle.sha256,
            "taxonomy": taxonomy().version,
            "mpp": "measured" if reading.mpp is None else repr(reading.mpp),
            "single_cells": str(reading.single_cells).lower(),
            "count_border_cells": str(reading.count_border_cells).lower(),
            "score_threshold": repr(
                bundle.detector.score_threshold
                if reading.score_threshold is None
                else reading.score_threshold
            ),
            "max_pixels": str(reading.limits.max_pixels),
            "max_bytes": str(reading.limits.max_bytes),
        }

    def facts(self, bundle: Bundle) -> dict[str, str]:
        """Return everything on which the report depends, for its provenance."""
        rule = self.counting.rule
        return {
            **self.reading_facts(bundle),
            "blast_threshold": repr(bundle.classifier.blast_threshold),
            "type_threshold": repr(bundle.classifier.type_threshold),
            "working_mpp": repr(bundle.detector.working_mpp),
            "rule": f"{rule.id}: {rule.condition}",
            "floor": str(self.counting.floor),
            "target": str(self.counting.target),
            "blast_equivalents": ", ".join(self.counting.equivalents) or "none",
            "until_settled": str(self.until_settled).lower(),
            "live": str(self.is_live).lower(),
            "laboratories": ", ".join(lab.name for lab in bundle.laboratories) or "none measured",
            "validation": "none" if self.validation is None else self.validation.describe(),
        }


class CohortReader:
    """Reads patients into a journal, and assembles the report from it.

    Parameters
    ----------
    bundle : a verified bundle
    settings : settings of the run
    journal : where finished fields are recorded
    listener : called with the progress at every step
    earlier : patients' counts in an earlier report; a count of more images is another look at the same
    looker : looks at the files; by default one of each call's own
    reader : the networks, where they are loaded already

    Attributes
    ----------
    plans : patient → what there was to read of them, as of the last call of `read`
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: RunSettings,
        journal: Journal,
        listener: Listener = lambda _: None,
        earlier: Mapping[str, EarlierCount] | None = None,
        *,
        looker: Looker | None = None,
        reader: FieldReader | None = None,
    ) -> None:
        self._bundle = bundle
        self._settings = settings
        self._journal = journal
        self._listener = listener
        self._earlier = earlier or {}
        self._looker = looker
        self._loaded = reader
        self._known = bundle.known_errors(settings.validation)
        self._not_needed: dict[str, frozenset[str]] = {}
        self._seconds: dict[str, float] = {}
        self.plans: Mapping[str, Plan] = {}
        self._measured_on: dict[str, int] = {}
        self._repeated: dict[str, RepeatedCells] = {}

    @cached_property
    def _reader(self) -> FieldReader:
        return self._loaded or FieldReader(self._bundle, self._settings.reading, self._settings.threads)

    def load(self) -> None:
        """Load the networks, as the first field to read would."""
        _ = self._reader

    def read(self, patients: Sequence[PatientSource]) -> CohortReport:
        """Read all fields that are not yet recorded, and return the report of all patients."""
        started = _now()
        with self._timed("listing"):
            plans = told_for_both(self._plans(patients))
        self.plans = {plan.source.patient: plan for plan in plans}
        with self._timed("reading"):
            if self._settings.until_settled:
                for plan in plans:
                    self._read_until_settled(plan)
            else:
                self._read_missing([task for plan in plans for task in plan.tasks])
        with self._timed("counting"):
            readings = tuple(self._patient(plan) for plan in plans)
        provenance = Provenance(
            version=__version__,
            bundle=self._bundle.title,
            bundle_sha256=self._bundle.sha256,
            started=started,
            finished=_now(),
            settings=self._settings.facts(self._bundle),
            seconds=dict(self._seconds),
        )
        return CohortReport(readings, provenance, self._settings.laboratory)

    def measure_again(self) -> None:
        """Measure a patient's scale anew where there are twice as many fields as it was measured on.

        For counts that go on: the first fields may show little to measure by. It holds for fields to come.
        """
        for patient, measured in list(self._measured_on.items()):
            tasks = self.plans[patient].tasks if patient in self.plans else ()
            if measured < SCALE_SAMPLE and len(tasks) >= 2 * measured:
                self._measured(patient, tasks)

    def _plans(self, patients: Sequence[PatientSource]) -> list[Plan]:
        """Look at all files of all patients."""
        if self._looker is not None:
            return self._looked(patients, self._looker)
        looker = FileLooker(self._settings.reading.limits, self._journal.parts)
        try:
            return self._looked(patients, looker)
        finally:
            looker.close()

    def _looked(self, patients: Sequence[PatientSource], looker: Looker) -> list[Plan]:
        plans = []
        for patient in patients:
            look_at = looker.begin(patient.fields)
            self.load()  # while the first files are looked at
            plans.append(self._plan(patient, look_at))
        return plans

    def _plan(self, source: PatientSource, look_at: Look) -> Plan:
        def tell(name: str) -> None:
            self._listener(Progress("listing", source.patient, name))

        return plan_patient(source, look_at, tell, single_cells=self._settings.reading.single_cells)

    def _read_until_settled(self, plan: Plan) -> None:
        """Read a patient's fields in random order, some at a time, until their count decides.

        The order does not depend on what the images show, so that those read are a sample of all.
        """
        tasks = sorted(plan.tasks, key=lambda task: task.source.name)
        order = [tasks[i] for i in np.random.default_rng(_SEED).permutation(len(tasks))]
        counting = replace(self._settings.counting, looks_again=True)
        for read in range(_FIELDS_A_LOOK, len(order) + _FIELDS_A_LOOK, _FIELDS_A_LOOK):
            self._read_missing(order[read - _FIELDS_A_LOOK : read])
            fields = self._once(plan, [self._recorded(task) for task in order[:read]])
            reading = read_patient(
                plan.source.patient, fields, counting, self._known, details=plan.source.details
            )
            if reading.decision.is_settled:
                self._not_needed[plan.source.patient] = frozenset(task.source.name for task in order[read:])
                return

    def _read_missing(self, tasks: Sequence[FieldTask]) -> None:
        done, cells, blasts = 0, 0, 0
        missing = []
        for task in tasks:
            reading = self._journal.find(task)
            if reading is None:
                missing.append(task)
                continue
            done += 1
            cells, blasts = cells + len(reading.cells), blasts + int(reading.cells.is_blast.sum())
        self._listener(Progress("reading", done=done, total=len(tasks), cells=cells, blasts=blasts))
        for result in self._results(missing):
            self._journal.record(result)
            found = result.reading.cells
            done, cells, blasts = done + 1, cells + len(found), blasts + int(found.is_blast.sum())
            self._listener(
                Progress("reading", result.patient, result.reading.name, done, len(tasks), cells, blasts)
            )

    def _results(self, tasks: Sequence[FieldTask]) -> Iterator[FieldResult]:
        scaled = self._with_scales(tasks)
        if self._settings.engine == LOCAL and self._settings.workers == 1:
            return read_here(self._reader, scaled)
        networks = Networks(
            self._bundle.folder, self._bundle.sha256, self._settings.reading, self._settings.threads
        )
        return read_by(open_pool(self._settings.engine, self._settings.workers), networks, scaled)

    def _with_scales(self, tasks: Sequence[FieldTask]) -> Iterator[FieldTask]:
        """Yield the tasks with their patients' scales, which are measured when a patient's turn comes."""
        by_patient: dict[str, list[FieldTask]] = {}
        for task in tasks:
            by_patient.setdefault(task.patient, []).append(task)
        for patient, group in by_patient.items():
            scales = self._journal.scales(patient)
            if scales is None:
                scales = self._measured(patient, group)
            for task in group:
                yield FieldTask(task.patient, task.source, task.sha256, scales)

    def _measured(self, patient: str, tasks: Sequence[FieldTask]) -> ScaleBySize:
        self._listener(Progress("scale", patient))
        scales = self._reader.measure_patient(scale_sample(tasks))
        self._journal.record_scales(patient, scales)
        self._measured_on[patient] = len(tasks)
        return scales

    def _patient(self, plan: Plan) -> PatientReading:
        tasks = {task.source.name: task for task in plan.tasks}
        not_needed = self._not_needed.get(plan.source.patient, frozenset())
        names = [name for name in plan.names if name not in not_needed]
        fields = self._once(plan, [plan.settled.get(name) or self._recorded(tasks[name]) for name in names])
        ended = (
            f"The count decided after {len(tasks) - len(not_needed)} of {len(tasks)} fields, drawn at "
            "random; the others were not read."
        )
        return read_patient(
            plan.source.patient,
            fields,
            replace(self._settings.counting, looks_again=self._looks_again(plan.source.patient, fields)),
            self._known,
            truth=plan.source.truth,
            problems=(*plan.source.problems, *plan.notes, *((ended,) if not_needed else ())),
            passed_over=plan.source.passed_over,
            details=plan.source.details,
        )

    def _once(self, plan: Plan, fields: Sequence[FieldReading]) -> tuple[FieldReading, ...]:
        """Count every cell once, where fields overlap."""
        patient = plan.source.patient
        # Kept only where the patient is looked at again: of a whole cohort it would be gigabytes.
        repeated = self._repeated.get(patient, RepeatedCells())
        if self._settings.looks_again:
            self._repeated[patient] = repeated
        return counted_once_each(
            fields, repeated, lambda field: self._journal.gallery_path(patient, field).read_bytes()
        )

    def _looks_again(self, patient: str, fields: Sequence[FieldReading]) -> bool:
        """Return whether a count with a verdict goes on: then it was looked at before."""
        earlier = self._earlier.get(patient)
        images = {field.sha256 for field in fields if field.sha256}
        is_extended = earlier is not None and (earlier.looks_again or bool(images - earlier.images))
        return self._settings.looks_again or is_extended

    def _recorded(self, task: FieldTask) -> FieldReading:
        """Return the reading of a field that was read.

        Raises
        ------
        DamagedRecordError
            It was recorded and is gone: a count must never rest on fewer fields than were read.
        """
        reading = self._journal.find(task)
        if reading is None:
            raise DamagedRecordError(
                f"the record of {task.source.name} of {task.patient} disappeared while the run went on; "
                "run again with --resume"
            )
        return reading

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[stage] = round(time.perf_counter() - start, 3)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
