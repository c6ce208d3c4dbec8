"""A file whose name the patient has with other bytes: the service asks, and what was signed stays."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.imaging.files.encoded import stack_of, textured
from tests.service.again import analyse_again, ask_again, found_anew
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import export, name_blasts, sign
from tests.service.review.test_answers import refused, trail
from tests.service.uploaded import API, listed, new_patient, png, rows, send

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.references import referenced_digests


def held(*seeds: int) -> bytes:
    """A TIFF file of these fields."""
    return stack_of(*map(textured, seeds))


def states(client: TestClient, patient: str) -> list[tuple[str, str]]:
    return [(field["name"], field["status"]) for field in listed(client, patient)]


@pytest.fixture
def patient(reviewer: TestClient) -> str:
    """A patient with two images."""
    made = new_patient(reviewer)
    assert send(reviewer, made, ("a.png", png(1)), ("b.png", png(2))).status_code == 200
    return made


def test_the_service_asks_and_takes_nothing_before_it_is_told(
    reviewer: TestClient, patient: str, blobs: Blobs
) -> None:
    before = {path.name for path in blobs.originals()}
    answer = send(reviewer, patient, ("a.png", png(3)), ("new.png", png(4)), ("b.png", png(5)))
    problem = refused(answer, 409, "same-name")
    assert problem["names"] == ["a.png", "b.png"]
    assert problem["choices"] == ["replace", "keep", "cancel"]
    assert states(reviewer, patient) == [("a.png", "stored"), ("b.png", "stored")]
    assert {path.name for path in blobs.originals()} == before
    assert send(reviewer, patient, ("a.png", png(3)), same_name="whatever").status_code == 422


def test_the_same_bytes_and_a_broken_file_are_no_question(reviewer: TestClient, patient: str) -> None:
    answer = send(reviewer, patient, ("a.png", png(1)), ("b.png", png(2)[:900]))
    assert rows(answer) == [("a.png", "duplicate"), ("b.png", "refused")]


def test_both_are_kept(reviewer: TestClient, patient: str) -> None:
    assert rows(send(reviewer, patient, ("a.png", png(3)), same_name="keep")) == [("a.png (2)", "stored")]
    assert rows(send(reviewer, patient, ("a.png", png(3)))) == [("a.png", "duplicate")]
    assert len(listed(reviewer, patient)) == 3


def test_a_file_is_left_out_and_the_others_are_taken(reviewer: TestClient, patient: str) -> None:
    answer = send(reviewer, patient, ("a.png", png(3)), ("new.png", png(4)), same_name="cancel")
    assert rows(answer) == [("a.png", "refused"), ("new.png", "stored")]
    assert "left out" in answer.json()["items"][0]["message"]
    assert len(listed(reviewer, patient)) == 3


def test_an_image_nobody_has_read_is_replaced_altogether(
    reviewer: TestClient, database: Database, blobs: Blobs, patient: str
) -> None:
    old = {field["name"]: field["id"] for field in listed(reviewer, patient)}["a.png"]
    assert rows(send(reviewer, patient, ("a.png", png(3)), same_name="replace")) == [("a.png", "stored")]
    assert states(reviewer, patient) == [("a.png", "stored"), ("b.png", "stored")]
    assert reviewer.get(f"{API}/fields/{old}/thumbnail.jpg").status_code == 404
    (entry,) = trail(database, "field.replace")
    assert entry["before"]["field"] == old
    assert not blobs.path(entry["before"]["sha256"]).exists()
    assert blobs.path(entry["after"]["sha256"]).exists()


def test_two_files_of_one_name_in_one_upload_replace_no_more_than_one(
    reviewer: TestClient, patient: str
) -> None:
    answer = send(reviewer, patient, ("a.png", png(3)), ("a.png", png(4)), same_name="replace")
    assert rows(answer) == [("a.png", "stored"), ("a.png (2)", "stored")]


class TestAFileOfSeveralFields:
    """It is one file, however many fields it holds."""

    @pytest.fixture
    def patient(self, reviewer: TestClient) -> str:
        made = new_patient(reviewer)
        assert send(reviewer, made, ("a.tif", held(1, 2, 3)), ("b.png", png(1))).status_code == 200
        return made

    def test_no_field_of_a_replaced_file_is_left(
        self, reviewer: TestClient, database: Database, patient: str
    ) -> None:
        problem = refused(send(reviewer, patient, ("a.tif", held(4, 5))), 409, "same-name")
        assert problem["names"] == ["a.tif#1", "a.tif#2", "a.tif#3"]
        answer = send(reviewer, patient, ("a.tif", held(4, 5)), same_name="replace")
        assert rows(answer) == [("a.tif#1", "stored"), ("a.tif#2", "stored")]
        assert [name for name, _ in states(reviewer, patient)] == ["a.tif#1", "a.tif#2", "b.png"]
        assert trail(database, "field.replace")[0]["after"] is None

    def test_a_file_of_one_field_takes_its_place_and_the_other_way_round(
        self, reviewer: TestClient, patient: str
    ) -> None:
        problem = refused(send(reviewer, patient, ("a.tif", held(4))), 409, "same-name")
        assert problem["names"] == ["a.tif#1", "a.tif#2", "a.tif#3"]
        assert send(reviewer, patient, ("a.tif", held(4)), same_name="replace").status_code == 200
        assert states(reviewer, patient) == [("a.tif", "stored"), ("b.png", "stored")]
        refused(send(reviewer, patient, ("a.tif", held(1, 2))), 409, "same-name")
        assert send(reviewer, patient, ("a.tif", held(1, 2)), same_name="replace").status_code == 200
        assert [name for name, _ in states(reviewer, patient)] == ["a.tif#1", "a.tif#2", "b.png"]

    def test_it_is_left_out_as_a_whole(self, reviewer: TestClient, patient: str) -> None:
        before = states(reviewer, patient)
        answer = send(reviewer, patient, ("a.tif", held(4, 5, 6, 7)), same_name="cancel")
        assert {status for _, status in rows(answer)} == {"refused"}
        assert states(reviewer, patient) == before

    def test_kept_it_is_known_again(self, reviewer: TestClient, patient: str) -> None:
        send(reviewer, patient, ("a.tif", held(4, 5)), same_name="keep")
        assert len(listed(reviewer, patient)) == 6
        for fields in (held(4, 5), held(1, 2, 3)):
            assert {status for _, status in rows(send(reviewer, patient, ("a.tif", fields)))} == {"duplicate"}


class TestAfterAnAnalysis:
    """The image stays for the analyses that have read it, and no later one reads it."""

    @pytest.fixture
    def name(self, reviewer: TestClient, drawn: Drawn) -> str:
        return str(listed(reviewer, drawn.patient)[0]["name"])

    def replace(self, client: TestClient, drawn: Drawn, name: str) -> None:
        problem = refused(send(client, drawn.patient, (name, png(9))), 409, "same-name")
        assert problem["names"] == [name]
        assert rows(send(client, drawn.patient, (name, png(9)), same_name="replace")) == [(name, "stored")]

    def test_nothing_signed_is_lost(
        self, reviewer: TestClient, database: Database, blobs: Blobs, drawn: Drawn, name: str
    ) -> None:
        name_blasts(reviewer, drawn, 5)
        assert sign(reviewer, drawn).status_code == 201
        files = ("report.html", "cells.csv", "patients.csv", "fhir.json")
        before = {each: export(reviewer, drawn, each) for each in files}
        with database.reading() as session:
            kept = referenced_digests(session, drawn.patient)
        self.replace(reviewer, drawn, name)
        assert {each: export(reviewer, drawn, each, version=1) for each in files} == before
        assert all(blobs.path(digest).is_file() for digest in kept)
        amendment = {"reason": "a smudge"}
        url = f"{API}/analyses/{drawn.analysis}"
        assert reviewer.post(f"{url}/amendments", json=amendment).status_code == 201
        assert sign(reviewer, drawn).status_code == 201
        assert export(reviewer, drawn, "cells.csv", version=2) == before["cells.csv"]
        cell = reviewer.get(f"{url}/cells").json()["items"][0]
        assert reviewer.get(f"{API}/cells/{cell['id']}/crop.jpg").status_code == 200

    def test_both_are_listed_and_the_new_one_alone_is_read(
        self, reviewer: TestClient, drawn: Drawn, name: str
    ) -> None:
        fields = reviewer.get(f"{API}/patients/{drawn.patient}").json()["fields"]
        self.replace(reviewer, drawn, name)
        of_name = [status for each, status in states(reviewer, drawn.patient) if each == name]
        assert sorted(of_name) == ["replaced", "stored"]
        assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["fields"] == fields
        refused(send(reviewer, drawn.patient, (name, png(10))), 409, "same-name")
        analysis = ask_again(reviewer, drawn)
        assert reviewer.get(f"{API}/analyses/{analysis}").json()["total"] == fields
        again = [status for each, status in states(reviewer, drawn.patient) if each == name]
        assert sorted(again) == ["replaced", "stored"]

    def test_an_analysis_of_a_replaced_image_is_not_retried(
        self, reviewer: TestClient, app: FastAPI, drawn: Drawn, name: str
    ) -> None:
        readings = found_anew(drawn)
        failing = max(set(readings) - {name})
        del readings[failing]
        analysis = analyse_again(reviewer, app, drawn, readings)
        self.replace(reviewer, drawn, name)
        problem = refused(reviewer.post(f"{API}/analyses/{analysis}/retry"), 409, "conflict")
        assert "an image added since" in problem["detail"]
