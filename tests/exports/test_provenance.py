"""The record of a run is complete, ordered, and JSON whatever names it holds."""

import json
from pathlib import Path

import pytest

from marrowscope.exports.provenance import NOTICE, write_run_json

from .fake_report import failed_field, nine_patients, patient, report


def test_the_record_names_inputs_settings_and_failures(tmp_path: Path) -> None:
    write_run_json(nine_patients(), tmp_path / "run.json", {"b": 1, "a": ["--mpp", "0.1"]})
    document = json.loads((tmp_path / "run.json").read_bytes())
    assert document["notice"] == NOTICE
    assert document["bundle"] == {"name": "marrowscope-1", "sha256": "4c1d" * 16}
    assert list(document["settings"]) == sorted(document["settings"])
    assert list(document)[-2:] == ["a", "b"]
    assert len(document["patients"]) == 9
    assert document["patients"][0]["inputs"][0]["sha256"] == "ab" * 32
    assert {"patient": "P03", "field": "slide 1/notes.png", "message": "not an image: text"} in document[
        "failures"
    ]


def test_equal_reports_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run_json(nine_patients(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_names_need_not_be_unicode(tmp_path: Path) -> None:
    cohort = report([patient("\udcff", fields=0, cells=0, extra=[failed_field("a\udcfe.jpg", "unreadable")])])
    write_run_json(cohort, tmp_path / "run.json")
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["failures"][0]["field"] == "a�.jpg"


def test_an_extra_fact_cannot_hide_the_records_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="version"):
        write_run_json(nine_patients(), tmp_path / "run.json", {"version": "0"})
