"""The live count: images are read as they come, and the share is told after each."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from marrowscope.analysis.patient import resampled
from marrowscope.cohort.reader import CohortReader
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.patient import CohortReport, FieldReading, FieldStatus, PatientReading
from marrowscope.engines.looking import FileLooker
from marrowscope.errors import InputError
from marrowscope.imaging.files.sources import FieldSource, PatientSource
from marrowscope.journal import Journal
from marrowscope.live.folder import WatchedFolder
from marrowscope.live.memory import RememberingLooker
from marrowscope.live.standing import Standing, standing_of
from marrowscope.models.bundle import Bundle

_POLL_S = 0.05
_BROKEN_AFTER_S = 2.0  # a file that cannot be read and does not change for so long is not being written


@dataclass(frozen=True)
class LiveUpdate:
    """The count after further images.

    Attributes
    ----------
    report : of all images so far
    new : those that were not in an update before, with their patients; broken ones once it is clear that they
        are not still being written
    seconds : from when the newest of them was written until now
    waiting : number of images that came and are not read yet
    standings : patient → how far their count is
    """

    report: CohortReport
    new: tuple[tuple[PatientReading, FieldReading], ...]
    seconds: float
    waiting: int
    standings: Mapping[str, Standing]


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

    def is_reached(self, update: LiveUpdate) -> bool:
        """Return whether the counts are at an end."""
        standings = update.standings.values()
        if not standings:
            return False
        are_settled = all(each.is_settled for each in standings)
        return (self.settled and are_settled) or (self.target and all(each.has_target for each in standings))


NEVER = Until()
"""The count ends when it is stopped."""


class LiveCount:
    """Reads the images of a folder as they come.

    Parameters
    ----------
    bundle : a verified bundle
    settings : settings of the run
    journal : where finished fields are recorded
    folder : where images come
    discover : finds the folder's patients
    stop : ends the count when it is set
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: RunSettings,
        journal: Journal,
        folder: WatchedFolder,
        discover: Callable[[], tuple[PatientSource, ...]],
        *,
        stop: Event,
    ) -> None:
        self._counting = settings.counting
        self._folder = folder
        self._stop = stop
        self._discover = discover
        self._looker = FileLooker(settings.reading.limits, journal.parts, settings.reading.mpp)
        remembering = RememberingLooker(self._looker, lambda: folder.versions)
        self._reader = CohortReader(bundle, settings, journal, looker=remembering, is_stopped=stop.is_set)
        self._taken: set[FieldSource] = set()
        self._paths: dict[tuple[str, str], Path] = {}
        self._told: set[tuple[str, str, str]] = set()

    def run(self, until: Until, listener: Callable[[LiveUpdate], None]) -> CohortReport:
        """Count until the end or until it is stopped; return the last report.

        What is told on the way lacks the interval over resampled fields, which takes longer than the count.

        Raises
        ------
        InputError
            Not one image came.
        """
        self._reader.load()
        try:
            report = self._run(until, listener)
        finally:
            self._looker.close()
        if report is None:
            raise InputError("nothing was read: the count ended before an image came")
        return replace(report, patients=tuple(map(resampled, report.patients)))

    def _run(self, until: Until, listener: Callable[[LiveUpdate], None]) -> CohortReport | None:
        report: CohortReport | None = None
        last: LiveUpdate | None = None
        while not self._stop.is_set():
            if self._has_changed() or (last is not None and last.waiting):
                last = self._read()
                if last is not None:
                    report = last.report
                    listener(last)
                    if until.is_reached(last):
                        break
                    self._reader.measure_again()
            elif last is not None and (broken := tuple(self._new(last.report))):
                listener(replace(last, new=broken))
            elif until.quiet_s is not None and self._folder.quiet_s > until.quiet_s:
                break
            else:
                self._stop.wait(_POLL_S)
        return report

    def _has_changed(self) -> bool:
        """Look at the folder; one that cannot be listed now, as a drive that is away, is looked at again."""
        try:
            return bool(self._folder.changed())
        except OSError:
            return False

    def _read(self) -> LiveUpdate | None:
        """Read the images that came first, and return the count; None while there is no image."""
        try:
            patients = self._discover()
        except InputError:
            return None
        if not any(each.fields for each in patients):
            return None
        versions = self._folder.versions
        came = {entry: versions.get(entry.path, (0, 0))[1] for each in patients for entry in each.fields}
        waiting = sorted(came.keys() - self._taken, key=lambda entry: (came[entry], entry.name))
        self._paths = {(each.patient, entry.name): entry.path for each in patients for entry in each.fields}
        # One at a time, so that the count goes on image by image; of a pile, an eighth.
        now = waiting[: max(1, len(waiting) // 8)]
        self._taken.update(now)
        report = self._reader.read(
            [
                replace(each, fields=tuple(entry for entry in each.fields if entry in self._taken))
                for each in patients
                if not self._taken.isdisjoint(each.fields)
            ]
        )
        written = max((came[entry] for entry in now), default=max(came.values(), default=0))
        seconds = max(time.time() - written / 1e9, 0.0)
        standings = {each.patient: standing_of(each, self._counting) for each in report.patients}
        return LiveUpdate(report, tuple(self._new(report)), seconds, len(waiting) - len(now), standings)

    def _new(self, report: CohortReport) -> Iterator[tuple[PatientReading, FieldReading]]:
        for patient in report.patients:
            for field in patient.fields:
                key = patient.patient, field.name, field.sha256
                if key not in self._told and not self._may_be_half_written(patient.patient, field):
                    self._told.add(key)
                    yield patient, field

    def _may_be_half_written(self, patient: str, field: FieldReading) -> bool:
        """Return whether an image that cannot be read may be whole soon."""
        path = self._paths.get((patient, field.name))
        if field.status is not FieldStatus.FAILED or path is None:
            return False
        return self._folder.quiet_since(path) < _BROKEN_AFTER_S
