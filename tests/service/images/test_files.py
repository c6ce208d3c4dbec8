"""Uploads: each file has its answer, bad ones say why, and what is not taken leaves nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.costly import packed
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.service.errors import ConflictError
from marrowscope.service.images import uploads
from marrowscope.service.images.leftovers import remove_leftovers
from marrowscope.service.images.register import ExaminedFile

NOWHERE = "0" * 32


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


@pytest.mark.parametrize("settings_more", [{"file_bytes": 8000, "files_per_patient": 2}])
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


def test_a_file_that_can_be_read_now_is_no_longer_refused(
    reviewer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = new_patient(reviewer)
    found = ExaminedFile("not read by this version", name="a.png", sha256="ab" * 32, size=3)
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
