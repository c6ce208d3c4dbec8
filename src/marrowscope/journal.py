"""What is already read, on disk: an interrupted run goes on where it stopped.

The journal lives under the output folder. A field is in it once its pictures and its cells are whole on the
disk; its name there is a digest of patient, field and content, so a changed image is read anew.
"""

import hashlib
import json
import shutil
from pathlib import Path

from marrowscope.codec import from_json, to_json
from marrowscope.domain.patient import FieldReading
from marrowscope.domain.scale import ScaleBySize, SizeScale, listed_scales, scales_by_size
from marrowscope.errors import InputError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.files.sources import RECORD_FOLDER, safe_name
from marrowscope.pipeline import FieldResult, FieldTask

FOLDER = RECORD_FOLDER
ANNOTATED = "annotated"


class Journal:
    """The record of one output folder.

    Parameters
    ----------
    out : the output folder
    settings : name → value of everything that changes a reading
    resume : go on with what is there; otherwise an earlier run's record is removed

    Raises
    ------
    InputError
        Resuming was asked for, but the settings or networks differ from the earlier run's.
    """

    def __init__(self, out: Path, settings: dict[str, str], *, resume: bool) -> None:
        self.out = out
        self._folder = out / FOLDER
        known = self._folder / "settings.json"
        text = json.dumps(settings, indent=1, sort_keys=True)
        if resume and known.is_file():
            self._same_settings(known, settings)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)
            shutil.rmtree(out / ANNOTATED, ignore_errors=True)
        (self._folder / "fields").mkdir(parents=True, exist_ok=True)
        write_atomic(known, text.encode())

    @classmethod
    def of(cls, out: Path) -> "Journal":
        """Open the journal of a finished run as it is.

        Raises
        ------
        InputError
            The folder holds no run.
        """
        known = out / FOLDER / "settings.json"
        if not known.is_file():
            raise InputError(f"{out} holds no run")
        return cls(out, json.loads(known.read_bytes()), resume=True)

    def find(self, task: FieldTask) -> FieldReading | None:
        """Return the reading of a field if it is recorded, None if it has to be read."""
        path = self._path(task.patient, task.source.name, task.sha256, ".json")
        if not path.is_file():
            return None
        return from_json(json.loads(path.read_bytes()), FieldReading)

    def record(self, result: FieldResult) -> None:
        """Write a result; its readings last, so that what is recorded is whole."""
        reading = result.reading
        if result.annotated:
            write_atomic(self.annotated_path(result.patient, reading.name), result.annotated)
        if result.gallery:
            path = self._path(result.patient, reading.name, reading.sha256, ".jpg")
            write_atomic(path, result.gallery)
        path = self._path(result.patient, reading.name, reading.sha256, ".json")
        write_atomic(path, json.dumps(to_json(reading)).encode())

    def gallery_path(self, patient: str, reading: FieldReading) -> Path:
        """Return where the gallery sheet of a field is."""
        return self._path(patient, reading.name, reading.sha256, ".jpg")

    def annotated_path(self, patient: str, field: str) -> Path:
        """Return where the annotated picture of a field is: ``annotated/<patient>/<field>.jpg``."""
        parts = [safe_name(part) for part in field.split("/")]
        return self.out.joinpath(ANNOTATED, safe_name(patient), *parts[:-1], parts[-1] + ".jpg")

    def scales(self, patient: str) -> ScaleBySize | None:
        """Return the scales measured for a patient, None if they were not yet."""
        path = self._path(patient, "", "scales", ".json")
        if not path.is_file():
            return None
        return scales_by_size(from_json(json.loads(path.read_bytes()), tuple[SizeScale, ...]))

    def record_scales(self, patient: str, scales: ScaleBySize) -> None:
        """Write the scales measured for a patient."""
        text = json.dumps(to_json(listed_scales(scales)))
        write_atomic(self._path(patient, "", "scales", ".json"), text.encode())

    def _path(self, patient: str, field: str, sha256: str, suffix: str) -> Path:
        key = hashlib.sha256("\0".join((patient, field, sha256)).encode("utf-8", "surrogateescape"))
        return self._folder / "fields" / (key.hexdigest()[:40] + suffix)

    @staticmethod
    def _same_settings(known: Path, settings: dict[str, str]) -> None:
        earlier: dict[str, str] = json.loads(known.read_bytes())
        differing = sorted(k for k in {*earlier, *settings} if earlier.get(k) != settings.get(k))
        if differing:
            raise InputError(
                f"cannot resume: {', '.join(differing)} differ from the earlier run; run without --resume"
            )
