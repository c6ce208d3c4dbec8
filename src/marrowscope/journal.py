"""The journal: finished fields on disk, from which an interrupted run can continue.

The journal is a folder in the output folder. It contains a field once the field's pictures and cells are
completely written. Entries are named by a digest of patient, field and content, so changed images are read
again.
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
    """The journal of one output folder.

    Parameters
    ----------
    out : the output folder
    settings : name → value of everything that affects a reading
    resume : keep the entries of an earlier run; otherwise they are removed

    Raises
    ------
    InputError
        The run is to be resumed, but its settings or networks were different.
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
        """Open the journal of a finished run without changing it.

        Raises
        ------
        InputError
            The folder does not contain a run.
        """
        known = out / FOLDER / "settings.json"
        if not known.is_file():
            raise InputError(f"{out} does not contain a run")
        return cls(out, json.loads(known.read_bytes()), resume=True)

    def find(self, task: FieldTask) -> FieldReading | None:
        """Return the reading of a field, None if it is not recorded."""
        path = self._path(task.patient, task.source.name, task.sha256, ".json")
        if not path.is_file():
            return None
        return from_json(json.loads(path.read_bytes()), FieldReading)

    def record(self, result: FieldResult) -> None:
        """Write a result. The reading is written last, so that recorded fields are complete."""
        reading = result.reading
        if result.annotated:
            write_atomic(self.annotated_path(result.patient, reading.name), result.annotated)
        if result.gallery:
            path = self._path(result.patient, reading.name, reading.sha256, ".jpg")
            write_atomic(path, result.gallery)
        path = self._path(result.patient, reading.name, reading.sha256, ".json")
        write_atomic(path, json.dumps(to_json(reading)).encode())

    def gallery_path(self, patient: str, reading: FieldReading) -> Path:
        """Return the path of a field's gallery sheet."""
        return self._path(patient, reading.name, reading.sha256, ".jpg")

    def annotated_path(self, patient: str, field: str) -> Path:
        """Return the path of a field's annotated picture: ``annotated/<patient>/<field>.jpg``."""
        parts = [safe_name(part) for part in field.split("/")]
        return self.out.joinpath(ANNOTATED, safe_name(patient), *parts[:-1], parts[-1] + ".jpg")

    def scales(self, patient: str) -> ScaleBySize | None:
        """Return the scales measured for a patient, None if there are none yet."""
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
                f"cannot resume, as these settings differ from the earlier run: {', '.join(differing)}; "
                "run without --resume"
            )
