"""A report as the text that is kept of it: every figure as it was printed, none computed again when read.

A newer version of the software, other networks or another rule change nothing of a signed report.
"""

import hashlib
import json

from marrowscope.codec import from_json, to_json
from marrowscope.domain.patient import CohortReport

FORMAT = 2
"""Format 1 left out four figures of a patient, and sorted all names."""


def written(report: CohortReport) -> tuple[str, str]:
    """Return a report as text, and the text's SHA-256."""
    document = {"format": FORMAT, **to_json(report)}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read(text: str) -> CohortReport:
    """Return the report that `written`, of this version or an earlier one, wrote down.

    Raises
    ------
    DamagedRecordError
        The text holds no report.
    """
    document = json.loads(text)
    del document["format"]
    return from_json(document, CohortReport)
