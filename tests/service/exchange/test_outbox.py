"""The outbox: what is signed leaves once, in order, and nothing is lost on the way."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hl7apy.parser import parse_message
from sqlalchemy import select, update
from tests.service.drawn import Drawn, draw
from tests.service.exchange.receivers import FhirServer, MllpReceiver
from tests.service.reports.test_signing import sign
from tests.service.review.test_answers import API, refused, trail

from marrowscope.errors import InputError
from marrowscope.service.clock import now
from marrowscope.service.exchange import outbox
from marrowscope.service.exchange.targets import Fhir, Folder, Letter, Mllp, NotSentError, target_of
from marrowscope.service.jobs.sender import Sender
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.exchange import Delivery
from marrowscope.service.store.tables.reviews import Version


@pytest.fixture(params=["folder", "mllp", "fhir"])
def kind(request: pytest.FixtureRequest) -> str:
    """Where reports go; a test chooses by parametrising."""
    return str(request.param)


@pytest.fixture
def receiver(kind: str, tmp_path: Path) -> Iterator[Any]:
    """The other system."""
    if kind == "folder":
        (tmp_path / "sent").mkdir()
        yield tmp_path / "sent"
        return
    found = MllpReceiver() if kind == "mllp" else FhirServer()
    yield found
    found.stop()


@pytest.fixture
def settings_more(receiver: Any) -> dict[str, Any]:
    target = str(receiver) if isinstance(receiver, Path) else receiver.target
    return {"outbox": target, "outbox_token": "secret", "outbox_seconds": 90}


@dataclass(frozen=True)
class Post:
    """Both ends: the database, a sender whose thread is not started, the other system."""

    database: Database
    sender: Sender
    receiver: Any

    def deliveries(self) -> list[Delivery]:
        with self.database.reading() as session:
            found = session.scalars(select(Delivery).order_by(Delivery.number)).all()
            session.expunge_all()
            return list(found)

    def received(self) -> int:
        """Count the reports that are there."""
        if isinstance(self.receiver, Path):
            return len(list(self.receiver.iterdir()))
        if isinstance(self.receiver, MllpReceiver):
            return len({parse_message(text).msh.msh_10.to_er7() for text in self.receiver.messages})
        return sum(key.startswith("DiagnosticReport") for key in self.receiver.resources)

    def due_now(self) -> None:
        """Let the pause and the lease be over."""
        past = now() - timedelta(seconds=1)
        with self.database.writing() as session:
            session.execute(update(Delivery).values(next_at=past, lease_until=None))

    def behaves(self, code: str, status: int) -> None:
        """Say how the other system answers: by HL7 v2, by HTTP."""
        self.receiver.code, self.receiver.status = code, status


@pytest.fixture
def post(settings: Settings, database: Database, receiver: Any) -> Post:
    return Post(database, Sender(settings, database), receiver)


def amended(client: TestClient, drawn: Drawn) -> None:
    answer = client.post(f"{API}/analyses/{drawn.analysis}/amendments", json={"reason": "wrong slide"})
    assert answer.status_code == 201, answer.text


def test_what_is_signed_is_sent_once_and_recorded(
    reviewer: TestClient, viewer: TestClient, drawn: Drawn, post: Post
) -> None:
    assert not post.sender.send_one()
    assert sign(reviewer, drawn).status_code == 201
    (waiting,) = viewer.get(f"{API}/patients/{drawn.patient}/versions").json()["items"]
    assert waiting["delivery"]["status"] == "waiting"
    assert post.sender.send_one()
    assert not post.sender.send_one()
    assert post.received() == 1
    (row,) = post.deliveries()
    assert (row.status, row.attempts, row.message) == ("sent", 1, "")
    (entry,) = trail(post.database, "report.send")
    assert entry["after"]["version"] == 1
    (version,) = viewer.get(f"{API}/patients/{drawn.patient}/versions").json()["items"]
    assert version["delivery"]["sent_at"] is not None
    metrics = viewer.get("/metrics").text
    assert 'marrowscope_deliveries{status="sent"} 1.0' in metrics
    assert "marrowscope_outbox_oldest_seconds 0.0" in metrics
    if isinstance(post.receiver, FhirServer):
        assert post.receiver.tokens == ["Bearer secret"]


def test_a_server_that_dies_after_sending_sends_the_same_again_and_it_is_there_once(
    reviewer: TestClient, drawn: Drawn, post: Post
) -> None:
    assert sign(reviewer, drawn).status_code == 201
    with post.database.writing() as session:
        posted = outbox.claim(session, "a server that dies")
    assert posted is not None
    format_and_token = {"file_format": "hl7", "token": None, "seconds": 5.0}
    target_of(posted.target, **format_and_token).send(  # type: ignore[arg-type]  # as named
        outbox.letter_of(posted.document)
    )
    assert not post.sender.send_one(), "its claim holds until the lease ends"
    post.due_now()
    assert post.sender.send_one()
    assert post.received() == 1
    assert [row.status for row in post.deliveries()] == ["sent"]
    with post.database.writing() as session:
        outbox.sent(session, "a server that dies", posted.id)  # comes back too late
    assert len(trail(post.database, "report.send")) == 1


@pytest.mark.parametrize("kind", ["mllp", "fhir"], indirect=True)
def test_what_does_not_get_through_is_tried_again_later(
    reviewer: TestClient, drawn: Drawn, post: Post
) -> None:
    post.behaves("hang up", 503)
    assert sign(reviewer, drawn).status_code == 201
    pauses = []
    for attempt in (1, 2, 3):
        assert post.sender.send_one()
        (row,) = post.deliveries()
        assert (row.status, row.attempts) == ("waiting", attempt)
        assert row.message
        pauses.append((row.next_at - now()).total_seconds())
        assert not post.sender.send_one(), "not before the pause is over"
        post.due_now()
    assert 5 < pauses[0] < pauses[1] < pauses[2] < 60
    post.behaves("AA", 200)
    assert post.sender.send_one()
    assert [row.status for row in post.deliveries()] == ["sent"]
    assert post.received() == 1


@pytest.mark.parametrize("kind", ["mllp", "fhir"], indirect=True)
def test_what_is_refused_waits_for_a_person(
    reviewer: TestClient, viewer: TestClient, admin: TestClient, drawn: Drawn, post: Post
) -> None:
    post.behaves("AE", 422)
    assert sign(reviewer, drawn).status_code == 201
    assert post.sender.send_one()
    (row,) = post.deliveries()
    assert row.status == "refused"
    assert ("unknown patient" if isinstance(post.receiver, MllpReceiver) else "422") in row.message
    post.due_now()
    assert not post.sender.send_one()
    refused(viewer.post(f"{API}/outbox/{row.id}/again", json={}), 403, "forbidden")
    refused(viewer.get(f"{API}/outbox"), 403, "forbidden")
    post.behaves("AA", 200)
    (listed,) = admin.get(f"{API}/outbox", params={"status": "refused"}).json()["items"]
    assert (listed["patient_id"], listed["patient"]) == (drawn.patient, "P-017")
    assert admin.post(f"{API}/outbox/{listed['id']}/again").status_code == 200
    assert post.sender.send_one()
    assert post.received() == 1
    refused(admin.post(f"{API}/outbox/{listed['id']}/again"), 409, "conflict")
    assert [len(trail(post.database, f"report.{each}")) for each in ("refused", "send_again", "send")] == [
        1,
        1,
        1,
    ]


@pytest.mark.parametrize("kind", ["mllp"], indirect=True)
def test_an_amended_report_never_overtakes_the_first(reviewer: TestClient, drawn: Drawn, post: Post) -> None:
    post.receiver.code = "hang up"
    assert sign(reviewer, drawn).status_code == 201
    assert post.sender.send_one()
    amended(reviewer, drawn)
    assert sign(reviewer, drawn).status_code == 201
    assert not post.sender.send_one(), "the first version waits, and the second behind it"
    post.receiver.code = "AA"
    post.receiver.messages.clear()
    post.due_now()
    assert post.sender.send_one()
    assert post.sender.send_one()
    segments = [
        next(line for line in m.split("\r") if line.startswith("OBR|")) for m in post.receiver.messages
    ]
    assert [line.split("|")[25] for line in segments] == ["F", "C"]
    assert len({line.split("|")[3] for line in segments}) == 1


@pytest.mark.parametrize("kind", ["mllp"], indirect=True)
def test_an_earlier_version_does_not_take_back_a_later_one(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, post: Post
) -> None:
    post.receiver.code = "AE"
    assert sign(reviewer, drawn).status_code == 201
    assert post.sender.send_one()
    post.receiver.code = "AA"
    amended(reviewer, drawn)
    assert sign(reviewer, drawn).status_code == 201
    assert post.sender.send_one()
    first, second = post.deliveries()
    assert (first.status, second.status) == ("refused", "sent")
    answer = admin.post(f"{API}/outbox/{first.id}/again")
    assert (answer.status_code, "later version" in answer.json()["detail"]) == (409, True)
    assert not post.sender.send_one()


@pytest.mark.parametrize("kind", ["mllp", "fhir"], indirect=True)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_answer_that_never_ends_is_given_up(
    reviewer: TestClient, drawn: Drawn, post: Post, settings: Settings
) -> None:
    if isinstance(post.receiver, MllpReceiver):
        post.receiver.code = "never ends"
    else:
        post.receiver.never_ends = True
    assert sign(reviewer, drawn).status_code == 201
    hasty = Sender(settings.model_copy(update={"outbox_seconds": 0.5}), post.database)
    assert hasty.send_one()
    (row,) = post.deliveries()
    is_mllp = isinstance(post.receiver, MllpReceiver)
    assert (row.status, "in time" in row.message) == ("waiting" if is_mllp else "sent", is_mllp)
    if isinstance(post.receiver, FhirServer):
        post.receiver.never_ends = False


@pytest.mark.parametrize("kind", ["fhir"], indirect=True)
def test_a_server_whose_headers_drip_is_given_up(receiver: FhirServer) -> None:
    receiver.drips = True
    letter = Letter("P 1_report", "1", b"", b'{"entry": []}')
    with pytest.raises(NotSentError, match="in time"):
        Fhir(receiver.target, None, 0.5).send(letter)


@pytest.mark.parametrize("kind", ["mllp"], indirect=True)
def test_what_a_receiver_says_is_kept_short_and_printable(
    reviewer: TestClient, drawn: Drawn, post: Post
) -> None:
    post.receiver.code, post.receiver.words = "AE", "no\0\x1b[31m such patient " + "x" * 100_000
    assert sign(reviewer, drawn).status_code == 201
    assert post.sender.send_one()
    (row,) = post.deliveries()
    assert row.status == "refused"
    assert row.message.isprintable()
    assert len(row.message) < 400


@pytest.mark.parametrize("kind", ["fhir"], indirect=True)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_redirect_is_not_followed(reviewer: TestClient, drawn: Drawn, post: Post) -> None:
    other = FhirServer()
    try:
        post.receiver.status, post.receiver.leads_to = 307, other.target
        assert sign(reviewer, drawn).status_code == 201
        assert post.sender.send_one()
    finally:
        other.stop()
    (row,) = post.deliveries()
    assert (row.status, "307" in row.message) == ("waiting", True)
    assert other.tokens == [], "neither report nor token went elsewhere"


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
def test_the_list_goes_on_page_by_page(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, post: Post
) -> None:
    assert sign(reviewer, drawn).status_code == 201
    with post.database.writing() as session:
        version = session.scalars(select(Version)).one()
        for number in range(4):
            outbox.put(session, version, f"/srv/{number}")
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 2, "status": "waiting"}
    while (page := admin.get(f"{API}/outbox", params=asked).json())["next"] is not None:
        found += [row["id"] for row in page["items"]]
        asked["cursor"] = page["next"]
    found += [row["id"] for row in page["items"]]
    rows = sorted(post.deliveries(), key=lambda row: (row.created_at, row.id), reverse=True)
    assert found == [row.id for row in rows]
    assert len(found) == 5
    refused(admin.get(f"{API}/outbox", params={"cursor": "bm9uZQ"}), 422, "invalid")


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_report_that_cannot_be_sent_keeps_no_other_waiting(
    reviewer: TestClient, drawn: Drawn, post: Post, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign(reviewer, drawn).status_code == 201
    other = draw(post.database, app.state.service.blobs, cells=8, fields=1, seed=9)
    assert sign(reviewer, other).status_code == 201
    letter_of, asked = outbox.letter_of, []

    def failing(document: str) -> Letter:
        asked.append(document)
        if document == asked[0]:
            raise KeyError("a bug")
        return letter_of(document)

    monkeypatch.setattr(outbox, "letter_of", failing)
    assert post.sender.send_one()
    assert post.sender.send_one()
    assert sorted(row.status for row in post.deliveries()) == ["sent", "waiting"]
    assert any("unexpectedly (KeyError)" in row.message for row in post.deliveries())


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
def test_a_restart_loses_nothing(reviewer: TestClient, drawn: Drawn, post: Post, settings: Settings) -> None:
    assert sign(reviewer, drawn).status_code == 201
    post.receiver.rmdir()
    first = Sender(settings, post.database)
    assert first.send_one()
    assert "folder is not there" in post.deliveries()[0].message
    post.receiver.mkdir()
    post.due_now()
    second = Sender(settings, post.database)
    second.start()
    try:
        _wait(lambda: bool(list(post.receiver.iterdir())) and post.deliveries()[0].status == "sent")
    finally:
        second.stop()
    (file,) = post.receiver.iterdir()
    assert file.name.startswith("P-017_v1_report_")
    assert file.read_bytes().startswith(b"MSH|")


def _wait(is_so: Any) -> None:
    """Wait for a state; pytest's own limit ends a test in which it never comes."""
    while not is_so():
        threading.Event().wait(0.05)


def test_targets_are_checked_at_the_start(settings: Settings) -> None:
    for name in (
        "ftp://host/x",
        "mllp://host",
        "mllp://host:port",
        "https://user:password@host/fhir",
        "https://host/?key=1",
    ):
        with pytest.raises(InputError):
            create_app(settings.model_copy(update={"outbox": name}), with_jobs=False)
    options: dict[str, Any] = {"file_format": "fhir", "token": None, "seconds": 1.0}
    assert target_of("mllps://host:2575", **options) == Mllp("host", 2575, 1.0, is_encrypted=True)
    assert target_of("/srv/outbox", **options) == Folder(Path("/srv/outbox"), is_fhir=True)
