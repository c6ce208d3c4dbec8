"""Uploads: each file has its answer, bad ones say why, nothing is taken twice; only pixels leave."""

import io
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.imaging.files.test_encodings import stack_of, textured

from marrowscope.imaging.files.decode import decode
from marrowscope.service.actors import SYSTEM
from marrowscope.service.clock import now
from marrowscope.service.errors import ConflictError
from marrowscope.service.images import uploads
from marrowscope.service.images.leftovers import remove_leftovers
from marrowscope.service.images.register import ExaminedFile
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.patients import Field
from marrowscope.synth import draw_field

API = "/api/v1"
NOWHERE = "0" * 32


def new_patient(client: TestClient, name: str = "P 1") -> str:
    answer = client.post(f"{API}/patients", json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def png(seed: int = 0, width: int = 320, height: int = 240, cells: int = 3) -> bytes:
    stream = io.BytesIO()
    field = draw_field(seed, width=width, height=height, cells=cells)
    Image.fromarray(field.pixels).save(stream, "PNG")
    return stream.getvalue()


def send(client: TestClient, patient: str, *files: tuple[str, bytes], key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
    return client.post(f"{API}/patients/{patient}/files", files=parts, headers=headers)


def rows(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return [(item["name"], item["status"]) for item in answer.json()["items"]]


def packed(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def listed(client: TestClient, patient: str) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/patients/{patient}/fields")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_each_file_has_its_answer(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    good, other = png(1), png(2)
    answer = send(
        reviewer,
        patient,
        ("b 10.png", good),
        ("b 2.png", other),
        ("copy.png", good),
        ("broken.jpg", b"\xff\xd8\xff\xe0 and then nothing"),
        ("notes.txt", b"not an image"),
        ("empty.png", b""),
    )
    assert rows(answer) == [
        ("b 10.png", "stored"), ("b 2.png", "stored"), ("copy.png", "duplicate"),
        ("broken.jpg", "refused"), ("notes.txt", "refused"), ("empty.png", "refused"),
    ]  # fmt: skip
    messages = {item["name"]: item["message"] for item in answer.json()["items"]}
    assert "counted once" in messages["copy.png"]
    assert "text" in messages["notes.txt"]
    assert "0 bytes" in messages["empty.png"]
    # What was meant for an image stays on the list, so that the count can say what is missing.
    fields = listed(reviewer, patient)
    assert [(field["name"], field["status"]) for field in fields] == [
        ("b 2.png", "stored"), ("b 10.png", "stored"), ("broken.jpg", "failed"),
        ("copy.png", "duplicate"), ("empty.png", "failed"),
    ]  # fmt: skip
    shown = reviewer.get(f"{API}/patients/{patient}").json()
    assert (shown["status"], shown["fields"], shown["fields_failed"]) == ("ready", 5, 2)


def test_a_repeated_upload_adds_nothing(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    first = send(reviewer, patient, ("a.png", png(1)), key="once")
    assert send(reviewer, patient, ("a.png", png(1)), key="once").json() == first.json()
    assert rows(send(reviewer, patient, ("a.png", png(1)))) == [("a.png", "duplicate")]
    assert len(listed(reviewer, patient)) == 1


def test_a_broken_image_gives_way_to_the_whole_one(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    whole = png(1)
    assert rows(send(reviewer, patient, ("a.png", whole[:900]))) == [("a.png", "refused")]
    assert rows(send(reviewer, patient, ("a.png", whole))) == [("a.png", "stored")]
    assert [field["status"] for field in listed(reviewer, patient)] == ["stored"]


def test_an_archive_is_opened_with_distrust(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    archive = packed(
        ("slide/1.png", png(1)),
        ("../../outside.png", png(2)),
        ("inner.zip", packed(("x.png", png(3)))),
        ("__MACOSX/._1.png", b"junk"),
        ("readme.txt", b"hello"),
        ("bomb.png", b"\0" * (64 << 20)),
    )
    answer = send(reviewer, patient, ("all.zip", archive), ("no.zip", b"PK\x03\x04 nothing"))
    items = {item["name"]: item for item in answer.json()["items"] if item["status"] != "refused"}
    assert set(items) == {"all.zip/slide/1.png"}
    refusals = " | ".join(item["message"] for item in answer.json()["items"])
    for reason in ("outside the archive", "was not opened", "not a photograph", "not a readable ZIP"):
        assert reason in refusals


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "etc/passwd.png"),
        ("/abs/olute.png", "abs/olute.png"),
        ("C:\\Users\\x\\a.png", "a.png"),
        ("<script>alert(1)</script>.png", "<script>alert(1)</script>.png"),
        ("'; DROP TABLE fields; --.png", "'; DROP TABLE fields; --.png"),
    ],
)
def test_no_name_leads_anywhere(reviewer: TestClient, settings: Any, name: str, kept: str) -> None:
    patient = new_patient(reviewer)
    assert rows(send(reviewer, patient, (name, png(1)))) == [(kept, "stored")]
    data: Path = settings.data_folder
    written = [path for path in data.parent.rglob("*.png") if path.is_file()]
    assert not written


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update=getattr(request, "param", {}))


@pytest.mark.parametrize("settings", [{"file_bytes": 8000, "files_per_patient": 2}], indirect=True)
def test_limits(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    answer = send(reviewer, patient, ("large.png", png(1)))
    assert rows(answer) == [("large.png", "refused")]
    assert "the limit" in answer.json()["items"][0]["message"]
    small = [png(seed, width=48, height=48, cells=0) for seed in range(3)]
    assert rows(send(reviewer, patient, ("1.png", small[0]))) == [("1.png", "stored")]
    answer = send(reviewer, patient, ("2.png", small[1]))
    assert rows(answer) == [("2.png", "refused")]
    assert "2 images, the limit" in answer.json()["items"][0]["message"]
    assert send(reviewer, patient, *[(f"{n}.png", small[0]) for n in range(4)]).status_code == 413


def test_requests_that_are_no_upload(reviewer: TestClient, viewer: TestClient) -> None:
    patient = new_patient(reviewer)
    for answer, status in (
        (send(reviewer, NOWHERE, ("a.png", png())), 404),
        (reviewer.post(f"{API}/patients/{patient}/files", json={}), 422),
        (reviewer.post(f"{API}/patients/{patient}/files", data={"x": "1"}, files={"other": b"1"}), 422),
        (send(viewer, patient, ("a.png", png())), 403),
        (send(reviewer, patient, ("a.png", png()), key="k" * 300), 422),
    ):
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = reviewer.post(f"{API}/patients/{patient}/files", content=b"--b\r\nnonsense", headers=broken)
    assert answer.status_code == 422, answer.text


def test_a_field_goes_before_it_is_analysed_and_its_copy_takes_its_place(
    reviewer: TestClient, app: Any
) -> None:
    patient = new_patient(reviewer)
    answer = send(reviewer, patient, ("a.png", png(1)), ("b.png", png(1)))
    first, second = (item["field_id"] for item in answer.json()["items"])
    assert reviewer.delete(f"{API}/fields/{first}").status_code == 204
    assert [(f["name"], f["status"]) for f in listed(reviewer, patient)] == [("b.png", "stored")]
    blobs = app.state.service.settings.data_folder / "blobs"
    assert [path for path in (blobs / "originals").rglob("*") if path.is_file()]
    assert reviewer.delete(f"{API}/fields/{second}").status_code == 204
    assert not [path for path in blobs.rglob("*") if path.is_file()]
    assert reviewer.get(f"{API}/patients/{patient}").json()["status"] == "empty"


def test_tiles_put_together_are_the_image(viewer: TestClient, reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    data = png(5, width=600, height=300)
    field = send(reviewer, patient, ("a.png", data)).json()["items"][0]["field_id"]
    base = f"{API}/fields/{field}"
    assert 'Width="600" Height="300"' in viewer.get(f"{base}/image.dzi").text
    canvas = Image.new("RGB", (600, 300))
    for row in range(2):
        for column in range(3):
            answer = viewer.get(f"{base}/image_files/10/{column}_{row}.jpg")
            assert answer.status_code == 200, answer.text
            x, y = max(column * 256 - 1, 0), max(row * 256 - 1, 0)
            canvas.paste(Image.open(io.BytesIO(answer.content)), (x, y))
    difference = np.asarray(canvas, float) - decode(data).pixels
    assert np.abs(difference).mean() < 2
    assert viewer.get(f"{base}/image_files/0/0_0.jpg").status_code == 200
    assert viewer.get(f"{base}/image_files/10/3_0.jpg").status_code == 404
    assert viewer.get(f"{base}/image_files/11/0_0.jpg").status_code == 404


def test_pictures_hold_no_metadata_and_are_kept_by_browsers(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    image, stream = Image.new("RGB", (300, 200), (200, 180, 190)), io.BytesIO()
    exif = image.getexif()
    exif[0x010E] = "Doe, Jane 1970-01-01"
    image.save(stream, "JPEG", exif=exif, comment=b"Doe, Jane")
    field = send(reviewer, patient, ("a.jpg", stream.getvalue())).json()["items"][0]["field_id"]
    for address in ("thumbnail.jpg?size=64", "thumbnail.jpg?size=512", "image_files/9/0_0.jpg"):
        answer = reviewer.get(f"{API}/fields/{field}/{address}")
        assert answer.status_code == 200
        assert b"Doe" not in answer.content
        assert "immutable" in answer.headers["cache-control"]
        known = {"If-None-Match": answer.headers["etag"]}
        assert reviewer.get(f"{API}/fields/{field}/{address}", headers=known).status_code == 304
    small = Image.open(io.BytesIO(reviewer.get(f"{API}/fields/{field}/thumbnail.jpg?size=64").content))
    assert max(small.size) == 64


def test_worklist_is_searched_and_paged(reviewer: TestClient, viewer: TestClient) -> None:
    for name in ("Ärzte 100%", "b_1", "B_2", "bx3"):
        new_patient(reviewer, name)
    names = [item["name"] for item in viewer.get(f"{API}/patients").json()["items"]]
    assert names == ["bx3", "B_2", "b_1", "Ärzte 100%"]
    assert [i["name"] for i in viewer.get(f"{API}/patients?search=b_").json()["items"]] == ["B_2", "b_1"]
    assert [i["name"] for i in viewer.get(f"{API}/patients?search=100%25").json()["items"]] == ["Ärzte 100%"]
    first = viewer.get(f"{API}/patients?limit=3").json()
    second = viewer.get(f"{API}/patients?limit=3&cursor={first['next']}").json()
    assert [i["name"] for i in first["items"] + second["items"]] == names
    assert second["next"] is None
    assert viewer.get(f"{API}/patients?status=done").json()["items"] == []
    assert viewer.get(f"{API}/patients?cursor=bm9wZQ").status_code == 422
    assert viewer.post(f"{API}/patients", json={"name": "x"}).status_code == 403
    assert reviewer.post(f"{API}/patients", json={"name": " \n"}).status_code == 422


def test_what_the_page_needs_to_know(viewer: TestClient) -> None:
    types = viewer.get(f"{API}/taxonomy").json()["types"]
    keys = {kind["id"]: kind["key"] for kind in types}
    assert len(set(keys.values())) == len(types)
    assert (keys["blast"], keys["lymphocyte"], keys["promyelocyte"]) == ("b", "l", "p")
    settings = viewer.get(f"{API}/settings").json()
    assert settings["rule"] in {rule["id"] for rule in settings["rules"]}
    bundles = viewer.get(f"{API}/bundles").json()["items"]
    assert [bundle["is_default"] for bundle in bundles].count(True) == 1


def test_an_upload_that_is_not_taken_in_leaves_nothing(
    reviewer: TestClient, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConflictError("changed meanwhile")

    patient = new_patient(reviewer)
    monkeypatch.setattr(uploads, "take", refuse)
    assert send(reviewer, patient, ("a.png", png(1))).status_code == 409
    data = app.state.service.settings.data_folder
    assert not [path for path in (data / "blobs").rglob("*") if path.is_file()]
    assert not list((data / "scratch").iterdir())


def test_what_a_killed_server_leaves_is_removed_and_nothing_else(reviewer: TestClient, app: Any) -> None:
    service = app.state.service
    patient = new_patient(reviewer)
    assert rows(send(reviewer, patient, ("a.png", png(1)))) == [("a.png", "stored")]
    kept = sorted(path for path in (service.settings.data_folder / "blobs").rglob("*") if path.is_file())
    nobodys = service.blobs.put(png(2))
    half = service.blobs.path(nobodys).with_name(".1-abc.tmp")
    half.write_bytes(b"half")
    (service.scratch / "upload-x").mkdir()
    assert remove_leftovers(service.database, service.blobs, service.scratch) == 0  # all young
    assert remove_leftovers(service.database, service.blobs, service.scratch, age_s=-5) == 3
    assert kept == sorted(p for p in (service.settings.data_folder / "blobs").rglob("*") if p.is_file())
    assert reviewer.get(f"{API}/patients/{patient}").json()["thumbnail"] is not None


def test_a_field_in_another_format_is_listed_and_counted_once(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    image = Image.fromarray(textured(1))
    small, large = io.BytesIO(), io.BytesIO()
    image.resize((120, 100)).save(small, "PNG")
    image.save(large, "JPEG", quality=95)
    assert rows(send(reviewer, patient, ("thumbnail.png", small.getvalue()))) == [("thumbnail.png", "stored")]
    assert rows(send(reviewer, patient, ("field.jpg", large.getvalue()))) == [("field.jpg", "stored")]
    fields = {f["name"]: f for f in listed(reviewer, patient)}
    assert fields["field.jpg"]["status"] == "stored"
    assert fields["thumbnail.png"]["status"] == "duplicate"
    assert fields["thumbnail.png"]["message"] == "the same field as field.jpg; counted once"
    assert reviewer.delete(f"{API}/fields/{fields['field.jpg']['id']}").status_code == 204
    (left,) = listed(reviewer, patient)
    assert (left["name"], left["status"]) == ("thumbnail.png", "stored")


def test_all_fields_of_one_file_are_listed(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    data = stack_of(textured(3), textured(4))
    assert rows(send(reviewer, patient, ("fields.tif", data))) == [
        ("fields.tif#1", "stored"),
        ("fields.tif#2", "stored"),
    ]
    assert rows(send(reviewer, patient, ("fields.tif", data))) == [
        ("fields.tif#1", "duplicate"),
        ("fields.tif#2", "duplicate"),
    ]


def test_a_file_that_can_be_read_now_is_no_longer_refused(
    reviewer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = new_patient(reviewer)
    found = ExaminedFile("a.png", "not read by this version", sha256="ab" * 32, size=3)
    with monkeypatch.context() as patch:
        patch.setattr(uploads.Examiner, "examine", lambda *_: iter([found]))
        assert rows(send(reviewer, patient, ("a.png", b"abc"))) == [("a.png", "refused")]
        patch.setattr(
            uploads.Examiner,
            "examine",
            lambda *_: iter([replace(found, message="", width=10, height=10)]),
        )
        assert rows(send(reviewer, patient, ("a.png", b"abc"))) == [("a.png", "stored")]
        assert rows(send(reviewer, patient, ("a.png", b"abc"))) == [("a.png", "duplicate")]
    assert [field["status"] for field in listed(reviewer, patient)] == ["stored"]


def test_a_copy_of_an_image_that_an_earlier_version_stored_is_recognised(
    reviewer: TestClient, app: Any
) -> None:
    patient = new_patient(reviewer)
    image = Image.fromarray(textured(1, 900, 1200))
    first, second = io.BytesIO(), io.BytesIO()
    image.save(first, "PNG")
    image.save(second, "JPEG", quality=95)
    assert rows(send(reviewer, patient, ("a.png", first.getvalue()))) == [("a.png", "stored")]
    for kept in (app.state.service.settings.data_folder / "blobs").rglob("sketch.npy"):
        kept.unlink()  # earlier versions kept none
    assert rows(send(reviewer, patient, ("b.jpg", second.getvalue()))) == [("b.jpg", "duplicate")]


def test_a_copy_stays_a_copy_when_its_image_has_expired(reviewer: TestClient, app: Any) -> None:
    patient = new_patient(reviewer)
    image = Image.fromarray(textured(1))
    first, second, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    image.save(first, "PNG")
    image.save(second, "JPEG", quality=95)
    Image.fromarray(textured(2)).save(other, "PNG")
    send(reviewer, patient, ("a.png", first.getvalue()))
    send(reviewer, patient, ("b.jpg", second.getvalue()))
    before = {field["name"]: field["status"] for field in listed(reviewer, patient)}
    assert sorted(before.values()) == ["duplicate", "stored"]
    service = app.state.service
    with service.database.writing() as session:
        for field in session.scalars(select(Field).where(Field.patient_id == patient)):
            field.expired_at = now()
            service.blobs.remove(field.sha256)
    send(reviewer, patient, ("c.png", other.getvalue()))
    after = {field["name"]: field["status"] for field in listed(reviewer, patient)}
    assert after == {**before, "c.png": "stored"}


def test_two_uploads_at_once_of_one_field_are_counted_once(
    reviewer: TestClient, app: Any, database: Database, settings: Settings
) -> None:
    patient = new_patient(reviewer)
    blobs, digest = app.state.service.blobs, "ab" * 32

    def take(session: Session, name: str) -> str:
        file = ExaminedFile(name, sha256=digest, size=3, width=10, height=10)
        (result,) = uploads.take(session, SYSTEM, settings, patient, files=[file], blobs=blobs).results
        return result.status

    def take_too() -> str:
        with database.writing() as session:
            return take(session, "b.png")

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as session:
            assert take(session, "a.png") == "stored"
            other = pool.submit(take_too)
            wait([other], timeout=0.5)
        assert other.result(timeout=60) == "duplicate"
    assert [field["status"] for field in listed(reviewer, patient)] == ["stored", "duplicate"]
    assert reviewer.get(f"{API}/patients/{patient}").json()["fields"] == 2


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("Özdemir", "özdem"), ("O\u0308zdemir", "ÖZDEMIR"), ("МРК 12", "мрк"), ("Straße 5", "STRASSE"),
        ("Σίσυφος", "σίσυφοσ"), ("100%", "100%"),
    ],
)  # fmt: skip
def test_names_are_found_whatever_their_capitals_and_accents(
    reviewer: TestClient, name: str, search: str
) -> None:
    new_patient(reviewer, name)
    new_patient(reviewer, "Somebody else")
    found = reviewer.get(f"{API}/patients", params={"search": search}).json()["items"]
    assert [patient["name"] for patient in found] == [unicodedata.normalize("NFC", name)]


def test_one_file_name_is_one_however_its_accents_are_written(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    image = png(1)
    assert rows(send(reviewer, patient, ("Ma\u0308rz.png", image))) == [("M\u00e4rz.png", "stored")]
    assert rows(send(reviewer, patient, ("M\u00e4rz.png", image))) == [("M\u00e4rz.png", "duplicate")]
    assert len(listed(reviewer, patient)) == 1


def test_names_too_long_are_refused_on_their_row(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    archive = packed((f"{'a/' * 3000}b.png", png(1)), (f"{'9' * 5000}.png", png(2)), ("good.png", png(3)))
    found = send(reviewer, patient, ("x.zip", archive), (f"{'n' * 2000}.png", png(4)))
    assert sorted(status for _, status in rows(found)) == ["refused", "refused", "refused", "stored"]
    refused = [item for item in found.json()["items"] if item["status"] == "refused"]
    assert all("characters, more than the limit" in item["message"] for item in refused)
    assert len({item["name"] for item in refused}) == 3
    assert [field["status"] for field in listed(reviewer, patient)].count("failed") == 3
    assert reviewer.post(f"{API}/patients", json={"name": "P" * 5000}).status_code == 422
