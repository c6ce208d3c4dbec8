"""The live count: images are read as they come, and the share is told after each."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from marrowscope.cohort import CohortReader, FileLooker, RunSettings
from marrowscope.domain.patient import CohortReport, FieldReading, FieldStatus, PatientReading
from marrowscope.errors import InputError
from marrowscope.imaging.files.sources import PatientSource
from marrowscope.live.folder import WatchedFolder
from marrowscope.live.memory import RememberingJournal, RememberingLooker
from marrowscope.models.bundle import Bundle

_POLL_S = 0.05


@dataclass(frozen=True)
class LiveUpdate:
    """The count after further images.

    Attributes
    ----------
    report : of all images so far
    new : those that were not in the update before, with their patients
    seconds : from when the newest of them was written until now
    """

    report: CohortReport
    new: tuple[tuple[PatientReading, FieldReading], ...]
    seconds: float


@dataclass(frozen=True)
class Until:
    """When a live count ends by itself; by default never.

    Attributes
    ----------
    settled : as soon as every patient's count decides
    target : as soon as every patient's recommended number of cells is counted
    quiet_s : when no image came for so many seconds
    """

    settled: bool = False
    target: bool = False
    quiet_s: float | None = None

    def is_reached(self, report: CohortReport, target: Callable[[PatientReading], int]) -> bool:
        """Return whether the counts are at an end."""
        are_settled = all(patient.decision.is_settled for patient in report.patients)
        are_counted = all(patient.differential.counted >= target(patient) for patient in report.patients)
        return (self.settled and are_settled) or (self.target and are_counted)


class LiveCount:
    """Reads the images of a folder as they come.

    Parameters
    ----------
    bundle : a verified bundle
    settings : settings of the run
    journal : where finished fields are recorded
    folder : where images come
    discover : finds the folder's patients
    until : when to end
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: RunSettings,
        journal: RememberingJournal,
        folder: WatchedFolder,
        discover: Callable[[], tuple[PatientSource, ...]],
        until: Until,
    ) -> None:
        self._counting = settings.counting
        self._folder = folder
        self._discover = discover
        self._until = until
        self._looker = FileLooker(settings.reading.limits, journal.parts)
        remembering = RememberingLooker(self._looker, lambda: folder.versions)
        self._reader = CohortReader(bundle, settings, journal, looker=remembering)
        self._told: set[tuple[str, str, str]] = set()

    def run(self, stop: Event, listener: Callable[[LiveUpdate], None]) -> CohortReport:
        """Count until the end is reached or `stop` is set; return the last report.

        Raises
        ------
        InputError
            Not one image came.
        OSError
            The folder can no longer be listed.
        """
        self._reader.load()
        try:
            report = self._run(stop, listener)
        finally:
            self._looker.close()
        if report is None:
            raise InputError("the count ended before an image came")
        return report

    def _run(self, stop: Event, listener: Callable[[LiveUpdate], None]) -> CohortReport | None:
        report: CohortReport | None = None
        while not stop.is_set():
            if self._folder.changed():
                report = self._read(listener) or report
                if report is not None and self._until.is_reached(report, self._target):
                    break
                self._reader.measure_again()
            elif self._until.quiet_s is not None and self._folder.quiet_s > self._until.quiet_s:
                break
            stop.wait(_POLL_S)
        return report

    def _target(self, patient: PatientReading) -> int:
        return self._counting.target_of(patient.details.specimen)

    def _read(self, listener: Callable[[LiveUpdate], None]) -> CohortReport | None:
        try:
            patients = self._discover()
        except InputError:  # no image yet
            return None
        report = self._reader.read(patients)
        new = []
        for patient in report.patients:
            for field in patient.fields:
                key = patient.patient, field.name, field.sha256
                if key not in self._told and field.status is not FieldStatus.FAILED:
                    self._told.add(key)
                    new.append((patient, field))
        written = max((changed for _, changed in self._folder.versions.values()), default=0)
        listener(LiveUpdate(report, tuple(new), max(time.time() - written / 1e9, 0.0)))
        return report
