"""Counts that go on: until they decide, or with more images than the report before."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.domain.decision import Basis, Verdict, custom_rule
from marrowscope.models.bundle import load_bundle
from marrowscope.models.bundle_writer import BundleContent, write_bundle
from marrowscope.validations import FOLDER
from tests.cohorts import analyse, write_fields
from tests.rates import settled_by

RULE = custom_rule(95, inclusive=False)  # no smear drawn here comes near it


@pytest.fixture
def validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled_by(tmp_path / "validations", monkeypatch)


@pytest.mark.usefixtures("validated")
def test_reading_ends_when_the_count_decides(tmp_path: Path) -> None:
    write_fields(tmp_path / "patient", 30)
    report = analyse(tmp_path / "patient", tmp_path / "out", rule=RULE, floor=20, until_settled=True)
    (patient,) = report.patients
    assert patient.decision.verdict is Verdict.NEGATIVE
    assert patient.decision.decided_by is Basis.VALIDATED
    assert len(patient.fields) in {10, 20}
    assert f"decided after {len(patient.fields)} of 30 fields, drawn at random" in patient.flags[0]
    assert [field.name for field in patient.fields] != [f"field_{n:02d}.png" for n in range(10)]
    assert patient.adjusted_interval is not None
    assert patient.adjusted_interval.level > 0.99


def test_without_known_errors_every_field_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "none"))
    write_fields(tmp_path / "patient", 12)
    content = replace(BundleContent.of(load_bundle()), laboratories=())
    report = analyse(
        tmp_path / "patient",
        tmp_path / "out",
        rule=RULE,
        floor=20,
        until_settled=True,
        bundle=write_bundle(tmp_path / "bundle", content).folder,
    )
    (patient,) = report.patients
    assert len(patient.fields) == 12
    assert patient.decision.verdict is Verdict.INDETERMINATE
    assert patient.decision.decided_by is Basis.NONE


@pytest.mark.usefixtures("validated")
def test_more_images_are_another_look_and_stay_one(tmp_path: Path) -> None:
    images, out = tmp_path / "patient", tmp_path / "out"
    write_fields(images, 6)
    looks = []
    for more in (0, 6, 0):
        if more:
            write_fields(images, more + 6)
        (patient,) = analyse(images, out, rule=RULE, floor=20, resume=(out / "run.json").exists()).patients
        (record,) = json.loads((out / "run.json").read_text("utf-8"))["patients"]
        assert record["looks_again"] is patient.looks_again
        looks.append(patient.looks_again)
    assert looks == [False, True, True]
