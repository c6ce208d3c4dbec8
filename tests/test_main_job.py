"""The main job from files to files: bad input on its row, resuming, duplicates, scale."""

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import marrowscope
from marrowscope.domain.decision import Verdict
from marrowscope.domain.patient import CohortReport, FieldStatus
from marrowscope.errors import InputError
from marrowscope.models.runtime import Network
from marrowscope.progress import Progress
from tests.cohorts import analyse, blank, fields_of, table, write_fields

RESULTS = ("patients.csv", "cells.csv", "patients.xlsx", "report.html", "run.json")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cohort")
    write_fields(root / "Anna Müller", 3, seed=10)
    write_fields(root / "病人 2", 2, seed=20)
    (root / "病人 2" / "scan.kfb").write_bytes(b"\x01\x02 of a kind that nobody here knows")
    return root


@pytest.fixture(scope="module")
def finished(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[CohortReport, Path]:
    out = tmp_path_factory.mktemp("out")
    return analyse(cohort, out), out


def counted_in(folder: Path, out: Path) -> list[int]:
    return [len(patient.fields) for patient in analyse(folder, out).patients]


def test_patients_are_read_inside_a_pool_whose_workers_may_start_none(cohort: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(counted_in, (cohort, tmp_path / "out")) == [3, 2]


def test_every_promised_file_is_written(finished: tuple[CohortReport, Path]) -> None:
    report, out = finished
    assert all((out / name).stat().st_size > 0 for name in RESULTS)
    rows = table(out / "patients.csv")
    assert [row["patient"] for row in rows] == ["Anna Müller", "病人 2"]
    assert [row["images_passed_over"] for row in rows] == ["0", "1"]
    assert "scan.kfb" in rows[1]["reasons"]
    assert len(list((out / "annotated").rglob("*.jpg"))) == 5
    assert len(table(out / "cells.csv")) == sum(len(p.cells) for p in report.patients) > 0


def test_run_json_names_the_networks_the_inputs_and_the_settings(
    finished: tuple[CohortReport, Path],
) -> None:
    run = json.loads((finished[1] / "run.json").read_text("utf-8"))
    bundle = marrowscope.load_bundle()
    assert run["bundle"]["sha256"] == bundle.sha256
    assert all(len(entry["sha256"]) == 64 for patient in run["patients"] for entry in patient["inputs"])
    assert run["settings"]["rule"].startswith("over-20")


def test_counts_agree_between_files_and_values(finished: tuple[CohortReport, Path]) -> None:
    report, out = finished
    rows = {row["patient"]: row for row in table(out / "patients.csv")}
    cells = table(out / "cells.csv")
    for patient in report.patients:
        counted = [c for c in cells if c["patient"] == patient.patient and c["counted"] == "true"]
        assert int(rows[patient.patient]["counted"]) == len(counted) == patient.differential.counted
        assert int(rows[patient.patient]["blasts"]) == sum(c["is_blast"] == "true" for c in counted)


def test_few_cells_give_no_decision(finished: tuple[CohortReport, Path]) -> None:
    assert {p.decision.verdict for p in finished[0].patients} == {Verdict.INSUFFICIENT}


def test_processes_give_the_same_figures_and_alone_load_networks(
    cohort: Path, finished: tuple[CohortReport, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("networks in the process that only asks workers")

    monkeypatch.setattr(Network, "__init__", refuse)
    analyse(cohort, tmp_path, workers=2, threads=1)
    assert (tmp_path / "patients.csv").read_bytes() == (finished[1] / "patients.csv").read_bytes()


def test_an_interrupted_run_goes_on_to_the_same_bytes(
    cohort: Path, finished: tuple[CohortReport, Path], tmp_path: Path
) -> None:
    def stop_after_three(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(cohort, tmp_path, listener=stop_after_three)
    assert not (tmp_path / "patients.csv").exists()
    read_again: list[Progress] = []
    analyse(cohort, tmp_path, resume=True, listener=read_again.append)
    assert sum(p.stage == "reading" and p.field != "" for p in read_again) == 2
    for name in ("patients.csv", "cells.csv"):
        assert (tmp_path / name).read_bytes() == (finished[1] / name).read_bytes()


def test_a_killed_run_goes_on_to_the_same_bytes(
    cohort: Path, finished: tuple[CohortReport, Path], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "marrowscope", "analyse", str(cohort), "-o", str(tmp_path), "--quiet"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    recorded = tmp_path / ".marrowscope" / "fields"
    while running.poll() is None and len(list(recorded.glob("*.json"))) < 2:
        time.sleep(0.02)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert (tmp_path / "patients.csv").read_bytes() == (finished[1] / "patients.csv").read_bytes()


def test_results_below_the_images_are_not_read_as_images(tmp_path: Path) -> None:
    write_fields(tmp_path, 2, seed=50)

    def stop_after_one(progress: Progress) -> None:
        if progress.stage == "reading" and progress.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse(tmp_path, tmp_path / "results", listener=stop_after_one)
    assert list((tmp_path / "results" / "annotated").rglob("*.jpg"))
    report = analyse(tmp_path, tmp_path / "results", resume=True)
    assert len(fields_of(report)) == 2


def test_resuming_with_other_settings_is_refused(cohort: Path, tmp_path: Path) -> None:
    analyse(cohort / "病人 2", tmp_path)
    with pytest.raises(InputError, match="differ from the earlier run: mpp"):
        analyse(cohort / "病人 2", tmp_path, resume=True, mpp=0.2)


def test_bad_images_have_a_row_each_and_the_run_finishes(tmp_path: Path) -> None:
    patient = tmp_path / "in" / "patient"
    good = write_fields(patient, 1, seed=30)[0]
    (patient / "truncated.jpg").write_bytes(_as_jpeg(good)[:2000])
    (patient / "text.png").write_text("not an image")
    (patient / "nothing.png").write_bytes(b"")
    (patient / "copy of field.png").write_bytes(good.read_bytes())
    blank(patient / "white.png")
    blank(patient / "dot.png", (1, 1))
    (tmp_path / "in" / "empty").mkdir()
    with zipfile.ZipFile(patient / "more.zip", "w") as archive:
        archive.write(good, "inside.png")
        archive.write(good, "../outside.png")
    report = analyse(tmp_path / "in", tmp_path / "out")
    by_name = {p.patient: p for p in report.patients}
    assert not by_name["empty"].fields
    assert by_name["empty"].decision.verdict is Verdict.INSUFFICIENT
    fields = fields_of(report)
    failed = {name for name, field in fields.items() if field.status is FieldStatus.FAILED}
    assert failed == {"truncated.jpg", "text.png", "nothing.png", "dot.png"}
    assert all(fields[name].message and "\n" not in fields[name].message for name in failed)
    repeated = {name for name, field in fields.items() if field.status is FieldStatus.DUPLICATE}
    assert len(repeated) == 2, "the copy, and the one in the archive"
    assert not len(fields["white.png"].cells)
    assert any("outside" in flag or "../" in flag for flag in by_name["patient"].flags)
    assert not list(tmp_path.glob("**/outside*"))


def test_nothing_to_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        analyse(tmp_path / "missing", tmp_path / "out")
    (tmp_path / "no images").mkdir()
    (tmp_path / "no images" / "notes.txt").write_text("hello")
    with pytest.raises(InputError):
        analyse(tmp_path / "no images", tmp_path / "out")


def test_the_same_fields_at_other_sizes_give_as_many_cells(tmp_path: Path) -> None:
    found = {}
    for scale in (0.5, 1.0, 2.0):
        folder = tmp_path / f"at {scale}"
        write_fields(folder, 4, seed=40, cells=7, scale=scale)
        report = analyse(folder, tmp_path / f"out {scale}")
        found[scale] = len(report.patients[0].cells)
    assert found[1.0] > 20
    for scale in (0.5, 2.0):
        assert abs(found[scale] / found[1.0] - 1) <= 0.10, found


def _as_jpeg(path: Path) -> bytes:
    stream = io.BytesIO()
    Image.open(path).convert("RGB").save(stream, "JPEG")
    return stream.getvalue()
