"""Live sessions: what comes in is counted as it comes, and the end is an ordinary analysis."""

import io
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import update
from tests.service.again import OWNER
from tests.service.analyses.test_analyses import ask
from tests.service.analyses.test_repeated_cells import repeated, sheet
from tests.service.drawn import Drawn
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.domain.patient import FieldReading
from marrowscope.live.folder import WatchedFolder
from marrowscope.pipeline import SCALE_SAMPLE
from marrowscope.service.analyses import live
from marrowscope.service.clock import now
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs import queue, watcher
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.queue import FieldWork, ReadingResources, ScaleWork
from marrowscope.service.jobs.timekeeper import Timekeeper
from marrowscope.service.live import intake
from marrowscope.service.rest.dependencies import Service
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis, LiveSession

pytestmark = pytest.mark.drawn(cells=12, fields=2, seed=5)


class Reader:
    """Reads what waits: a field shows `cells`, all of them on one sheet."""

    def __init__(self, app: FastAPI, readings: tuple[FieldReading, ...]) -> None:
        self._service: Service = app.state.service
        self._readings = readings
        self._pictured = self._service.blobs.put(sheet(len(readings[0].cells)))
        self.measured: list[int] = []

    def read_all(self, number: int = 0) -> list[str]:
        """Do all work; fields show the cells of one drawn reading."""
        read = []
        while (work := self._claim()) is not None:
            with self._service.database.writing() as session:
                if isinstance(work, ScaleWork):
                    self.measured.append(len(work.sample))
                    assert queue.record_scales(session, OWNER, work, {})
                else:
                    read.append(work.task.source.name)
                    self._record(session, work, number)
        return read

    def _claim(self) -> Any:
        resources = ReadingResources(self._service.blobs, limits_of(self._service.settings), 1)
        with self._service.database.writing() as session:
            return queue.claim(session, OWNER, resources)

    def _record(self, session: Any, work: FieldWork, number: int) -> None:
        own = replace(self._readings[number], name=work.task.source.name, sha256=work.task.sha256)
        assert queue.record_reading(
            session, OWNER, work, own, (self._pictured, None), blobs=self._service.blobs
        )


@pytest.fixture
def reader(app: FastAPI, drawn: Drawn) -> Reader:
    return Reader(app, drawn.readings)


def start(client: TestClient, patient: str, **wish: Any) -> str:
    answer = client.post(f"{API}/patients/{patient}/live", json=wish)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "live"
    return str(answer.json()["id"])


def shown(client: TestClient, analysis: str) -> dict[str, Any]:
    answer = client.get(f"{API}/analyses/{analysis}/live")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_images_are_counted_as_they_come_and_the_end_is_an_ordinary_analysis(
    reviewer: TestClient, viewer: TestClient, reader: Reader, drawn: Drawn
) -> None:
    patient = new_patient(reviewer, "P 2")
    analysis = start(reviewer, patient)
    assert shown(viewer, analysis)["count"]["counted"] == 0
    assert send(reviewer, patient, ("1.png", png(1))).status_code == 200
    assert shown(viewer, analysis)["waiting"] == 1
    assert reader.read_all() == ["1.png"]
    first = shown(viewer, analysis)
    counted = int(drawn.readings[0].cells.is_counted.sum())
    assert (first["count"]["counted"], first["to_go"], first["waiting"]) == (counted, 500 - counted, 0)
    assert first["newest"] == {"name": "1.png", "cells": len(drawn.readings[0].cells)}
    # The same cells on another field: two fields overlap, and nothing is counted twice.
    assert send(reviewer, patient, ("2.png", png(2))).status_code == 200
    assert reader.read_all() == ["2.png"]
    second = shown(viewer, analysis)
    assert (second["count"]["counted"], second["repeated"]) == (counted, counted)
    closed = reviewer.post(f"{API}/analyses/{analysis}/close").json()
    assert closed["status"] == "done"
    assert sum(repeated(reviewer, analysis)) == counted
    differential = reviewer.get(f"{API}/analyses/{analysis}/differential").json()
    assert differential["model"]["counted"] == counted
    assert differential["model"]["ci_high"] == second["count"]["ci_high"]  # that of repeated looks
    refused = send(reviewer, patient, ("3.png", png(3)))
    assert rows(refused) == [("3.png", "stored")]  # now an image of the patient, and of no analysis
    assert reviewer.get(f"{API}/analyses/{analysis}").json()["total"] == 2
    done = {entry["action"] for entry in reviewer.get(f"{API}/patients/{patient}/audit").json()["items"]}
    assert {"live.start", "live.close", "files.add", "analysis.done"} <= done


