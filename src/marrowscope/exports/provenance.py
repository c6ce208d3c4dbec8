"""``run.json``: what was read, with what, how long it took, what failed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marrowscope.domain.patient import CohortReport, FieldStatus, PatientReading, Provenance
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.names import shown

NOTICE = "For research use only. A count is not a diagnosis."


def write_run_json(report: CohortReport, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write the record of a run, keys in a fixed order.

    Parameters
    ----------
    report : the run's report
    path : file to write
    extra : further facts that JSON can hold, such as the command's arguments; they stand under their own
        names, sorted, after the record's own

    Raises
    ------
    ValueError
        An extra fact has the name of one of the record's own.
    OSError
        The file cannot be written.
    """
    document = run_document(report)
    extra = extra or {}
    taken = sorted(set(document) & set(extra))
    if taken:
        raise ValueError(f"the run's record has its own {', '.join(taken)}")
    document.update({name: extra[name] for name in sorted(extra)})
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text.encode("utf-8", "replace") + b"\n")


def run_document(report: CohortReport) -> dict[str, Any]:
    """Return the record of a run as what JSON can hold."""
    return {
        "notice": NOTICE,
        **_provenance(report.provenance),
        "patients": [_patient(patient) for patient in report.patients],
        "failures": [
            {"patient": shown(patient.patient), "field": shown(field.name), "message": shown(field.message)}
            for patient in report.patients
            for field in patient.fields
            if field.status is FieldStatus.FAILED
        ],
    }


def _provenance(provenance: Provenance) -> dict[str, Any]:
    return {
        "version": provenance.version,
        "bundle": {"name": provenance.bundle, "sha256": provenance.bundle_sha256},
        "started": provenance.started,
        "finished": provenance.finished,
        "settings": dict(sorted(provenance.settings.items())),
        "seconds": dict(provenance.seconds),
    }


def _patient(patient: PatientReading) -> dict[str, Any]:
    return {
        "patient": shown(patient.patient),
        "truth": None if patient.truth is None else shown(patient.truth),
        "decision": patient.decision.verdict.value,
        "flags": [shown(flag) for flag in patient.flags],
        "inputs": [
            {
                "field": shown(field.name),
                "sha256": field.sha256 or None,
                "status": field.status.value,
                "message": shown(field.message) or None,
                "width": field.width,
                "height": field.height,
                "mpp": field.mpp,
                "scale_source": field.scale_source or None,
                "flags": [shown(flag) for flag in field.flags],
                "notes": [shown(note) for note in field.notes],
                "cells": len(field.cells),
            }
            for field in patient.fields
        ],
    }
