"""The table on a terminal of 80 columns."""

from dataclasses import replace

import pytest
from tests.exports.fake_report import nine_patients, patient, report

from marrowscope.cli.tables import print_confusion, print_patients
from marrowscope.domain.percent import range_text


def test_no_two_patients_look_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names are folded, never cut short, and neither is a figure."""
    monkeypatch.setenv("COLUMNS", "80")
    cohort = nine_patients()
    names = [f"2026-marrow-ward-{number:02d}" for number in range(len(cohort.patients))]
    renamed = tuple(replace(p, patient=n) for p, n in zip(cohort.patients, names, strict=True))
    print_patients(replace(cohort, patients=renamed))
    said = capsys.readouterr().out
    assert "…" not in said
    together = "".join(line.split("  ")[0].strip() for line in said.splitlines()[4:])
    assert all(name in together for name in names)


def test_with_too_few_cells_nothing_is_named_as_what_decides(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_patients(report([patient("few", 0.3, 90), patient("many", 0.3, 500)]))
    rows = map(str.strip, capsys.readouterr().out.splitlines())
    few, many = (row for row in rows if row.startswith(("few", "many")))
    assert " – " in few
    share = patient("few", 0.3, 90).adjusted_interval
    assert share is not None
    assert range_text(share.low, share.high) not in few
    assert "valid" not in few
    assert "valid" in many


def test_what_is_known_of_patients_stands_beside_what_was_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    cohort = report([patient("patient_01", 0.3, truth="leukemia"), patient("patient_02", truth="healthy")])
    print_patients(cohort, {"patient_01": 34.7})
    print_confusion(cohort)
    lines = capsys.readouterr().out.splitlines()
    (heads,) = (line for line in lines if "true %" in line)
    row_of = {line.split()[0]: line for line in lines if line.strip()}
    end = heads.index("true %") + len("true %")
    assert row_of["patient_01"][:end].endswith(" 34.7")
    assert not row_of["patient_02"][end - 4 : end].strip()
    assert "no leukemia" in row_of["no"]
    assert "healthy" not in row_of
