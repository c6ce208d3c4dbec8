"""Images that repeat one another: one of them is counted, the others are listed and say so."""

import io
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.imaging.files.encoded import stack_of, textured
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.service.actors import SYSTEM
from marrowscope.service.clock import now
from marrowscope.service.images import uploads
from marrowscope.service.images.register import ExaminedFile
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.patients import Field


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
        file = ExaminedFile(name=name, sha256=digest, size=3, width=10, height=10)
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
