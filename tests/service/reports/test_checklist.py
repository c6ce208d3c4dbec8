"""What is open in a count is answered before it is signed, or its reason stays with the signature."""

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.rates import VALIDATED
from tests.service.conftest import reasons
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import export, sign
from tests.service.review.test_answers import API, refused

from marrowscope.analysis.numbers import Inferred
from marrowscope.analysis.patient import CountingSettings, read_patient
from marrowscope.domain.cells import FLAG_REVIEWED, FLAG_UNCERTAIN_BLAST, Cells
from marrowscope.domain.patient import FieldReading, FieldStatus, PatientReading, Waiver
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.service.errors import OpenPointsError
from marrowscope.service.reports.checklist import open_points, waived


def patient(kind: str, *flags: str, fields: int = 2, reviewed: bool = True) -> PatientReading:
    """Return a count of 300 cells of one type in each field."""
    n = 300
    none, all_ = np.zeros(n, np.float32), np.ones(n, bool)
    cells = Cells(np.zeros((n, 4), np.float32), none, (kind,) * n, none, none, ~all_, all_, (flags,) * n)
    scale = Scale(0.1, ScaleSource.METADATA)
    read = [FieldReading(f"{i}", FieldStatus.READ, cells, scale=scale) for i in range(fields)]
    inferred = Inferred(is_complete=reviewed)
    return read_patient("p", read, CountingSettings(), VALIDATED, inferred=inferred)


def names(of: PatientReading) -> list[str]:
    return [point.id for point in open_points(of, 500)]


def test_nothing_is_open_in_a_count_that_was_reviewed() -> None:
    assert names(patient("lymphocyte")) == []


def test_each_open_point_is_named() -> None:
    assert names(patient("unclassified")) == ["unclassified"]
    assert names(patient("lymphocyte", FLAG_UNCERTAIN_BLAST)) == ["uncertain_blasts"]
    assert names(patient("lymphocyte", FLAG_UNCERTAIN_BLAST, FLAG_REVIEWED)) == []
    assert names(patient("lymphocyte", reviewed=False)) == ["review"]
    assert names(patient("lymphocyte", fields=1)) == ["few_cells", "one_field"]
    texts = [point.text for point in open_points(patient("lymphocyte", FLAG_UNCERTAIN_BLAST, fields=1), 500)]
    assert texts == [
        "300 cells may be a blast or not, and no reader has named them.",
        "300 nucleated cells are counted; 500 are recommended.",
        "All cells are from one field.",
    ]


def test_every_open_point_needs_a_reason() -> None:
    points = open_points(patient("lymphocyte", fields=1), 500)
    with pytest.raises(OpenPointsError):
        waived(points, {"few_cells": "child"})
    with pytest.raises(OpenPointsError):
        waived(points, {"few_cells": "child", "one_field": "  "})
    found = waived(points, {"few_cells": "child", "one_field": " scarce ", "review": "not open"})
    assert found == (Waiver(points[0].text, "child"), Waiver("All cells are from one field.", "scarce"))


def test_a_count_with_open_points_is_signed_with_their_reasons(
    reviewer: TestClient, admin: TestClient, drawn: Drawn
) -> None:
    points = reviewer.get(f"{API}/analyses/{drawn.analysis}/checklist").json()["items"]
    assert "review" in {point["id"] for point in points}
    answer = sign(reviewer, drawn, waived={})
    refused(answer, 409, "open-points")
    assert answer.json()["points"] == points
    assert sign(reviewer, drawn, waived=reasons(reviewer, drawn.analysis)).status_code == 201
    page = export(reviewer, drawn, "report.html").decode()
    for point in points:
        assert f"Left open: {point['text']} Reason: seen at the microscope" in page
    entries = admin.get(f"{API}/audit?limit=20").json()["items"]
    (signed,) = [entry for entry in entries if entry["action"] == "analysis.sign"]
    assert signed["after"]["waived"] == [f"{point['text']} seen at the microscope" for point in points]
