"""Uploads that would cost much: bounded, in a process apart, and the other files of the request are kept."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from structlog.testing import capture_logs
from tests import costly
from tests.costly import packed
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.service.errors import ClientLeftError
from marrowscope.service.images import uploads
from marrowscope.service.images.uploads import Examiner, UploadedFile

BOUNDARY = "b"


# What is tested here happens before the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("a.zip", lambda: packed(("9" * 5000 + ".png", png(2))), "more than the limit of 400"),
        ("a.zip", lambda: packed(("a/" * 3000 + "b.png", png(2))), "more than the limit of 400"),
        ("a.zip", costly.large_dictionary, "a dictionary of 4,294,967,295 bytes"),
        ("a.zip", lambda: costly.many_members(400_000), "its list of members"),
        ("a.zip", lambda: packed(*((f"{n}.png", costly.huge_png()) for n in range(3))), "not a photograph"),
        ("a.jpg", lambda: costly.scans(costly.progressive(320, 240), 500), "500 scans"),
        ("a.bmp", costly.deltas, "run-length coded"),
        ("a.tif", lambda: costly.planes(3, 4000), "not a photograph"),
        ("a.tif", lambda: costly.scans_in_tiff(160, 120), "500 scans"),
    ],
    ids=["digits", "folders", "dictionary", "members", "pixels", "scans", "deltas", "planes", "in TIFF"],
)  # fmt: skip
def test_what_costs_too_much_is_refused_and_the_field_beside_it_kept(
    reviewer: TestClient, name: str, made: Callable[[], bytes], said: str
) -> None:
    patient = new_patient(reviewer)
    answer = send(reviewer, patient, (name, made()), ("good.png", png(1)))
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [item["name"] for item in items if item["status"] == "stored"] == ["good.png"]
    refused = [item["message"] for item in items if item["status"] == "refused"]
    assert said in refused[0]


@pytest.mark.parametrize("settings_more", [{"image_seconds": 10}])
def test_an_image_whose_decoding_does_not_end_is_given_up(
    reviewer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "examine_image", costly.slow_at_one)
    patient = new_patient(reviewer)
    answer = send(reviewer, patient, ("a.png", png(1)), ("slow.png", png(2)), ("b.png", png(3)))
    assert rows(answer) == [("a.png", "stored"), ("slow.png", "refused"), ("b.png", "stored")]
    assert "given up: it took more than 10 seconds" in answer.json()["items"][1]["message"]
    assert [field["status"] for field in listed(reviewer, patient)] == ["stored", "stored", "failed"]


@pytest.mark.parametrize("settings_more", [{"request_pixels": 2 * 320 * 240}])
def test_pixels_of_a_request_are_counted(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    archive = packed(*((f"{number}.png", png(number)) for number in (1, 2)))
    answer = send(reviewer, patient, ("a.zip", archive), ("3.png", png(3)))
    assert rows(answer) == [("3.png", "stored"), ("a.zip/1.png", "stored"), ("a.zip/2.png", "refused")]
    assert "more pixels than the limit" in answer.json()["items"][2]["message"]
    assert rows(send(reviewer, patient, ("2.png", png(2)))) == [("2.png", "stored")]


@pytest.mark.parametrize("settings_more", [{"request_bytes": 300_000}])
def test_bytes_of_all_archives_of_a_request_are_counted_together(reviewer: TestClient) -> None:
    even = [costly.saved(Image.new("RGB", (320, 240), colour), "BMP") for colour in ("white", "red")]
    patient = new_patient(reviewer)
    answer = send(
        reviewer, patient, ("a.zip", packed(("1.bmp", even[0]))), ("b.zip", packed(("2.bmp", even[1])))
    )
    assert [status for _, status in rows(answer)] == ["stored", "refused"]
    assert "more bytes than the limit" in answer.json()["items"][1]["message"]


@pytest.mark.parametrize("settings_more", [{"files_per_patient": 2}])
def test_of_an_archive_no_more_images_are_examined_than_a_patient_may_have(
    reviewer: TestClient, blobs: Any
) -> None:
    patient = new_patient(reviewer)
    answer = send(
        reviewer, patient, ("a.zip", packed(*((f"{number}.png", png(number)) for number in range(5))))
    )
    assert [status for _, status in rows(answer)] == ["stored"] * 2 + ["refused"] * 3
    assert "more images than a patient may have" in answer.json()["items"][4]["message"]
    assert len(list(blobs.originals())) == 2


@pytest.mark.parametrize("settings_more", [{"files_per_patient": 2}])
def test_an_archive_of_broken_images_takes_no_place_from_the_file_beside_it(reviewer: TestClient) -> None:
    broken = packed(*((f"{number}.png", b"no image") for number in range(9)))
    answer = send(reviewer, new_patient(reviewer), ("a.zip", broken), ("good.png", png(1)))
    assert rows(answer)[0] == ("good.png", "stored")
    assert {status for _, status in rows(answer)[1:]} == {"refused"}


def test_nobody_waits_for_the_files_of_a_client_that_left(app: FastAPI, tmp_path: Any) -> None:
    service = app.state.service
    path = tmp_path / "a.zip"
    path.write_bytes(packed(*((f"{number}.png", png(number)) for number in range(3))))
    left = iter([False, False, True])
    examined = Examiner(service.settings, service.blobs, lambda: next(left)).examine(
        [UploadedFile("a.zip", path)]
    )
    assert [next(examined).name, next(examined).name] == ["a.zip/0.png", "a.zip/1.png"]
    with pytest.raises(ClientLeftError):
        next(examined)


class Line:
    """A connection to the application: sends what it is told, and leaves, or stays silent."""

    def __init__(self, app: FastAPI, token: str, method: str, path: str) -> None:
        self._app = app
        self._token = token
        self._method, self._path = method, path
        self.sent: list[dict[str, Any]] = []
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def body(self, data: bytes, *, more: bool = False) -> None:
        self.incoming.put_nowait({"type": "http.request", "body": data, "more_body": more})

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def run(self) -> None:
        headers = {
            "host": "127.0.0.1", "authorization": f"Bearer {self._token}",
            "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        }  # fmt: skip
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": self._method,
            "scheme": "http", "path": self._path, "raw_path": self._path.encode(), "query_string": b"",
            "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip

        async def send(message: Any) -> None:
            self.sent.append(message)

        await self._app(scope, self.incoming.get, send)

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


@pytest.fixture
def token(admin: TestClient) -> str:
    answer = admin.post(f"{API}/tokens", json={"name": "t", "scopes": ["read", "write"]})
    return str(answer.json()["token"])


def form(*files: tuple[str, bytes]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        + data
        for name, data in files
    ]
    return b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


@pytest.mark.parametrize("how", ["broken off", "left"])
def test_an_upload_whose_client_left_is_no_failure_and_leaves_nothing(
    app: FastAPI, reviewer: TestClient, token: str, blobs: Any, how: str
) -> None:
    patient = new_patient(reviewer)
    whole = form(*((f"{number}.png", png(number)) for number in range(12)))

    async def upload() -> Line:
        line = Line(app, token, "POST", f"{API}/patients/{patient}/files")
        if how == "left":
            line.body(whole)
        else:
            line.body(whole[:5000], more=True)
        line.leave()
        await line.run()
        return line

    with capture_logs() as logged:
        line = asyncio.run(upload())
    assert line.status == 499
    assert not [entry for entry in logged if entry["log_level"] == "error"]
    assert 'route="/patients/{patient_id}/files",status="499"' in reviewer.get("/metrics").text
    assert listed(reviewer, patient) == []
    assert list(blobs.originals()) == []
    assert list(app.state.service.scratch.iterdir()) == []


@pytest.mark.parametrize("settings_more", [{"body_seconds": 0.3}])
@pytest.mark.parametrize("path", ["/patients/PATIENT/files", "/patients"])
def test_a_body_that_does_not_come_is_waited_for_no_longer(
    app: FastAPI, reviewer: TestClient, token: str, path: str
) -> None:
    patient = new_patient(reviewer)

    async def stall() -> Line:
        line = Line(app, token, "POST", API + path.replace("PATIENT", patient))
        line.body(form(("a.png", png(1)))[:5000], more=True)
        await line.run()
        return line

    line = asyncio.run(stall())
    assert line.status == 408
    assert line.headers[b"connection"] == b"close"


@pytest.mark.parametrize("settings_more", [{"streams_per_user": 2, "body_seconds": 0.1}])
def test_streams_of_a_user_are_limited_and_end_with_their_clients(app: FastAPI, token: str) -> None:
    async def begun(line: Line) -> None:
        while line.status is None:
            await asyncio.sleep(0.01)

    def stream() -> tuple[Line, asyncio.Task[None]]:
        line = Line(app, token, "GET", f"{API}/events")
        line.body(b"")
        return line, asyncio.create_task(line.run())

    async def watch() -> list[int | None]:
        first, second = stream(), stream()
        await begun(first[0])
        await begun(second[0])
        third = stream()
        await third[1]
        first[0].leave()
        await first[1]
        fourth = stream()
        await begun(fourth[0])
        assert not second[1].done()  # silence is no body that does not come
        for line, task in (second, fourth):
            line.leave()
            await task
        return [line.status for line, _ in (first, second, third, fourth)]

    assert asyncio.run(watch()) == [200, 200, 429, 200]
