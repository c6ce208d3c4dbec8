"""What is stated about a case: kept with the patient, part of every count and report that is not signed."""

from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.again import analyse_again, found_anew
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import export, name_blasts, sign
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import API, differential, refused, trail

from marrowscope.exports.case.facts import signature_of
from marrowscope.service.reports import documents
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.reviews import Version


def details(client: TestClient, drawn: Drawn) -> dict[str, Any]:
    answer = client.get(f"{API}/patients/{drawn.patient}/details")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def state(client: TestClient, drawn: Drawn, **said: Any) -> Any:
    body = {**details(client, drawn), **said}
    return client.put(f"{API}/patients/{drawn.patient}/details", json=body)


def test_nothing_is_stated_until_somebody_does(viewer: TestClient, drawn: Drawn) -> None:
    found = details(viewer, drawn)
    assert found["specimen"] == "not stated"
    assert found["revision"] == 0
    assert viewer.get(f"{API}/patients/{drawn.patient}").json()["specimen"] == "not stated"
    sections = viewer.get(f"{API}/morphology").json()["sections"]
    assert "Erythropoiesis" in {section["title"] for section in sections}


def test_blood_changes_the_count_and_its_revision(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    before = differential(reviewer, drawn)["reviewed"]
    erythroblasts = sum(row["count"] for row in before["rows"] if row["type"].endswith("erythroblast"))
    assert erythroblasts > 0
    revision = reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["revision"]
    answer = state(reviewer, drawn, specimen="blood", site="", comment="Frau Muster was here")
    assert answer.status_code == 200, answer.text
    assert answer.json()["revision"] == 1
    after = differential(reviewer, drawn)
    assert sum(cell["counted"] for cell in cells_of(reviewer, drawn.analysis)) == after["reviewed"]["counted"]
    assert after["reviewed"]["counted"] == before["counted"] - erythroblasts
    assert after["reviewed"]["me_ratio"] is None
    assert after["reviewed"]["erythroblasts_per_100"] > 0
    assert after["target"] == after["floor"]
    patient = reviewer.get(f"{API}/patients/{drawn.patient}").json()
    assert patient["specimen"] == "blood"
    assert patient["result"]["counted"] == after["reviewed"]["counted"]
    assert reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["revision"] == revision + 1
    refused(sign(reviewer, drawn, revision=revision), 409, "conflict")
    (entry,) = trail(database, "patient.describe")
    assert entry["after"] == {"specimen": "blood", "changed": ["specimen", "comment"], "revision": 1}
    assert "Muster" not in str(entry)
    assert state(reviewer, drawn).json()["revision"] == 1  # nothing changed, nothing to record


def test_two_people_do_not_overwrite_each_other(
    reviewer: TestClient, admin: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    seen = details(reviewer, drawn)
    assert state(admin, drawn, site="sternum").status_code == 200
    url = f"{API}/patients/{drawn.patient}/details"
    problem = refused(reviewer.put(url, json={**seen, "site": "tibia"}), 409, "conflict")
    assert problem["revision"] == 1
    assert details(reviewer, drawn)["site"] == "sternum"
    refused(state(viewer, drawn, site="tibia"), 403, "forbidden")


def test_what_cannot_be_so_is_refused(reviewer: TestClient, drawn: Drawn) -> None:
    for said in (
        {"specimen": "urine"},
        {"collected": "3.1.2026"},
        {"collected": "2026-02-30"},
        {"collected": "2026-01-03", "received": "2026-01-02"},
        {"age_years": 200},
        {"phrases": ["blasts.purple"]},
        {"site": "two\nlines"},
    ):
        answer = state(reviewer, drawn, **said)
        assert answer.status_code in {400, 422}, said
    assert details(reviewer, drawn)["revision"] == 0


def test_a_blind_reader_does_not_see_the_first_reader_s_words(
    reviewer: TestClient, admin: TestClient, drawn: Drawn
) -> None:
    assert state(admin, drawn, comment="these are lymphoblasts").status_code == 200
    assert reviewer.post(f"{API}/analyses/{drawn.analysis}/readings").status_code == 201
    refused(reviewer.get(f"{API}/patients/{drawn.patient}/details"), 403, "forbidden")
    body = {"comment": "x", "revision": 1}
    refused(reviewer.put(f"{API}/patients/{drawn.patient}/details", json=body), 403, "forbidden")


def test_what_is_stated_stays_when_the_patient_is_analysed_again(
    reviewer: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    said = {"specimen": "marrow", "conclusion": "No excess of blasts", "phrases": ["iron.normal"]}
    assert state(reviewer, drawn, **said).status_code == 200
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    found = details(reviewer, drawn)
    assert {name: found[name] for name in said} == said
    page = reviewer.get(f"{API}/analyses/{analysis}/exports/report.html").text
    assert "No excess of blasts" in page
    assert "Bone marrow aspirate report" in page


def test_a_signed_case_is_locked_and_its_amendment_says_what_changed(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    state(reviewer, drawn, specimen="marrow", age_years=44, conclusion="AML")
    assert sign(reviewer, drawn).status_code == 201
    refused(state(reviewer, drawn, conclusion="ALL"), 409, "locked")
    first = export(reviewer, drawn, "report.html")
    assert b"Erratum" not in first
    assert b"Reference: Bain" in first
    reviewer.post(f"{API}/analyses/{drawn.analysis}/amendments", json={"reason": "second look"})
    assert state(reviewer, drawn, conclusion="ALL").status_code == 200
    name_blasts(reviewer, drawn, 3)
    assert sign(reviewer, drawn).status_code == 201
    page = export(reviewer, drawn, "report.html").decode()
    assert "This version 2 replaces version 1. Reason: second look" in page
    with database.reading() as session:
        texts = {each.version: each.document for each in session.query(Version)}
    signature = signature_of(documents.read(texts[2]).patients[0])
    assert signature is not None
    said = {each.what: (each.before, each.after) for each in signature.changes}
    assert said["Conclusion"] == ("AML", "ALL")
    assert "Myeloblast" in said
    assert export(reviewer, drawn, "report.html", version=1) == first


def test_the_name_of_a_file_carries_patient_and_version(reviewer: TestClient, drawn: Drawn) -> None:
    def named(name: str) -> str:
        answer = reviewer.get(f"{API}/analyses/{drawn.analysis}/exports/{name}")
        return unquote(answer.headers["content-disposition"].split("filename*=UTF-8''")[1])

    assert named("cells.csv") == "P-017_preliminary_cells.csv"
    sign(reviewer, drawn)
    assert named("fhir.json") == "P-017_v1_fhir.json"
    assert named("report.html") == "P-017_v1_report.html"
