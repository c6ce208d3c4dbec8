"""A report as text that is kept: every figure as it was printed, none computed again when it is read.

A newer version of the software, other networks or another rule change nothing of a signed report.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from marrowscope.codec import from_json, to_json
from marrowscope.domain.decision import Clustering, Decision, Interval
from marrowscope.domain.differential import Differential
from marrowscope.domain.patient import (
    CohortReport,
    FieldReading,
    PatientReading,
    Provenance,
    Review,
    Signature,
)

FORMAT = 1

_intervals = TypeAdapter(Interval | None)
_decisions = TypeAdapter(Decision)
_differentials = TypeAdapter(Differential)
_provenances = TypeAdapter(Provenance)
_signatures = TypeAdapter(Signature | None)


def written(report: CohortReport) -> tuple[str, str]:
    """Return a report as text, equal for equal reports, and the text's SHA-256."""
    document = {
        "format": FORMAT,
        "provenance": _provenances.dump_python(report.provenance, mode="json"),
        "patients": [_patient(patient) for patient in report.patients],
    }
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(text: str) -> CohortReport:
    """Return the report that `written` wrote down."""
    document = json.loads(text)
    return CohortReport(
        patients=tuple(_read_patient(patient) for patient in document["patients"]),
        provenance=_provenances.validate_python(document["provenance"]),
    )


def _patient(patient: PatientReading) -> dict[str, Any]:
    return {
        "patient": patient.patient,
        "fields": [to_json(field) for field in patient.fields],
        "differential": _differentials.dump_python(patient.differential, mode="json"),
        "blast_interval": _intervals.dump_python(patient.blast_interval, mode="json"),
        "adjusted_interval": _intervals.dump_python(patient.adjusted_interval, mode="json"),
        "decision": _decisions.dump_python(patient.decision, mode="json"),
        "clustering": _clustering(patient.clustering),
        "share_from_probabilities": patient.share_from_probabilities,
        "alternatives": [_decisions.dump_python(other, mode="json") for other in patient.alternatives],
        "flags": list(patient.flags),
        "truth": patient.truth,
        "review": None if patient.review is None else _review(patient.review),
    }


def _read_patient(document: Mapping[str, Any]) -> PatientReading:
    return PatientReading(
        patient=document["patient"],
        fields=tuple(from_json(field, FieldReading) for field in document["fields"]),
        differential=_differentials.validate_python(document["differential"]),
        blast_interval=_intervals.validate_python(document["blast_interval"]),
        adjusted_interval=_intervals.validate_python(document["adjusted_interval"]),
        decision=_decisions.validate_python(document["decision"]),
        clustering=_read_clustering(document["clustering"]),
        share_from_probabilities=document["share_from_probabilities"],
        alternatives=tuple(_decisions.validate_python(other) for other in document["alternatives"]),
        flags=tuple(document["flags"]),
        truth=document["truth"],
        review=None if document["review"] is None else _read_review(document["review"]),
    )


def _review(review: Review) -> dict[str, Any]:
    return {
        "network": _patient(review.network),
        "named": review.named,
        "deleted": review.deleted,
        "added": review.added,
        "signature": _signatures.dump_python(review.signature, mode="json"),
    }


def _read_review(document: Mapping[str, Any]) -> Review:
    return Review(
        network=_read_patient(document["network"]),
        named=document["named"],
        deleted=document["deleted"],
        added=document["added"],
        signature=_signatures.validate_python(document["signature"]),
    )


def _clustering(clustering: Clustering) -> dict[str, Any]:
    own = ("fields", "measured_icc", "icc", "design_effect")
    freedom = clustering.freedom if math.isfinite(clustering.freedom) else None
    return {**{name: getattr(clustering, name) for name in own}, "freedom": freedom}


def _read_clustering(document: Mapping[str, Any]) -> Clustering:
    freedom = document["freedom"]
    return Clustering(**{**document, "freedom": math.inf if freedom is None else freedom})