def test_what_is_not_counted_is_told_with_its_reason(
    reviewer: TestClient, reader: Reader, database: Database
) -> None:
    patient = new_patient(reviewer, "P 2")
    analysis = start(reviewer, patient)
    small, large = png(1, width=320, height=240), png(1, width=640, height=480)
    send(reviewer, patient, ("a.png", small), ("broken.png", b"\x89PNG and no more"))
    assert reader.read_all() == ["a.png"]
    assert [(each["name"], each["is_copy"]) for each in shown(reviewer, analysis)["passed_over"]] == [
        ("broken.png", False)
    ]
    send(reviewer, patient, ("again.png", small))
    assert ("again.png", True) in [
        (each["name"], each["is_copy"]) for each in shown(reviewer, analysis)["passed_over"]
    ]
    before = shown(reviewer, analysis)["count"]["counted"]
    # A broken file that is written to its end is read, and no longer passed over.
    send(reviewer, patient, ("broken.png", large))
    assert reader.read_all(1) == ["broken.png"]
    found = shown(reviewer, analysis)
    assert "broken.png" not in [each["name"] for each in found["passed_over"]]
    assert found["count"]["counted"] >= before
    assert reviewer.post(f"{API}/analyses/{analysis}/close").json()["status"] == "done"


def test_a_larger_image_of_the_same_field_takes_the_place_of_what_was_read(
    reviewer: TestClient, reader: Reader, drawn: Drawn
) -> None:
    patient = new_patient(reviewer, "P 2")
    analysis = start(reviewer, patient)
    field = png(1)
    stream = io.BytesIO()
    with Image.open(io.BytesIO(field)) as image:
        image.resize((640, 480), Image.Resampling.BICUBIC).save(stream, "PNG")
    send(reviewer, patient, ("small.png", field))
    reader.read_all()
    send(reviewer, patient, ("large.png", stream.getvalue()))
    waiting = shown(reviewer, analysis)
    assert (waiting["count"]["counted"], waiting["waiting"]) == (0, 1)
    assert reader.read_all() == ["large.png"]
    after = shown(reviewer, analysis)
    assert after["count"]["counted"] == int(drawn.readings[0].cells.is_counted.sum())
    assert [each["name"] for each in after["passed_over"]] == ["small.png"]
    status = {field["name"]: field["status"] for field in listed(reviewer, patient)}
    assert status == {"small.png": "duplicate", "large.png": "read"}


def test_images_that_were_there_are_part_of_it_as_they_were_read(
    reviewer: TestClient, reader: Reader
) -> None:
    patient = new_patient(reviewer, "P 2")
    send(reviewer, patient, ("1.png", png(1)))
    ask(reviewer, patient)
    reader.read_all()
    analysis = start(reviewer, patient)
    assert shown(reviewer, analysis)["newest"]["name"] == "1.png"
    send(reviewer, patient, ("2.png", png(2)))
    assert reader.read_all(1) == ["2.png"]


def test_the_scale_is_measured_anew_while_fields_come(reviewer: TestClient, reader: Reader) -> None:
    patient = new_patient(reviewer, "P 2")
    start(reviewer, patient)
    reader.read_all()
    for number in range(2 * SCALE_SAMPLE + 1):
        send(reviewer, patient, (f"{number}.png", png(number)))
        reader.read_all()
    assert reader.measured[:4] == [0, 1, 2, 4]
    assert reader.measured == sorted(set(reader.measured))
    assert sum(number >= SCALE_SAMPLE for number in reader.measured) == 1


