"""Reading of a cohort: from the list of images to the report."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial

import numpy as np

from marrowscope.analysis.patient import read_patient
from marrowscope.cohort.pictures import FieldPictures
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.counting import counted_in
from marrowscope.domain.patient import (
    CohortReport,
    EarlierCount,
    FieldReading,
    FieldStatus,
    PatientReading,
    Provenance,
)
from marrowscope.domain.scale import ScaleBySize
from marrowscope.engines.choose import LOCAL, open_pool
from marrowscope.engines.looking import FileLooker, Looker
from marrowscope.engines.reading import measure_by, read_by, read_here
from marrowscope.engines.work import Networks
from marrowscope.errors import DamagedRecordError
from marrowscope.imaging.files.sources import PatientSource
from marrowscope.imaging.names import natural_key
from marrowscope.imaging.repeats.cells import RepeatedCells
from marrowscope.imaging.slides.tiles import TileOrder
from marrowscope.journal import Journal
from marrowscope.models.bundle import Bundle
from marrowscope.pipeline import (
    SCALE_SAMPLE,
    FieldReader,
    FieldResult,
    FieldTask,
    counted_once_each,
    scale_sample,
)
from marrowscope.planning import Look, Plan, plan_patient, told_for_both
from marrowscope.progress import Listener, Progress
from marrowscope.version import __version__

_UNFIT = FieldStatus.UNFIT
_MOST_FAILED_TILES = 20  # in a row: then the slide is damaged, and no more are tried
_FIELDS_A_LOOK = 10  # read between two looks at a count that ends when it decides
_SEED = 20_260_101

Measure = Callable[[Sequence[FieldTask]], ScaleBySize]
"""Measures the scale of each image size on a sample of a patient's fields."""


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
    is_stopped : asked after each tile of a slide; once true, the patient's other tiles are left

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
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bundle = bundle
        self._settings = settings
        self._journal = journal
        self._listener = listener
        self._earlier = earlier or {}
        self._looker = looker
        self._loaded = reader
        self._is_stopped = is_stopped
        self._known = bundle.known_errors(settings.validation)
        self._not_needed: dict[str, frozenset[str]] = {}
        self._seconds: dict[str, float] = {}
        self.plans: Mapping[str, Plan] = {}
        self._repeated: dict[str, RepeatedCells] = {}
        self._pictures = FieldPictures(journal, settings.reading, listener)

    @cached_property
    def _reader(self) -> FieldReader:
        return self._loaded or FieldReader(self._bundle, self._settings.reading, self._settings.threads)

    @property
    def _reads_here(self) -> bool:
        """Whether this process runs the networks, instead of workers."""
        return self._settings.engine == LOCAL and self._settings.workers == 1

    def load(self) -> None:
        """Load the networks, as the first field to read would."""
        _ = self._reader

    def read(self, patients: Sequence[PatientSource]) -> CohortReport:
        """Read all fields that are not yet recorded, and return the report of all patients."""
        started = instant()
        if not self._settings.reading.pictures:
            self._journal.remove_pictures()
        with self._timed("listing"):
            plans = told_for_both(self._plans(patients))
        self.plans = {plan.source.patient: plan for plan in plans}
        with self._timed("reading"):
            self._read_all(plans)
        with self._timed("counting"):
            readings = tuple(self._patient(plan) for plan in plans)
        provenance = Provenance(
            version=__version__,
            bundle=self._bundle.title,
            bundle_sha256=self._bundle.sha256,
            started=started,
            finished=instant(),
            settings=self._settings.facts(self._bundle),
            seconds=dict(self._seconds),
        )
        return CohortReport(readings, provenance, self._settings.laboratory)

    def measure_again(self) -> None:
        """Measure a patient's scale anew where there are twice as many fields as it was measured on.

        For counts that go on: the first fields may show little to measure by. It holds for fields to come.
        """
        for patient, plan in self.plans.items():
            measured = self._journal.measured_on(patient)
            if measured is not None and measured < SCALE_SAMPLE and len(plan.fields) >= 2 * measured:
                self._measured(patient, plan.fields, self._reader.measure_patient)

    def _plans(self, patients: Sequence[PatientSource]) -> list[Plan]:
        """Look at all files of all patients."""
        if self._looker is not None:
            return self._looked(patients, self._looker)
        reading = self._settings.reading
        looker = FileLooker(reading.limits, self._journal.parts, reading.mpp)
        try:
            return self._looked(patients, looker)
        finally:
            looker.close()

    def _looked(self, patients: Sequence[PatientSource], looker: Looker) -> list[Plan]:
        plans = []
        for patient in patients:
            look_at = looker.begin(patient.fields)
            if self._reads_here:
                self.load()  # while the first files are looked at
            plans.append(self._plan(patient, look_at))
        return plans

    def _plan(self, source: PatientSource, look_at: Look) -> Plan:
        def tell(name: str) -> None:
            self._listener(Progress("listing", source.patient, name))

        return plan_patient(
            source,
            look_at,
            tell,
            single_cells=self._settings.reading.single_cells,
            order=self._settings.tiles,
        )

    def _read_all(self, plans: Sequence[Plan]) -> None:
        if self._settings.until_settled:
            for plan in plans:
                self._read_until_settled(plan)
            return
        is_enough = self._settings.tiles is not TileOrder.ALL
        whole = [plan.fields for plan in plans if not (is_enough and plan.tiles)]
        for _ in self._in_order([task for fields in whole for task in fields]):
            pass
        for plan in plans:
            if is_enough and plan.tiles:
                self._read_until_enough(plan)

    def _read_until_settled(self, plan: Plan) -> None:
        """Read a patient's fields in random order until their count decides.

        The order does not depend on what the images show, so that those read are a sample of all.
        """
        tasks = sorted(plan.fields, key=lambda task: task.source.name)
        order = [tasks[i] for i in np.random.default_rng(_SEED).permutation(len(tasks))]
        counting = replace(self._settings.counting, looks_again=True)
        fields: list[FieldReading] = []
        with closing(self._in_order(order)) as readings:
            for reading in readings:
                fields.append(reading)
                if len(fields) % _FIELDS_A_LOOK and len(fields) < len(order):
                    continue
                count = read_patient(
                    plan.source.patient,
                    self._once(plan, [field for field in fields if field.status is not _UNFIT]),
                    counting,
                    self._known,
                    details=plan.source.details,
                    resamples=False,
                )
                if count.decision.is_settled:
                    break
        self._not_needed[plan.source.patient] = frozenset(task.source.name for task in order[len(fields) :])

    def _read_until_enough(self, plan: Plan) -> None:
        """Read a patient's fields, and of slides so many tiles that enough cells are counted."""
        target, specimen, order = self._settings.counting.target, plan.source.details.specimen, plan.fields
        read = counted = failed_in_a_row = 0
        beside: list[FieldReading] = []
        with closing(self._in_order(order, lambda: _expected(read, counted, target, order))) as readings:
            for reading in readings:
                read += 1
                failed_in_a_row = failed_in_a_row + 1 if reading.status is FieldStatus.FAILED else 0
                if self._is_stopped():
                    break
                if read <= len(plan.tasks):
                    beside.append(reading)
                if read < len(plan.tasks):
                    continue
                if read == len(plan.tasks):  # fields beside the slides may overlap
                    counted = sum(_counted(each, specimen) for each in self._once(plan, beside))
                else:
                    counted += _counted(reading, specimen)
                if counted >= target or failed_in_a_row >= _MOST_FAILED_TILES:
                    break
        self._not_needed[plan.source.patient] = frozenset(task.source.name for task in order[read:])

    def _in_order(
        self, tasks: Sequence[FieldTask], expected: Callable[[], int] | None = None
    ) -> Generator[FieldReading]:
        """Yield the readings of tasks in their order: those recorded, and those now read and recorded.

        Parameters
        ----------
        tasks : what to read
        expected : number of tasks that will be read, as far as is known by now; all by default
        """
        is_there = []
        cells = blasts = 0
        for task in tasks:
            known = self._journal.find(task)
            is_there.append(known is not None)
            if known is not None:
                cells, blasts = cells + len(known.cells), blasts + int(known.cells.is_blast.sum())
        done = sum(is_there)
        self._listener(Progress("reading", done=done, total=len(tasks), cells=cells, blasts=blasts))
        missing = [task for task, was_read in zip(tasks, is_there, strict=True) if not was_read]
        with closing(self._results(missing)) as results:
            for task, was_read in zip(tasks, is_there, strict=True):
                if was_read:
                    yield self._recorded(task)
                    continue
                result = next(results)
                self._journal.record(result)
                found = result.reading.cells
                done, cells, blasts = done + 1, cells + len(found), blasts + int(found.is_blast.sum())
                total = len(tasks) if expected is None else max(expected(), done)
                self._listener(
                    Progress("reading", result.patient, result.reading.name, done, total, cells, blasts)
                )
                yield result.reading

    def _results(self, tasks: Sequence[FieldTask]) -> Generator[FieldResult]:
        if self._reads_here:
            return read_here(self._reader, self._with_scales(tasks, self._reader.measure_patient))
        settings = self._settings
        networks = Networks(self._bundle.folder, self._bundle.sha256, settings.reading, settings.threads)
        pool = open_pool(settings.engine, settings.workers)
        return read_by(pool, networks, self._with_scales(tasks, partial(measure_by, pool, networks)))

    def _with_scales(self, tasks: Sequence[FieldTask], measure: Measure) -> Iterator[FieldTask]:
        """Yield the tasks with their patients' scales, which are measured when a patient's turn comes."""
        by_patient: dict[str, list[FieldTask]] = {}
        for task in tasks:
            by_patient.setdefault(task.patient, []).append(task)
        for patient, group in by_patient.items():
            scales = self._journal.scales(patient)
            if scales is None:
                scales = self._measured(patient, group, measure)
            for task in group:
                yield FieldTask(task.patient, task.source, task.sha256, scales)

    def _measured(self, patient: str, tasks: Sequence[FieldTask], measure: Measure) -> ScaleBySize:
        self._listener(Progress("scale", patient))
        scales = measure(scale_sample(tasks))
        self._journal.record_scales(patient, scales, len(tasks))
        return scales

    def _patient(self, plan: Plan) -> PatientReading:
        not_needed = self._not_needed.get(plan.source.patient, frozenset())
        tasks = {task.source.name: task for task in plan.tasks}
        names = [name for name in plan.names if name not in not_needed]
        tiles = [self._recorded(task) for task in plan.tiles if task.source.name not in not_needed]
        fit = [tile for tile in tiles if tile.status is not _UNFIT]
        fields = (
            *self._once(plan, [plan.settled.get(name) or self._recorded(tasks[name]) for name in names]),
            *sorted(fit, key=lambda tile: natural_key(tile.name)),
        )
        self._pictures.draw_missing(plan, fields)
        slides = tuple(slide.reading(tiles) for slide in plan.slides)
        number = len(plan.fields)
        ended = (
            f"The count decided after {number - len(not_needed)} of {number} fields, drawn at random; the "
            "others were not read."
        )
        decided = (ended,) if not_needed and self._settings.until_settled else ()
        patient = read_patient(
            plan.source.patient,
            fields,
            replace(self._settings.counting, looks_again=self._looks_again(plan.source.patient, fields)),
            self._known,
            truth=plan.source.truth,
            problems=(*plan.source.problems, *plan.notes, *decided, *(slide.summary for slide in slides)),
            passed_over=plan.source.passed_over,
            details=plan.source.details,
            resamples=not self._settings.is_live,
        )
        return replace(patient, slides=slides)

    def _once(self, plan: Plan, fields: Sequence[FieldReading]) -> tuple[FieldReading, ...]:
        """Count every cell once, where fields overlap."""
        patient = plan.source.patient
        # Kept only where the patient is looked at again: of a whole cohort it would be gigabytes.
        repeated = self._repeated.get(patient, RepeatedCells())
        if self._settings.looks_again:
            self._repeated[patient] = repeated
        return counted_once_each(fields, repeated, partial(self._journal.sheet, patient))

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


def _counted(field: FieldReading, specimen: Specimen) -> int:
    return int(counted_in(field.cells, specimen).is_counted.sum())


def _expected(read: int, counted: int, target: int, order: Sequence[FieldTask]) -> int:
    """Return how many fields it takes to count a number of cells, as far as those read tell."""
    return min(-(-read * target // counted), len(order)) if counted else len(order)


def instant() -> str:
    """Return the present instant as reports state it: UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
