"""The queue and its dispatcher with an engine that obeys: order, death, loss, a database that is away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from tests.service.analyses.test_analyses import ask, ended
from tests.service.uploaded import API, new_patient, png, rows, send

from marrowscope.domain.patient import FieldReading, FieldStatus
from marrowscope.domain.scale import Scale, ScaleSource
from marrowscope.engines.pool import WorkerDiedError, too_many_deaths
from marrowscope.engines.work import measure_scales
from marrowscope.errors import BundleError
from marrowscope.pipeline import FieldResult, FieldTask
from marrowscope.service.images.uploads import limits_of
from marrowscope.service.jobs import queue
from marrowscope.service.jobs.dispatcher import Dispatcher
from marrowscope.service.jobs.presence import Presence
from marrowscope.service.jobs.queue import FieldWork, ReadingResources
from marrowscope.service.metrics import Metrics
from marrowscope.service.rest.dependencies import Service
from marrowscope.service.store.tables.analyses import Analysis, AnalysisField
from marrowscope.service.trail.events import Broadcaster


class Obedient:
    """An engine that answers at once: what `outcome` gives or raises for a field."""

    workers = 1

    def __init__(self, outcome: Callable[[FieldTask], FieldResult]) -> None:
        self._outcome = outcome
        self.read: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def submit(self, work: Callable[[Any, Any], Any], networks: Any, tasks: Any, /) -> "Future[Any]":
        future: Future[Any] = Future()
        if work is measure_scales:
            future.set_result({})
            return future
        self.gate.wait(60)
        self.read.append(tasks.source.name)
        try:
            future.set_result(self._outcome(tasks))
        except Exception as error:  # noqa: BLE001 (the dispatcher is told)
            future.set_exception(error)
        return future

    def close(self, *, at_once: bool = False) -> None:
        """Nothing is at work."""


def empty(task: FieldTask) -> FieldResult:
    reading = FieldReading(
        task.source.name,
        FieldStatus.READ,
        width=320,
        height=240,
        scale=Scale(0.1, ScaleSource.METADATA),
        sha256=task.sha256,
    )
    return FieldResult("", reading)


@pytest.fixture
def service(app: FastAPI) -> Service:
    found = app.state.service
    assert isinstance(found, Service)
    return found


@pytest.fixture
def run(service: Service, tmp_path: Path) -> Iterator[Callable[[Obedient], Dispatcher]]:
    """Start a dispatcher with an engine; all are stopped in the end."""
    started = []

    def start(engine: Obedient) -> Dispatcher:
        source = ReadingResources(service.blobs, limits_of(service.settings), 1)
        dispatcher = Dispatcher(service.database, source, engine, Presence(tmp_path / "servers"), Metrics())
        service.events.add(dispatcher.notice)
        dispatcher.start()
        started.append((engine, dispatcher))
        return dispatcher

    yield start
    for engine, dispatcher in started:
        engine.gate.set()
        service.events.remove(dispatcher.notice)
        dispatcher.stop()


def asked_for(client: TestClient, name: str, *fields: str, **wish: Any) -> dict[str, Any]:
    patient = new_patient(client, name)
    images = [(field, png(seed, cells=1)) for seed, field in enumerate(fields)]
    assert {status for _, status in rows(send(client, patient, *images))} == {"stored"}
    return ask(client, patient, **wish)


def test_the_more_urgent_analysis_goes_first(
    reviewer: TestClient, run: Callable[[Obedient], Dispatcher]
) -> None:
    usual = asked_for(reviewer, "usual", "u1.png", "u2.png")
    urgent = asked_for(reviewer, "urgent", "v10.png", "v9.png", priority=5)
    engine = Obedient(empty)
    run(engine)
    assert ended(reviewer, usual["id"])["status"] == ended(reviewer, urgent["id"])["status"] == "done"
    assert engine.read == ["v9.png", "v10.png", "u1.png", "u2.png"]


def test_a_field_over_which_workers_die_fails_alone(
    reviewer: TestClient, run: Callable[[Obedient], Dispatcher]
) -> None:
    def deadly(task: FieldTask) -> FieldResult:
        if task.source.name == "deadly.png":
            raise WorkerDiedError("killed")
        return empty(task)

    asked = asked_for(reviewer, "P", "a.png", "deadly.png", "z.png")
    engine = Obedient(deadly)
    run(engine)
    done = ended(reviewer, asked["id"])
    assert (done["status"], done["done"], done["failed"]) == ("done", 3, 1)
    assert sorted(engine.read) == ["a.png", *["deadly.png"] * 3, "z.png"]
    fields = reviewer.get(f"{API}/patients/{asked['patient_id']}/fields").json()["items"]
    assert [field["message"] for field in fields] == ["", too_many_deaths("reading this image"), ""]
    # It may be tried again, with more memory perhaps.
    assert reviewer.post(f"{API}/analyses/{asked['id']}/retry").status_code == 200
    assert ended(reviewer, asked["id"])["failed"] == 1


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(BundleError("bundle x lacks y"), "failed", "bundle x lacks y"), (KeyError("?"), "failed", "no image")],
)
def test_a_fault_ends_the_analysis_with_its_reason(
    reviewer: TestClient,
    run: Callable[[Obedient], Dispatcher],
    *,
    error: Exception,
    status: str,
    message: str,
) -> None:
    def faulty(task: FieldTask) -> FieldResult:
        raise error

    asked = asked_for(reviewer, "P", "a.png", "b.png")
    run(Obedient(faulty))
    failed = ended(reviewer, asked["id"])
    assert failed["status"] == status
    assert message in failed["message"]
    assert reviewer.get(f"{API}/patients/{asked['patient_id']}").json()["status"] == "failed"


def test_work_of_a_dead_server_is_taken_up_and_its_late_answer_not_counted(
    reviewer: TestClient, service: Service, run: Callable[[Obedient], Dispatcher], tmp_path: Path
) -> None:
    asked = asked_for(reviewer, "P", "a.png", "b.png")
    source = ReadingResources(service.blobs, limits_of(service.settings), 1)
    dead = Presence(tmp_path / "servers")
    with service.database.writing() as session:
        session.execute(update(Analysis).values(is_scaled=True))
    with service.database.writing() as session:
        work = queue.claim(session, dead.owner, source)
    assert isinstance(work, FieldWork)
    engine = Obedient(empty)
    run(engine)
    # While it lives its work is its own.
    assert reviewer.get(f"{API}/analyses/{asked['id']}").json()["status"] == "running"
    dead.leave()
    assert ended(reviewer, asked["id"])["done"] == 2
    assert sorted(engine.read) == ["a.png", "b.png"]
    with service.database.writing() as session:
        late = queue.record_reading(session, dead.owner, work, empty(work.task).reading, blobs=service.blobs)
    assert not late
    assert reviewer.get(f"{API}/analyses/{asked['id']}").json()["done"] == 2


def test_a_database_that_goes_away_is_waited_for(
    reviewer: TestClient,
    service: Service,
    run: Callable[[Obedient], Dispatcher],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = asked_for(reviewer, "P", "a.png", "b.png", "c.png")
    record, failures = queue.record_reading, iter(range(2))

    def unreachable(*arguments: Any, **options: Any) -> bool:
        for _ in failures:
            raise OperationalError("", {}, ConnectionError("gone"))
        return record(*arguments, **options)

    monkeypatch.setattr(queue, "record_reading", unreachable)
    engine = Obedient(empty)
    run(engine)
    assert ended(reviewer, asked["id"])["done"] == 3
    assert engine.read == ["a.png", "b.png", "c.png"]  # what was read is kept, not read again


def test_what_a_cancelled_analysis_still_gets_is_thrown_away(
    reviewer: TestClient, service: Service, run: Callable[[Obedient], Dispatcher]
) -> None:
    asked = asked_for(reviewer, "P", "a.png", "b.png")
    engine = Obedient(empty)
    engine.gate.clear()
    run(engine)
    for _ in range(600):
        if reviewer.get(f"{API}/analyses/{asked['id']}").json()["status"] == "running":
            break
    assert reviewer.post(f"{API}/analyses/{asked['id']}/cancel").status_code == 200
    engine.gate.set()
    assert ended(reviewer, asked["id"])["status"] == "cancelled"
    with service.database.reading() as session:
        states = session.scalars(select(AnalysisField.status)).all()
    assert set(states) == {"cancelled"}


def test_listeners_hear_what_was_committed_and_nothing_else(service: Service, reviewer: TestClient) -> None:
    heard: list[Any] = []
    events: Broadcaster = service.events
    events.add(heard.extend)
    patient = new_patient(reviewer)
    assert ("patient", patient) in heard
    heard.clear()
    assert reviewer.post(f"{API}/patients/{patient}/analyses", json={}).status_code == 422
    assert heard == []
    events.remove(heard.extend)
