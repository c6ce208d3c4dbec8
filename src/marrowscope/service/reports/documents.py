"""A report as stored text: every figure as printed, nothing recomputed when it is read.

Newer software, other networks or another rule do not change a signed report.
"""

import hashlib
import json

from marrowscope.codec import from_json, to_json
from marrowscope.domain.patient import CohortReport

FORMAT = 3
"""Format 1 left out four figures of a patient, and sorted all names; format 2 had figures now gone."""


def written(report: CohortReport) -> tuple[str, str]:
    """Return a report as text, and the text's SHA-256."""
    document = {"format": FORMAT, **to_json(report)}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(text: str) -> CohortReport:
    """Return the report in a text by `written`, of this version or an earlier one.

    Raises
    ------
    DamagedRecordError
        The text holds no report.
    """
    document = json.loads(text)
    del document["format"]
    return from_json(document, CohortReport)
