"""Analyses: the figures of the command line, whatever dies on the way; stopped, repeated, in order."""

import csv
import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select
from tests.cohorts import blank, write_fields, write_windows
from tests.service.uploaded import API, new_patient, rows, send

import marrowscope
from marrowscope.domain.cells import FLAG_REPEATED
from marrowscope.exports.tables import PATIENT_COLUMNS, csv_text, patient_row
from marrowscope.service.analyses import analyses, count
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Cell

ENDED = {"done", "failed", "cancelled"}


@pytest.fixture
def with_jobs() -> bool:
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient: fields of two sizes, a copy, a broken image, two fields that overlap."""
    root = tmp_path_factory.mktemp("cohort") / "P 1"
    (small,) = write_fields(root, 1, seed=20, scale=0.5)
    small.rename(root / "half.png")
    write_fields(root, 3, seed=10)
    (root / "copy.png").write_bytes((root / "field_00.png").read_bytes())
    (root / "broken.png").write_bytes((root / "field_00.png").read_bytes()[:5000])
    blank(root / "blank.png")
    write_windows(root, (0, 0), (180, 120))
    return root


@pytest.fixture(scope="module")
def by_command_line(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("out")
    marrowscope.analyse(folder, out)
    with (out / "patients.csv").open(newline="", encoding="utf-8") as stream:
        (row,) = csv.DictReader(stream)
    return row


def files_of(folder: Path) -> list[tuple[str, bytes]]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return [(path.relative_to(folder).as_posix(), path.read_bytes()) for path in found]


def filled(client: TestClient, folder: Path, name: str = "P 1") -> str:
    patient = new_patient(client, name)
    assert send(client, patient, *files_of(folder)).status_code == 200
    return patient


def ask(client: TestClient, patient: str, **wish: Any) -> dict[str, Any]:
    answer = client.post(f"{API}/patients/{patient}/analyses", json=wish)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{API}/analyses/{answer.json()['id']}"
    asked: dict[str, Any] = answer.json()
    return asked


def wait_for(client: TestClient, analysis: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    for _ in range(1200):
        shown: dict[str, Any] = client.get(f"{API}/analyses/{analysis}").json()
        if until(shown):
            return shown
        time.sleep(0.1)
    raise AssertionError(shown)


def ended(client: TestClient, analysis: str) -> dict[str, Any]:
    return wait_for(client, analysis, lambda shown: shown["status"] in ENDED)


def row_of(database: Database, analysis_id: str) -> dict[str, str]:
    """The patient's row of patients.csv, from what the service holds."""
    with database.reading() as session:
        reading = count.network_reading(session, analyses.get(session, analysis_id))
    row = patient_row(reading)
    return {name: csv_text(row[name]) for name in PATIENT_COLUMNS}


def workers_of_this_process() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]


@pytest.mark.slow
def test_the_figures_are_those_of_the_command_line(
    reviewer: TestClient,
    viewer: TestClient,
    database: Database,
    folder: Path,
    by_command_line: dict[str, str],
) -> None:
    patient = filled(reviewer, folder)
    asked = ask(reviewer, patient)
    assert (asked["status"], asked["total"]) == ("queued", 9)
    done = ended(viewer, asked["id"])
    assert (done["status"], done["done"], done["failed"]) == ("done", 9, 1)
    assert row_of(database, asked["id"]) == by_command_line

    shown = viewer.get(f"{API}/patients/{patient}").json()
    assert shown["status"] == "done"
    assert shown["result"]["counted"] == int(by_command_line["counted"])
    assert shown["result"]["decision"] == by_command_line["decision"]
    fields = viewer.get(f"{API}/patients/{patient}/fields").json()["items"]
    assert {f["name"]: f["status"] for f in fields} == {
        "0.jpg": "read", "1.jpg": "read", "blank.png": "read", "broken.png": "failed", "copy.png": "read",
        "field_00.png": "duplicate", "field_01.png": "read", "field_02.png": "read", "half.png": "read",
    }  # fmt: skip
    _cells_are_whole(viewer, asked["id"], fields, int(by_command_line["cells"]))

    # What an analysis has read stays, and a second one may be asked for when the first has ended.
    assert reviewer.delete(f"{API}/fields/{fields[0]['id']}").status_code == 409
    again = ask(reviewer, patient, rule="who-2022", mpp=0.1)
    assert reviewer.post(f"{API}/patients/{patient}/analyses", json={}).status_code == 409
    assert ended(viewer, again["id"])["rule"] == "who-2022"


