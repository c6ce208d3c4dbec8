"""What is already read, on disk: an interrupted run goes on where it stopped.

The journal lives under the output folder. A field is in it once its pictures and its cells are whole on the
disk; its name there is a digest of patient, field and content, so a changed image is read anew.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from marrowscope.domain.cells import Cells
from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import Scale
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
        return reading_of(json.loads(path.read_bytes()))

    def record(self, result: FieldResult) -> None:
        """Write a result; its readings last, so that what is recorded is whole."""
        reading = result.reading
        if result.annotated:
            write_atomic(self.annotated_path(result.patient, reading.name), result.annotated)
        if result.gallery:
            path = self._path(result.patient, reading.name, reading.sha256, ".jpg")
            write_atomic(path, result.gallery)
        path = self._path(result.patient, reading.name, reading.sha256, ".json")
        write_atomic(path, json.dumps(document_of(reading)).encode())

    def gallery_path(self, patient: str, reading: FieldReading) -> Path:
        """Return where the gallery sheet of a field is."""
        return self._path(patient, reading.name, reading.sha256, ".jpg")

    def annotated_path(self, patient: str, field: str) -> Path:
        """Return where the annotated picture of a field is: ``annotated/<patient>/<field>.jpg``."""
        parts = [safe_name(part) for part in field.split("/")]
        return self.out.joinpath(ANNOTATED, safe_name(patient), *parts[:-1], parts[-1] + ".jpg")

    def scales(self, patient: str) -> dict[tuple[int, int], Scale] | None:
        """Return the scales measured for a patient, None if they were not yet."""
        path = self._path(patient, "", "scales", ".json")
        if not path.is_file():
            return None
        return {(w, h): Scale(mpp, source) for w, h, mpp, source in json.loads(path.read_bytes())}

    def record_scales(self, patient: str, scales: dict[tuple[int, int], Scale]) -> None:
        """Write the scales measured for a patient."""
        rows = [[w, h, scale.mpp, scale.source] for (w, h), scale in scales.items()]
        write_atomic(self._path(patient, "", "scales", ".json"), json.dumps(rows).encode())

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


def document_of(reading: FieldReading) -> dict[str, Any]:
    """Return a reading as what JSON can hold, every figure to its last digit."""
    cells = reading.cells
    columns = {
        name: getattr(cells, name).tolist()
        for name in ("boxes", "scores", "probability", "p_blast", "is_blast", "is_counted")
    }
    own = ("name", "message", "width", "height", "mpp", "scale_source", "sha256")
    return {
        **{name: getattr(reading, name) for name in own},
        "status": reading.status.value,
        "flags": list(reading.flags),
        "notes": list(reading.notes),
        "cells": {
            **columns,
            "cell_types": list(cells.cell_types),
            "flags": [list(words) for words in cells.flags],
        },
    }


def reading_of(document: Mapping[str, Any]) -> FieldReading:
    """Return the reading that `document_of` wrote down."""
    facts = dict(document)
    columns = facts.pop("cells")
    cells = Cells(
        boxes=np.asarray(columns["boxes"], np.float32).reshape(-1, 4),
        scores=np.asarray(columns["scores"], np.float32),
        cell_types=tuple(columns["cell_types"]),
        probability=np.asarray(columns["probability"], np.float32),
        p_blast=np.asarray(columns["p_blast"], np.float32),
        is_blast=np.asarray(columns["is_blast"], bool),
        is_counted=np.asarray(columns["is_counted"], bool),
        flags=tuple(tuple(words) for words in columns["flags"]),
    )
    status = FieldStatus(facts.pop("status"))
    flags, notes = tuple(facts.pop("flags")), tuple(facts.pop("notes"))
    return FieldReading(status=status, flags=flags, notes=notes, cells=cells, **facts)
