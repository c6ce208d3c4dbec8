"""A real server process: events as they happen, images that bring a process down, a cluster as engine."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from PIL import Image
from tests.cohorts import dask_cluster, write_fields
from tests.service.served import API, ENDED, Served

import marrowscope

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    service = Served(tmp_path_factory.mktemp("live") / "data", workers="1")
    yield service
    service.stop()


@pytest.fixture
def fields(tmp_path: Path) -> list[Path]:
    return write_fields(tmp_path / "P 1", 2, seed=50)


class Ear(threading.Thread):
    """Listens to the events of a service until what it waits for was told."""

    def __init__(self, served: Served, last_event: str | None = None) -> None:
        super().__init__(daemon=True)
        self._client = httpx2.Client(
            base_url=served.client.base_url, cookies=served.client.cookies, timeout=120
        )
        self._headers = {} if last_event is None else {"Last-Event-ID": last_event}
        self.heard: list[tuple[str, dict[str, Any], str | None]] = []
        self.listens = threading.Event()

    def run(self) -> None:
        event, number = "", None
        try:
            with self._client.stream("GET", f"{API}/events", headers=self._headers) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                self.listens.set()
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "id":
                        number = value
                    elif name == "data":
                        self.heard.append((event, json.loads(value), number))
        except httpx2.HTTPError:
            return

    def close(self) -> None:
        self._client.close()

    def wait(self, kind: str, **members: Any) -> tuple[dict[str, Any], str | None]:
        """Wait until an event of a kind with these members was told."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for event, data, number in list(self.heard):
                if event == kind and members.items() <= data.items():
                    return data, number
            time.sleep(0.05)
        raise TimeoutError(f"{kind} {members} was not told: {self.heard}")


def test_everything_that_changes_is_told_and_nothing_missed_in_between(
    served: Served, fields: list[Path]
) -> None:
    ear = Ear(served)
    ear.start()
    assert ear.listens.wait(60)
    patient = served.patient("P 1", fields)
    ear.wait("patient", id=patient)
    analysis = served.ask(patient)
    ear.wait("analysis", id=analysis, status="queued")
    ear.wait("analysis", id=analysis, done=1)
    _, last = ear.wait("analysis", id=analysis, status="done")
    ear.close()
    other = served.ask(served.patient("P 2", fields))
    served.wait_until(other, lambda shown: shown["status"] in ENDED)
    # A browser that connects anew says what it heard last, and is told what it missed.
    again = Ear(served, last)
    again.start()
    again.wait("analysis", id=other, status="done")
    assert not [data for event, data, _ in again.heard if event == "analysis" and data["id"] == analysis]
    again.close()


def test_an_image_that_ends_the_process_that_decodes_it_is_refused(
    served: Served, fields: list[Path], tmp_path: Path
) -> None:
    patient = served.patient("P 3", fields[:1])
    assert served.process is not None
    stop = threading.Event()

    def kill() -> None:
        networks = {worker.pid for worker in served.workers() if worker.memory_info().rss > 300 * 2**20}
        while not stop.wait(0.01):
            for worker in served.workers():
                if worker.pid not in networks:
                    with suppress(ProcessLookupError):  # it may have ended by itself
                        os.kill(worker.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    # Large enough that nobody decodes it before it is killed.
    large, stream = Image.open(fields[1]).resize((9000, 7000)), BytesIO()
    large.save(stream, "PNG", compress_level=1)
    parts = [("files", ("deadly.png", stream.getvalue()))]
    killer.start()
    try:
        answer = served.client.post(f"{API}/patients/{patient}/files", files=parts)
    finally:
        stop.set()
        killer.join()
    assert answer.json()["items"][0]["status"] == "refused", answer.text
    assert "ended the process" in answer.json()["items"][0]["message"]
    again = served.client.post(f"{API}/patients/{patient}/files", files=parts)
    assert again.json()["items"][0]["status"] == "stored"
    assert psutil.pid_exists(served.process.pid)


def test_a_cluster_as_engine(tmp_path: Path, fields: list[Path]) -> None:
    (here,) = marrowscope.analyse(tmp_path / "P 1", tmp_path / "out").patients
    with dask_cluster(workers=1) as engine:
        served = Served(tmp_path / "data", engine=engine)
        try:
            analysis = served.ask(served.patient("P 1", fields))
            done = served.wait_until(analysis, lambda shown: shown["status"] in ENDED)
        finally:
            served.stop()
    assert (done["status"], done["failed"]) == ("done", 0)
    assert done["cells"] == len(here.cells) > 0