def test_who_may_what_and_when(reviewer: TestClient, viewer: TestClient, reader: Reader) -> None:
    patient = new_patient(reviewer, "P 2")
    assert viewer.post(f"{API}/patients/{patient}/live").status_code == 403
    analysis = start(reviewer, patient)
    assert viewer.post(f"{API}/analyses/{analysis}/close").status_code == 403
    assert reviewer.post(f"{API}/patients/{patient}/live").status_code == 409
    assert reviewer.post(f"{API}/patients/{patient}/analyses").status_code == 409
    assert viewer.get(f"{API}/patients/{patient}").json()["status"] == "live"
    closed = reviewer.post(f"{API}/analyses/{analysis}/close").json()
    assert (closed["status"], "nothing was read" in closed["message"]) == ("cancelled", True)
    assert reviewer.post(f"{API}/analyses/{analysis}/close").status_code == 409
    assert viewer.get(f"{API}/analyses/{analysis}/live").status_code == 409
    again = start(reviewer, patient)
    assert reviewer.post(f"{API}/analyses/{again}/cancel").json()["status"] == "cancelled"


def test_a_session_is_closed_while_an_image_is_taken_in(
    reviewer: TestClient, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = new_patient(reviewer, "P 2")
    analysis = start(reviewer, patient)
    send(reviewer, patient, ("1.png", png(1)))
    reader.read_all()
    follow, answers = live.follow, []
    closing = threading.Thread(
        target=lambda: answers.append(reviewer.post(f"{API}/analyses/{analysis}/close").json()["status"])
    )

    def closed_meanwhile(session: Any, patient_id: str) -> None:
        closing.start()
        closing.join(1)  # as far as it comes: it waits for this transaction
        follow(session, patient_id)

    monkeypatch.setattr(live, "follow", closed_meanwhile)
    assert rows(send(reviewer, patient, ("2.png", png(2)))) == [("2.png", "stored")]
    closing.join()
    assert answers == ["running"], "what was taken in is still to be read"
    reader.read_all()
    ended = reviewer.get(f"{API}/analyses/{analysis}").json()
    assert (ended["status"], ended["done"], ended["total"]) == ("done", 2, 2)


def test_a_session_left_open_ends_as_if_somebody_had_closed_it(
    reviewer: TestClient, reader: Reader, app: FastAPI, database: Database, settings: Settings
) -> None:
    left, unused, going_on = (new_patient(reviewer, name) for name in ("P 2", "P 3", "P 4"))
    analyses = [start(reviewer, patient) for patient in (left, unused, going_on)]
    send(reviewer, left, ("1.png", png(1)))
    reader.read_all()
    long_ago = now() - timedelta(hours=settings.live_idle_hours, minutes=1)
    with database.writing() as session:
        session.execute(update(Analysis).values(changed_at=long_ago))
    send(reviewer, going_on, ("2.png", png(2)))
    service: Service = app.state.service
    timekeeper = Timekeeper(settings, database, service.blobs)
    timekeeper.start()

    def states() -> list[str]:
        return [reviewer.get(f"{API}/analyses/{each}").json()["status"] for each in analyses]

    while states().count("live") > 1:
        threading.Event().wait(0.05)
    timekeeper.stop()
    assert states() == ["done", "cancelled", "live"]
    told = reviewer.get(f"{API}/patients/{left}/audit").json()["items"]
    (closed,) = [entry for entry in told if entry["action"] == "live.close"]
    assert (closed["actor"], closed["after"]["fields"]) == ("system", 1)


class TestFolders:
    @pytest.fixture
    def captures(self, tmp_path: Path) -> Path:
        folder = tmp_path / "captures"
        (folder / "P 2").mkdir(parents=True)
        (tmp_path / "secret").mkdir()
        (folder / "link").symlink_to(tmp_path / "secret")
        return folder

    @pytest.fixture
    def settings_more(self, captures: Path) -> dict[str, Any]:
        return {"live_folders": (captures,)}

    def test_folders_are_those_of_the_settings_and_none_besides(
        self, reviewer: TestClient, viewer: TestClient, captures: Path
    ) -> None:
        assert viewer.get(f"{API}/live/folders").status_code == 403
        names = [each["name"] for each in reviewer.get(f"{API}/live/folders").json()["items"]]
        assert names == ["captures", "captures/P 2"]
        patient = new_patient(reviewer, "P 2")
        for wrong in ("captures/link", "captures/../secret", str(captures), "/etc", "secret"):
            answer = reviewer.post(f"{API}/patients/{patient}/live", json={"folder": wrong})
            assert answer.status_code == 422, wrong

    def test_a_folder_serves_one_session_and_earlier_images_are_left(
        self, reviewer: TestClient, captures: Path, database: Database, reader: Reader
    ) -> None:
        (captures / "P 2" / "old.png").write_bytes(png(1))
        analysis = start(reviewer, new_patient(reviewer, "P 2"), folder="captures/P 2")
        with database.reading() as session:
            live = session.get_one(LiveSession, analysis)
            assert list(live.earlier) == ["old.png"]
        other = new_patient(reviewer, "P 3")
        for taken in ("captures", "captures/P 2"):
            answer = reviewer.post(f"{API}/patients/{other}/live", json={"folder": taken})
            assert "another session" in answer.json()["detail"]

    @pytest.fixture
    def watching(
        self, app: FastAPI, settings: Settings, captures: Path, tmp_path: Path
    ) -> Iterator[watcher.FolderWatcher]:
        """A watcher that is not started, by which a file may have 100,000 bytes."""
        presence = Presence(tmp_path / "servers")
        service: Service = app.state.service
        small = settings.model_copy(update={"request_bytes": 100_000})
        found = watcher.FolderWatcher(small, service.database, service.blobs, presence)
        yield found
        found.stop()
        presence.leave()

    def test_one_hostile_file_keeps_no_other_waiting(
        self,
        reviewer: TestClient,
        captures: Path,
        watching: watcher.FolderWatcher,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder = captures / "P 2"
        os.mkfifo(folder / "pipe.png")  # nobody ever writes to it
        (folder / "bug.png").write_bytes(png(1))
        with (folder / "huge.png").open("wb") as huge:
            huge.truncate(1 << 42)
        (folder / "secret.png").symlink_to("/etc/hostname")
        (folder / ("x" * 200 + "\n\x1b.png")).write_bytes(png(2))
        (folder / "good.png").write_bytes(png(3))
        for number, name in enumerate(("pipe.png", "bug.png", "huge.png")):
            os.utime(folder / name, (number, number))

        def failing(*given: Any, examined: Any, **more: Any) -> Any:
            files = list(examined)
            if any(file.name == "bug.png" for file in files):
                raise ValueError("a bug")
            return intake.take_in(*given, examined=files, **more)

        monkeypatch.setattr(watcher, "take_in", failing)
        patient = new_patient(reviewer, "P 2")
        start(reviewer, patient, folder="captures/P 2", takes_earlier=True)
        watching.start()
        while len(found := listed(reviewer, patient)) < 3:
            threading.Event().wait(0.05)
        states = {field["name"]: (field["status"], field["message"]) for field in found}
        assert states["good.png"] == ("stored", "")
        assert "more than the limit" in states.pop("huge.png")[1]
        assert all(name.isprintable() for name in states)
        assert len(states) == 2

    def test_what_gave_way_to_a_link_or_a_pipe_since_it_was_listed_is_not_taken(
        self,
        reviewer: TestClient,
        captures: Path,
        watching: watcher.FolderWatcher,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        folder, secret = captures / "P 2", captures.parent / "secret"
        (folder / "inner").mkdir()
        for number, path in enumerate((folder / "link.png", folder / "pipe.png", folder / "inner" / "a.png")):
            path.write_bytes(png(number))
            os.utime(path, (number, number))
        (folder / "last.png").write_bytes(png(4))
        for name in ("link.png", "a.png"):
            (secret / name).write_bytes(png(5))
        changed = WatchedFolder.changed

        def swapped(watched: WatchedFolder) -> frozenset[Path]:
            found = changed(watched)
            if folder / "last.png" in found:
                (folder / "link.png").unlink()
                (folder / "link.png").symlink_to(secret / "link.png")
                (folder / "pipe.png").unlink()
                os.mkfifo(folder / "pipe.png")
                (folder / "inner").rename(folder.parent / "moved")
                (folder / "inner").symlink_to(secret)
            return found

        monkeypatch.setattr(WatchedFolder, "changed", swapped)
        patient = new_patient(reviewer, "P 2")
        start(reviewer, patient, folder="captures/P 2", takes_earlier=True)
        watching.start()
        while not (found := listed(reviewer, patient)):
            threading.Event().wait(0.05)
        assert [field["name"] for field in found] == ["last.png"]
