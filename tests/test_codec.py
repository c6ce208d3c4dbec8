"""What is written down is read back whole: every field of every value, and what earlier versions wrote."""

import json
import math
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from marrowscope.codec import from_json, to_json
from marrowscope.domain.case.details import CaseDetails, Particles, Sex
from marrowscope.domain.case.laboratory import Laboratory
from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.cells import Cells
from marrowscope.domain.decision import WHO_2022, Basis, Clustering, Decision, Interval, Verdict
from marrowscope.domain.differential import count
from marrowscope.domain.patient import (
    Change,
    CohortReport,
    FieldReading,
    FieldStatus,
    ImageFigures,
    PatientReading,
    Provenance,
    Review,
    Signature,
    SlideReading,
    Waiver,
)
from marrowscope.domain.scale import Scale, ScaleSource, SizeScale, listed_scales, scales_by_size
from marrowscope.errors import DamagedRecordError

CHANGE = Change("Counted cells", "499", "500")
SEARCH = MegakaryocyteSearch(1.5, (MegakaryocyteCandidate((1, 2, 300, 400), 1200.0, 500.0, 0.9, True),))


def same(one: Any, other: Any) -> bool:
    """Compare values through and through; arrays by type, shape and content."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and bool((one == other).all())
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def fields_at_default(value: Any) -> list[str]:
    """Name the fields of a value, and of the values in it, that a forgetful codec would get right by luck."""
    found = []
    for f in fields(value):
        held = getattr(value, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if default is not MISSING and same(held, default):
            found.append(f"{type(value).__name__}.{f.name}")
        for inner in held if isinstance(held, tuple) else (held,):
            if is_dataclass(inner):
                found += fields_at_default(inner)
    return found


def a_field() -> FieldReading:
    cells = Cells(
        boxes=np.array([[0.1, 1.0, 40.7, 52.3], [7, 8, 9, 10]], np.float32),
        scores=np.array([0.1, 0.9], np.float32),
        cell_types=("blast", "lymphocyte"),
        probability=np.array([1 / 3, 0.7], np.float32),
        p_blast=np.array([1 / 3, 1e-9], np.float32),
        is_blast=np.array([True, False]),
        is_counted=np.array([False, True]),
        flags=(("border", "uncertain"), ()),
        second_types=("lymphocyte", "blast"),
        second_probability=np.array([0.3, 0.2], np.float32),
    )
    return FieldReading(
        "a/b.png", FieldStatus.READ, cells, "read twice", 640, 480,
        Scale(0.1, ScaleSource.RED_CELLS, "the files state 1"), ("dark",), ("turned upright",), "ab" * 32,
        True, "myeloblast", ImageFigures((231.0, 225.5, 228.0), 120.5, 0.14), (100, 200), SEARCH, 6,
        (0, 80, 640, 400),
    )  # fmt: skip


def a_patient(review: Review | None) -> PatientReading:
    shares = [Interval(0.1 * n, 0.01 * n, 0.2 * n, 0.95, f"method {n}") for n in range(1, 6)]
    decision = Decision(WHO_2022, Verdict.INDETERMINATE, ("it is close",), 123, Basis.VALIDATED, "10 to 19 %")
    return PatientReading(
        patient="P-017",
        fields=(a_field(), FieldReading("c.png", FieldStatus.READ)),
        differential=count(a_field().cells, ("promonocyte",)),
        blast_interval=shares[0],
        adjusted_interval=shares[1],
        decision=decision,
        clustering=Clustering(3, 0.2, 1.5, math.inf),
        exact_interval=shares[2],
        bootstrap_interval=shares[3],
        expected_interval=shares[1],
        looks_again=True,
        limits=("mast cells are not named",),
        reviewed_interval=shares[4],
        alternatives=(decision,),
        flags=("two fields are dark",),
        truth="leukemia",
        passed_over=("slide.bin",),
        slides=(SlideReading("s.svs", "cd" * 32, 9000, 8000, 0.25, 3.5, 1.2, 50, 18, 2, SEARCH),),
        review=review,
        details=CaseDetails(
            Specimen.BLOOD,
            44.5,
            Sex.FEMALE,
            "left iliac crest",
            Particles.PRESENT,
            "2026-03-14",
            "2026-03-15",
            "Dr Wu",
            "A-17",
            "Giemsa",
            "good",
            "fever",
            ("blasts.auer_rods",),
            "two\nlines",
            "as counted",
        ),
    )


def a_report() -> CohortReport:
    waiver = Waiver("All cells are from one field.", "scarce")
    signature = Signature(2, "Rita", "2026-11-28T12:00:00Z", "reviewed", "a smudge", (CHANGE,), (waiver,))
    review = Review(a_patient(None), 3, 2, 1, signature)
    provenance = Provenance("1.0", "b 1", "ab" * 32, "t0", "t1", {"rule": "over-20"}, {"reading": 1.5})
    return CohortReport((a_patient(review),), provenance, Laboratory("Ours", ("1 High Street",)))


def test_a_report_is_read_back_whole() -> None:
    report = a_report()
    text = json.dumps(to_json(report), allow_nan=False)
    assert same(from_json(json.loads(text), CohortReport), report)


def test_no_field_of_that_report_would_be_right_by_its_default() -> None:
    allowed = {"PatientReading.review"}  # the networks' own reading has none
    whole = a_report().patients[0]
    assert set(fields_at_default(whole.fields[0])) == set()
    assert whole.review is not None
    forgotten = {
        name for name in fields_at_default(whole) if not name.startswith(("FieldReading.", "Cells."))
    }
    assert forgotten <= allowed


def test_a_field_without_cells_keeps_its_shapes() -> None:
    reading = FieldReading("empty.png", FieldStatus.DUPLICATE)
    assert same(from_json(json.loads(json.dumps(to_json(reading))), FieldReading), reading)


def test_what_earlier_versions_wrote_is_read() -> None:
    document = to_json(a_field())
    scale = document.pop("scale")
    earlier = {**document, "mpp": scale["mpp"], "scale_source": scale["source"]}
    known = replace(a_field(), scale=Scale(0.1, ScaleSource.RED_CELLS))  # remarks came later
    assert same(from_json(earlier, FieldReading), known)
    assert from_json({**document, "mpp": None, "scale_source": ""}, FieldReading).scale is None
    unbounded = to_json(Clustering(1, 0.0, 1.0, math.inf)) | {"freedom": None, "measured_icc": None}
    assert from_json(unbounded, Clustering).freedom == math.inf


def test_scales_are_read_back() -> None:
    scales = {(640, 480): Scale(0.1, ScaleSource.GIVEN), (10, 20): Scale(0.25, ScaleSource.PATIENT)}
    text = json.dumps(to_json(listed_scales(scales)))
    assert scales_by_size(from_json(json.loads(text), tuple[SizeScale, ...])) == scales


@pytest.mark.parametrize(
    "change",
    [{"scale": {"mpp": 0.1, "source": "hearsay"}}, {"status": "lost"}, {"cells": 3}, {"remark": "x"}],
)
def test_a_document_that_holds_something_else_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedRecordError, match="FieldReading"):
        from_json({**to_json(a_field()), **change}, FieldReading)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 0.1, -0.0])
def test_every_number_is_read_back(number: float) -> None:
    clustering = Clustering(1, number, 1.0, number)
    text = json.dumps(to_json(clustering), allow_nan=False)
    read = from_json(json.loads(text), Clustering)
    assert str(read.freedom) == str(read.icc) == str(number)
