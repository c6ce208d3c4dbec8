"""``run.json``: the record of a run, with inputs, networks, settings, durations and failures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marrowscope.domain.decision import Interval
from marrowscope.domain.differential import RATIO_DECIMALS, myeloid_to_erythroid
from marrowscope.domain.patient import CohortReport, FieldStatus, PatientReading, Provenance
from marrowscope.domain.percent import file_percent
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.case.facts import details_document
from marrowscope.exports.figures import lineage_rows, non_erythroid_blasts, sampling, type_rows
from marrowscope.exports.signed import signed_document
from marrowscope.imaging.names import shown

_AREA_DECIMALS = 3
NOTICE = "For research use only. A count is not a diagnosis."


def write_run_json(report: CohortReport, path: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write the record of a run, with its keys in a fixed order.

    Parameters
    ----------
    report : the run's report
    path : file to write
    extra : further JSON members, such as the command's arguments, appended in sorted order

    Raises
    ------
    ValueError
        A name in `extra` is already in the record.
    OSError
        The file cannot be written.
    """
    document = run_document(report)
    extra = extra or {}
    taken = sorted(set(document) & set(extra))
    if taken:
        raise ValueError(f"already in the record of the run: {', '.join(taken)}")
    document.update({name: extra[name] for name in sorted(extra)})
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text.encode("utf-8", "replace") + b"\n")


def run_document(report: CohortReport) -> dict[str, Any]:
    """Return the record of a run as a JSON document."""
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


def _count(patient: PatientReading) -> dict[str, Any]:
    """Return a patient's figures, the same as in the other files.

    Percentages have two decimals, as in the tables; those of types and lineages have one and sum to 100.
    """
    differential, spread, clustering = patient.differential, sampling(patient), patient.clustering
    ratio = myeloid_to_erythroid(differential)
    return {
        "counted": differential.counted,
        "blasts": differential.blasts,
        "unclassified": differential.unclassified,
        "blast_equivalents": list(differential.equivalents),
        "blast_percent": _interval(patient.blast_interval),
        "exact_percent": _interval(patient.exact_interval),
        "bootstrap_percent": _interval(patient.bootstrap_interval),
        "deciding_percent": _interval(patient.adjusted_interval),
        "expected_percent": _interval(patient.expected_interval),
        "reviewed_percent": _interval(patient.reviewed_interval),
        "non_erythroid_percent": _interval(non_erythroid_blasts(patient)),
        "correlation_within_fields": round(clustering.icc, 4),
        "design_effect": round(clustering.design_effect, 2),
        "effective_cells": round(clustering.effective(differential.counted)),
        "fields_with_cells": 0 if spread is None else spread.fields,
        "cells_per_field": None
        if spread is None
        else {"median": spread.median, "fewest": spread.fewest, "most": spread.most},
        "slides": {} if spread is None else {shown(name): cells for name, cells in spread.slides},
        "m_to_e": None if ratio is None else round(ratio.ratio, RATIO_DECIMALS),
        "m_to_e_cells": None if ratio is None else {"myeloid": ratio.myeloid, "erythroid": ratio.erythroid},
        "types": {
            row.cell_type.id: {
                "cells": row.cells,
                "percent": row.share.percent,
                "interval": _bounds(row.interval),
                "exact": _bounds(row.share.exact),
                "effective_cells": round(row.share.effective),
            }
            for row in type_rows(patient)
        },
        "lineages": {
            row.name: {"cells": row.cells, "percent": row.percent} for row in lineage_rows(differential)
        },
        "excluded": dict(differential.excluded),
        "decisions": {
            decision.rule.id: {
                "decision": decision.verdict.value,
                "words": decision.words,
                "band": decision.band,
                "decided_by": decision.decided_by.value,
                "cells_to_settle": decision.cells_to_settle,
                "reasons": [shown(reason) for reason in decision.reasons],
            }
            for decision in (patient.decision, *patient.alternatives)
        },
    }


def _interval(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    low, high = _bounds(interval)
    return {
        "estimate": file_percent(interval.estimate),
        "low": low,
        "high": high,
        "level": interval.level,
        "method": interval.method,
    }


def _bounds(interval: Interval) -> list[float]:
    return [file_percent(interval.low), file_percent(interval.high)]


def _megakaryocytes(patient: PatientReading) -> dict[str, Any] | None:
    found = patient.megakaryocytes
    if found is None:
        return None
    return {
        "examined_mm2": round(found.examined_mm2, _AREA_DECIMALS),
        "candidates": len(found.listed),
        "confirmed": found.confirmed,
        "rejected": found.rejected,
    }


def _patient(patient: PatientReading) -> dict[str, Any]:
    return {
        "patient": shown(patient.patient),
        "truth": None if patient.truth is None else shown(patient.truth),
        "details": details_document(patient.details),
        "decision": patient.decision.verdict.value,
        "decided_by": patient.decision.decided_by.value,
        "looks_again": patient.looks_again,
        "count": _count(patient),
        "signed_names": signed_document(patient),
        "megakaryocytes": _megakaryocytes(patient),
        "flags": [shown(flag) for flag in patient.flags],
        "limits": [shown(text) for text in patient.limits],
        "passed_over": [shown(name) for name in patient.passed_over],
        "slides": [
            {
                "slide": shown(slide.name),
                "sha256": slide.sha256,
                "width": slide.width,
                "height": slide.height,
                "mpp": slide.mpp,
                "countable_mm2": round(slide.countable_mm2, _AREA_DECIMALS),
                "counted_mm2": round(slide.counted_mm2, _AREA_DECIMALS),
                "tiles": slide.tiles,
                "tiles_counted": slide.tiles_counted,
                "tiles_unfit": slide.tiles_unfit,
            }
            for slide in patient.slides
        ],
        "inputs": [
            {
                "field": shown(field.name),
                "sha256": field.sha256 or None,
                "status": field.status.value,
                "message": shown(field.message) or None,
                "width": field.width,
                "height": field.height,
                "mpp": field.mpp,
                "scale_source": None if field.scale is None else field.scale.source.value,
                "flags": [shown(flag) for flag in field.flags],
                "notes": [shown(note) for note in field.notes],
                "cells": len(field.cells),
            }
            for field in patient.fields
        ],
    }