def _cells_are_whole(client: TestClient, analysis: str, fields: list[dict[str, Any]], expected: int) -> None:
    items = client.get(f"{API}/analyses/{analysis}/cells").json()["items"]
    assert len(items) == expected == sum(field["cells"] for field in fields) > 0
    repeated = [cell for cell in items if FLAG_REPEATED in cell["flags"]]
    names = {field["id"]: field["name"] for field in fields}
    assert {names[cell["field_id"]] for cell in repeated} == {"1.jpg"}
    assert not any(cell["counted"] for cell in repeated)
    first = client.get(f"{API}/analyses/{analysis}/cells?limit=3").json()
    rest = client.get(f"{API}/analyses/{analysis}/cells?cursor={first['next']}").json()
    assert first["items"] + rest["items"] == items
    surest = client.get(f"{API}/analyses/{analysis}/cells?sort=confidence&limit=4").json()
    others = client.get(f"{API}/analyses/{analysis}/cells?sort=confidence&cursor={surest['next']}").json()
    sure = [cell["probability"] for cell in surest["items"] + others["items"]]
    assert sure == sorted(sure, reverse=True)
    assert len(sure) == expected
    kind = items[0]["type"]
    of_kind = client.get(f"{API}/analyses/{analysis}/cells?type={kind}").json()["items"]
    assert of_kind == [cell for cell in items if cell["type"] == kind]
    cell = items[0]
    assert client.get(f"{API}/cells/{cell['id']}").json() == cell
    for size in (96, 200):
        crop = Image.open(io.BytesIO(client.get(f"{cell['crop']}?size={size}").content))
        assert crop.size == (size, size)
    sheet = client.get(f"{API}/analyses/{analysis}/sheets/{cell['field_id']}.jpg")
    assert Image.open(io.BytesIO(sheet.content)).width == 16 * 96


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(
    reviewer: TestClient, database: Database, folder: Path, by_command_line: dict[str, str]
) -> None:
    asked = ask(reviewer, filled(reviewer, folder))
    for number in (2, 4):
        wait_for(reviewer, asked["id"], lambda shown, n=number: shown["done"] >= n)  # type: ignore[misc]  # mypy cannot type a lambda's default
        for worker in workers_of_this_process():
            os.kill(worker.pid, signal.SIGKILL)
    assert ended(reviewer, asked["id"])["status"] == "done"
    assert row_of(database, asked["id"]) == by_command_line


@pytest.mark.slow
def test_progress_is_told_until_the_end(reviewer: TestClient, folder: Path) -> None:
    asked = ask(reviewer, filled(reviewer, folder))
    told = reviewer.get(f"{API}/analyses/{asked['id']}/events").text
    assert told.count("event: progress") >= 2
    assert '"status":"done"' in told.rsplit("event: progress", 1)[1]


@pytest.mark.parametrize("with_jobs", [False])
class TestWithoutWorkers:
    """What can be seen while nothing is run."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"queue_analyses": 2})

    def test_a_full_queue_pushes_back(self, reviewer: TestClient, folder: Path) -> None:
        patients = [filled(reviewer, folder, f"P {number}") for number in range(3)]
        first, _ = ask(reviewer, patients[0]), ask(reviewer, patients[1])
        refused = reviewer.post(f"{API}/patients/{patients[2]}/analyses", json={})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        cancelled = reviewer.post(f"{API}/analyses/{first['id']}/cancel").json()
        assert cancelled["status"] == "cancelled"
        assert reviewer.post(f"{API}/analyses/{first['id']}/cancel").status_code == 409
        ask(reviewer, patients[2])
        queued = reviewer.get(f"{API}/analyses?status=queued&limit=1").json()
        rest = reviewer.get(f"{API}/analyses?status=queued&cursor={queued['next']}").json()
        assert [each["patient_id"] for each in queued["items"] + rest["items"]] == patients[:0:-1]

    def test_what_cannot_be_analysed(self, reviewer: TestClient, viewer: TestClient, folder: Path) -> None:
        empty = new_patient(reviewer)
        patient = filled(reviewer, folder)
        for client, whose, wish, status in (
            (reviewer, empty, {}, 422),
            (reviewer, "0" * 32, {}, 404),
            (reviewer, patient, {"rule": "mine"}, 422),
            (reviewer, patient, {"bundle": "/etc"}, 404),
            (reviewer, patient, {"mpp": 100}, 422),
            (reviewer, patient, {"priority": "high"}, 422),
            (viewer, patient, {}, 403),
        ):
            answer = client.post(f"{API}/patients/{whose}/analyses", json=wish)
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        asked = ask(reviewer, patient)
        assert rows(send(reviewer, empty, ("a.png", (folder / "field_00.png").read_bytes())))
        late = send(reviewer, patient, ("late.png", (folder / "field_00.png").read_bytes()))
        assert late.status_code == 409
        assert reviewer.post(f"{API}/analyses/{asked['id']}/retry").status_code == 409


@pytest.mark.slow
def test_cancelled_work_is_taken_up_again(
    reviewer: TestClient, database: Database, folder: Path, by_command_line: dict[str, str]
) -> None:
    asked = ask(reviewer, filled(reviewer, folder))
    wait_for(reviewer, asked["id"], lambda shown: shown["done"] > 2)
    assert reviewer.post(f"{API}/analyses/{asked['id']}/cancel").json()["status"] == "cancelled"
    time.sleep(1.5)  # what was being read comes back and must not count
    assert reviewer.get(f"{API}/analyses/{asked['id']}").json()["status"] == "cancelled"
    assert reviewer.post(f"{API}/analyses/{asked['id']}/retry").json()["status"] == "queued"
    assert ended(reviewer, asked["id"])["status"] == "done"
    assert row_of(database, asked["id"]) == by_command_line
    with database.reading() as session:
        cells = session.scalars(select(Cell).where(Cell.analysis_id == asked["id"])).all()
        assert len(cells) == int(by_command_line["cells"])
