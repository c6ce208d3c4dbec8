"""The journal: finished fields on disk, from which an interrupted run can continue.

The journal is a folder in the output folder. It contains a field once the field's pictures and cells are
completely written. Entries are named by a digest of patient, field and content, so changed images are read
again.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout
from PIL import Image

from marrowscope.codec import from_json, to_json
from marrowscope.domain.patient import CohortReport, FieldReading, FieldStatus
from marrowscope.domain.scale import ScaleBySize, SizeScale, listed_scales, scales_by_size
from marrowscope.errors import DamagedRecordError, InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.files.sources import RECORD_FOLDER, safe_name
from marrowscope.imaging.slides.survey import Survey, survey_path
from marrowscope.pipeline import FieldResult, FieldTask

ANNOTATED = "annotated"
_REPORT = "report.json"
_LOCK = ".marrowscope.lock"  # beside the record, which a new run removes


def record_folder(out: Path) -> Path:
    """Return the folder of the journal of an output folder."""
    return out / RECORD_FOLDER


def settings_path(out: Path) -> Path:
    """Return the file of the settings with which the fields in an output folder were read."""
    return record_folder(out) / "settings.json"


class Journal:
    """The journal of one output folder; while it is open, no other run can use the folder.

    It reads every record once: a report holds all readings anyway.

    Parameters
    ----------
    out : the output folder
    settings : name → value of everything that affects a reading
    resume : keep the entries of an earlier run
    overwrite : remove the results of an earlier run
    patience_s : how long to wait for another run that uses the folder

    Raises
    ------
    InputError
        The folder is a file, in use by another run, or holds an earlier run that is neither to be resumed nor
        replaced; or the run is to be resumed, but its settings or networks were different.
    """

    def __init__(
        self,
        out: Path,
        settings: dict[str, str],
        *,
        resume: bool = False,
        overwrite: bool = False,
        patience_s: float = 0.0,
    ) -> None:
        check_free(out, resume=resume, overwrite=overwrite)
        self._is_new = not out.exists()
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self._folder = record_folder(out)
        self._known: dict[Path, FieldReading] = {}
        self._lock = FileLock(out / _LOCK)
        try:
            self._lock.acquire(timeout=patience_s)
        except Timeout:
            raise InputError(f"another run is using {out}: wait for it, or choose another folder") from None
        try:
            self._open(settings, resume=resume)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, settings: dict[str, str], *, resume: bool) -> None:
        known = settings_path(self.out)
        if resume and known.is_file():
            check_same(known, settings)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
            shutil.rmtree(self.out / ANNOTATED, ignore_errors=True)
        (self._folder / "fields").mkdir(parents=True, exist_ok=True)
        write_atomic(known, json.dumps(settings, indent=1, sort_keys=True).encode())

    def close(self) -> None:
        """Release the folder for other runs; the journal can still be read."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def of(cls, out: Path) -> "Journal":
        """Open the journal of a finished run; its records stay as they are, and no other run may use it.

        Raises
        ------
        InputError
            There is no such folder, or it holds no record of a run.
        """
        known = settings_path(out)
        if not out.is_dir():
            raise InputError(f"there is no folder {out}")
        if not known.is_file():
            raise InputError(
                f"{out} holds no record of a run: name the folder that analyse, watch or batch wrote into"
            )
        return cls(out, json.loads(known.read_bytes()), resume=True)

    def find(self, task: FieldTask) -> FieldReading | None:
        """Return the reading of a field, None if it is not recorded whole: it is then to be read again."""
        record = self._path(task.patient, task.source.name, task.sha256, ".json")
        if record not in self._known:
            reading = self._read(task.patient, record)
            if reading is None:
                return None
            self._known[record] = reading
        return self._known[record]

    def _read(self, patient: str, record: Path) -> FieldReading | None:
        document = read_record(record)
        if document is None:
            return None
        try:
            reading = from_json(document, FieldReading)
        except DamagedRecordError:
            return None
        # An annotated picture can be drawn again without the networks.
        needed = [self.gallery_path(patient, reading)] if len(reading.cells) else []
        if reading.megakaryocytes is not None and reading.megakaryocytes.candidates:
            needed.append(self._large_path(patient, reading))
        is_read = reading.status is FieldStatus.READ
        return None if is_read and not all(path.is_file() for path in needed) else reading

    def record(self, result: FieldResult) -> None:
        """Write a result. The reading is written last, so that recorded fields are complete."""
        reading = result.reading
        if result.annotated:
            write_atomic(self.annotated_path(result.patient, reading.name), result.annotated)
        if result.gallery:
            path = self._path(result.patient, reading.name, reading.sha256, ".jpg")
            write_atomic(path, result.gallery)
        if result.large:
            write_atomic(self._large_path(result.patient, reading), result.large)
        write_record(self._path(result.patient, reading.name, reading.sha256, ".json"), to_json(reading))

    def draw_again(self, patient: str, field: str, annotated: bytes) -> None:
        """Write or replace the annotated picture of a field that is recorded."""
        write_atomic(self.annotated_path(patient, field), annotated)

    def remove_pictures(self) -> None:
        """Remove annotated pictures of an earlier run: one without pictures would not keep them true."""
        shutil.rmtree(self.out / ANNOTATED, ignore_errors=True)

    @property
    def parts(self) -> Path:
        """Folder of the fields that were taken out of files of several, and of the surveys of slides."""
        return self._folder / "parts"

    def gallery_path(self, patient: str, reading: FieldReading) -> Path:
        """Return the path of a field's gallery sheet."""
        return self._path(patient, reading.name, reading.sha256, ".jpg")

    def sheet(self, patient: str, reading: FieldReading) -> Image.Image:
        """Return the sheet of a field's cells.

        Raises
        ------
        DamagedRecordError
            It cannot be read, and is removed, so that the field is read again.
        """
        return self._picture(self.gallery_path(patient, reading), patient, reading)

    def large_sheet(self, patient: str, reading: FieldReading) -> Image.Image:
        """Return the sheet of a field's candidates for megakaryocytes.

        Raises
        ------
        DamagedRecordError
            It cannot be read, and is removed, so that the field is read again.
        """
        return self._picture(self._large_path(patient, reading), patient, reading)

    def _picture(self, path: Path, patient: str, reading: FieldReading) -> Image.Image:
        try:
            with Image.open(path) as sheet:
                sheet.load()
                return sheet.copy()
        except OSError as error:
            path.unlink(missing_ok=True)
            raise DamagedRecordError(
                f"the record of {reading.name} of {patient} is damaged; run again with --resume"
            ) from error

    def annotated_path(self, patient: str, field: str) -> Path:
        """Return the path of a field's annotated picture: ``annotated/<patient>/<field>.jpg``.

        The field is named as in every file of the run, its own suffix included: programs find its picture by
        that name alone, and ``x.jpg`` and ``x.png`` of one patient have a picture each.
        """
        parts = [safe_name(part) for part in field.split("/")]
        return self.out.joinpath(ANNOTATED, safe_name(patient), *parts[:-1], parts[-1] + ".jpg")

    def sheet_path(self, patient: str, number: int) -> Path:
        """Return the path of a sheet of single cells: ``annotated/<patient>/cells_<number>.jpg``."""
        return self.out / ANNOTATED / safe_name(patient) / f"cells_{number}.jpg"

    def survey(self, sha256: str) -> Survey:
        """Return the survey of the slide with a digest.

        Raises
        ------
        DamagedRecordError
            It is not there, or cannot be read.
        """
        path = survey_path(self.parts, sha256)
        try:
            return Survey.unpacked(path.read_bytes())
        except (OSError, ValueError) as error:
            path.unlink(missing_ok=True)
            raise DamagedRecordError(
                "the record of a slide is damaged or gone; run again with --resume"
            ) from error

    def scales(self, patient: str) -> ScaleBySize | None:
        """Return the scales measured for a patient, None if there are none yet."""
        document = read_record(self._path(patient, "", "scales", ".json"))
        try:
            return None if document is None else scales_by_size(from_json(document, tuple[SizeScale, ...]))
        except DamagedRecordError:
            return None

    def record_scales(self, patient: str, scales: ScaleBySize, measured_on: int) -> None:
        """Write the scales measured for a patient, and how many fields there were to measure on."""
        write_record(self._path(patient, "", "measured on", ".json"), measured_on)
        write_record(self._path(patient, "", "scales", ".json"), to_json(listed_scales(scales)))

    def _large_path(self, patient: str, reading: FieldReading) -> Path:
        return self._path(patient, reading.name, reading.sha256, ".large.jpg")

    def record_report(self, report: CohortReport) -> None:
        """Write the report of a finished run."""
        write_record(self._folder / _REPORT, to_json(report))

    def report(self) -> CohortReport:
        """Return the report of the finished run.

        Raises
        ------
        InputError
            No run was finished here, or by a version that did not record its report.
        """
        document = read_record(self._folder / _REPORT)
        try:
            if document is not None:
                return from_json(document, CohortReport)
        except DamagedRecordError:  # of another version
            pass
        raise InputError(
            f"{self.out} holds no finished report that this version can read: "
            "run marrowscope analyse again with --resume"
        )

    def measured_on(self, patient: str) -> int | None:
        """Return how many fields of a patient there were when the scales were measured, None if not known."""
        found = read_record(self._path(patient, "", "measured on", ".json"))
        return found if isinstance(found, int) else None

    def discard_if_empty(self) -> None:
        """Remove the journal, and the folder if it was made for it, unless a field or a scale is recorded."""
        if any((self._folder / "fields").iterdir()):
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # on Windows, the lock file is in use until it is released
            (self.out / _LOCK).unlink(missing_ok=True)
        if self._is_new:
            with suppress(OSError):  # others have written there
                self.out.rmdir()

    def _path(self, patient: str, field: str, sha256: str, suffix: str) -> Path:
        key = hashlib.sha256("\0".join((patient, field, sha256)).encode("utf-8", "surrogateescape"))
        return self._folder / "fields" / (key.hexdigest()[:40] + suffix)


def check_same(known: Path, settings: Mapping[str, str]) -> None:
    """Refuse to go on from readings that were made with other settings.

    Raises
    ------
    InputError
        The settings in the file `known` are others.
    """
    different = differing(json.loads(known.read_bytes()), settings)
    if different:
        raise InputError(
            f"cannot resume, as these settings differ from the earlier run: {', '.join(different)}; "
            "run without --resume"
        )


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that are not the same in both."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def write_record(path: Path, document: Any) -> None:
    """Write a record: the digest of its text, and the text."""
    text = json.dumps(document).encode()
    write_atomic(path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def read_record(path: Path) -> Any | None:
    """Return what a record holds, None where there is none or its text does not match its digest."""
    try:
        digest, _, text = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return json.loads(text) if hashlib.sha256(text).hexdigest().encode() == digest else None


def check_free(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to change the results of an earlier run unless asked to.

    Raises
    ------
    InputError
        The folder holds results, or is a file.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, not a folder")
    used = record_folder(out).exists() or (out / "patients.csv").exists()
    if used and not (resume or overwrite):
        raise InputError(
            f"{out} holds an earlier run: continue it (--resume, resume=True) or replace it "
            "(--overwrite, overwrite=True)"
        )
