"""A learner names a signed case's cells without seeing what they were named, and is scored."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from tests.service.again import analyse_again, found_anew
from tests.service.drawn import Drawn, draw
from tests.service.quality.slides import Slide
from tests.service.quality.test_controls import sign
from tests.service.review.answered import cells_of, comment, give
from tests.service.review.test_answers import API, differential, refused, trail

from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.audit import AuditEntry

NAMES = ["blast"] * 4 + ["plasma_cell"] * 4


@pytest.fixture
def case(admin: TestClient, drawn: Drawn) -> Drawn:
    """A case of which anna named nine cells, one as no cell, and signed the rest as it was."""
    for cell, name in zip(cells_of(admin, drawn.analysis)[:8], NAMES, strict=True):
        give(admin, drawn.analysis, cell, type=name)
    give(admin, drawn.analysis, cells_of(admin, drawn.analysis)[8], deleted=True)
    comment(admin, cells_of(admin, drawn.analysis)[0], "an Auer rod")
    sign(admin, drawn.analysis)
    return drawn


def serve(trainer: TestClient, case: Drawn, learner: str) -> str:
    answer = trainer.post(f"{API}/proficiency", json={"analysis_id": case.analysis, "learner": learner})
    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["cells"]) == ("open", 9)
    found: str = answer.json()["id"]
    return found


def name(learner: TestClient, test: str, *cells: tuple[dict[str, Any], str | None]) -> Any:
    changes = [
        {
            "id": cell["id"],
            "revision": cell["revision"],
            **({"deleted": True} if kind is None else {"type": kind}),
        }
        for cell, kind in cells
    ]
    return learner.patch(f"{API}/proficiency/{test}/cells", json={"changes": changes})


@pytest.fixture(params=["vera", "rita"])
def learner(request: pytest.FixtureRequest) -> tuple[str, TestClient]:
    """Somebody who is not allowed to review, and somebody who is."""
    fixture = {"vera": "viewer", "rita": "reviewer"}[request.param]
    return request.param, request.getfixturevalue(fixture)


def test_a_learner_sees_where_the_cells_are_and_nothing_else(
    admin: TestClient, learner: tuple[str, TestClient], case: Drawn
) -> None:
    username, client = learner
    serve(admin, case, username)
    shown = cells_of(client, case.analysis)
    assert len(shown) == 9
    for cell in shown:
        assert (cell["type"], cell["model_type"], cell["second_type"]) == ("unclassified", None, None)
        assert (cell["probability"], cell["p_blast"], cell["score"]) == (0, 0, 1)
        assert (cell["reviewed_type"], cell["reviewed_by"], cell["comments"]) == (None, None, 0)
        assert set(cell["flags"]) <= {"border"}
        assert cell["counted"] is False
    by_sureness = cells_of(client, case.analysis, sort="confidence")
    assert [c["id"] for c in by_sureness] == [c["id"] for c in shown]
    assert cells_of(client, case.analysis, type="blast") == []
    assert client.get(f"{API}/cells/{shown[0]['id']}/comments").json()["items"] == []
    (unserved, *_) = [c for c in cells_of(admin, case.analysis) if c["id"] not in {s["id"] for s in shown}]
    refused(client.get(f"{API}/cells/{unserved['id']}"), 404, "not-found")


def test_every_way_to_the_names_is_closed(
    admin: TestClient, learner: tuple[str, TestClient], case: Drawn
) -> None:
    username, client = learner
    analysis, patient = f"{API}/analyses/{case.analysis}", f"{API}/patients/{case.patient}"
    ways = [
        *[
            f"{analysis}/{part}"
            for part in ("differential", "suggestions", "agreement", "carried", "checklist")
        ],
        *[f"{analysis}/exports/{file}" for file in ("report.html", "cells.csv", "fhir.json", "training.zip")],
        *[f"{patient}/{part}" for part in ("audit", "audit.csv", "versions", "details")],
        f"{analysis}/cells?reading={case.analysis}",
    ]
    assert {client.get(way).status_code for way in ways} <= {200, 404}  # open before
    serve(admin, case, username)
    for way in ways:
        refused(client.get(way), 403, "forbidden")


def test_lists_and_events_tell_a_learner_no_count(
    admin: TestClient, learner: tuple[str, TestClient], case: Drawn
) -> None:
    username, client = learner
    serve(admin, case, username)
    (patient,) = client.get(f"{API}/patients").json()["items"]
    assert (patient["result"], patient["signed"], patient["analysis"]["blasts"]) == (None, None, None)
    assert client.get(f"{API}/patients/{case.patient}").json()["analysis"]["blasts"] is None
    assert client.get(f"{API}/analyses/{case.analysis}").json()["blasts"] is None
    assert client.get(f"{API}/analyses").json()["items"][0]["blasts"] is None
    with client.stream("GET", f"{API}/analyses/{case.analysis}/events") as events:
        line = next(line for line in events.iter_lines() if line.startswith("data:"))
    assert json.loads(line.removeprefix("data:"))["blasts"] is None
    readings = client.get(f"{API}/analyses/{case.analysis}/readings").json()["items"]
    assert [reading["kind"] for reading in readings] == ["first"]


def test_pins_of_the_case_are_not_in_a_learners_atlas(
    admin: TestClient, learner: tuple[str, TestClient], case: Drawn
) -> None:
    username, client = learner
    cell = cells_of(admin, case.analysis)[0]
    assert admin.put(f"{API}/cells/{cell['id']}/pin").status_code == 200
    serve(admin, case, username)
    pictures = client.get(f"{API}/atlas/blast").json()["items"]
    assert all(picture["kind"] == "drawn" for picture in pictures)


def test_another_analysis_of_the_patient_is_closed_too(
    app: FastAPI, admin: TestClient, viewer: TestClient, case: Drawn
) -> None:
    other = Slide(app, admin, "").read_again(case, days=1)
    serve(admin, case, "vera")
    refused(viewer.get(f"{API}/analyses/{other}/cells"), 403, "forbidden")
    assert viewer.get(f"{API}/patients/{case.patient}").json()["analysis"]["blasts"] is None


def test_a_finished_test_is_scored_against_the_signed_names(
    admin: TestClient, learner: tuple[str, TestClient], case: Drawn, database: Database
) -> None:
    username, client = learner
    before = differential(admin, case)
    entries = _entries(database, case.patient)
    test = serve(admin, case, username)
    refused(client.post(f"{API}/proficiency/{test}/finish"), 409, "conflict")
    cells = cells_of(client, case.analysis)
    answer = name(client, test, *[(c, "blast") for c in cells[:3]], (cells[3], "monocyte"))
    assert answer.status_code == 200, answer.text
    assert {c["type"] for c in answer.json()["items"]} == {"blast", "monocyte"}
    assert {c["model_type"] for c in answer.json()["items"]} == {None}
    assert name(client, test, *[(c, "plasma_cell") for c in cells[4:7]], (cells[8], None)).status_code == 200
    done = client.post(f"{API}/proficiency/{test}/finish").json()
    assert (done["status"], done["named"], done["cells"]) == ("finished", 8, 9)
    assert (done["result"]["agreed"], done["result"]["cells"]) == (7, 8)
    assert (done["found_blasts"], done["signed_blasts"]) == (3, 4)
    assert done["sensitivity"]["percent"] == 75
    assert done["sensitivity"]["ci_low"] < 75 < done["sensitivity"]["ci_high"]

    result = client.get(f"{API}/proficiency/{test}/result").json()
    (missed,) = result["missed"]
    assert (missed["cell_id"], missed["signed"], missed["named"]) == (cells[3]["id"], "blast", "monocyte")
    plasma = next(each for each in result["types"] if each["type"] == "plasma_cell")
    assert (plasma["signed"], plasma["named"], plasma["both"], plasma["kappa"]) == (3, 3, 3, 1)
    assert result["result"]["ci_low"] < result["result"]["kappa"] <= result["result"]["ci_high"]
    assert admin.get(f"{API}/proficiency/{test}/result").json()["missed"] == result["missed"]

    # The case is as it was: its count, its agreement, its history.
    assert differential(admin, case) == before
    refused(admin.get(f"{API}/analyses/{case.analysis}/agreement"), 404, "not-found")
    assert _entries(database, case.patient) == entries
    assert [each["after"]["named"] for each in trail(database, "proficiency.finish")] == [8]
    assert client.get(f"{API}/patients/{case.patient}").json()["signed"]["by"] == "Anna"
    refused(name(client, test, (cells[3], "blast")), 409, "conflict")
    refused(admin.get(f"{API}/analyses/{case.analysis}/cells", params={"reading": test}), 404, "not-found")


def _entries(database: Database, patient: str) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(AuditEntry.patient_id == patient)) or 0


def test_only_the_learner_names_cells_and_only_reviewers_see_the_results_of_others(
    admin: TestClient, reviewer: TestClient, viewer: TestClient, case: Drawn
) -> None:
    test = serve(admin, case, "rita")
    cells = cells_of(reviewer, case.analysis)
    refused(name(admin, test, (cells[0], "blast")), 403, "forbidden")
    refused(name(viewer, test, (cells[0], "blast")), 404, "not-found")
    assert viewer.get(f"{API}/proficiency").json()["items"] == []
    refused(viewer.get(f"{API}/proficiency/{test}"), 404, "not-found")
    assert [t["id"] for t in admin.get(f"{API}/proficiency").json()["items"]] == [test]
    refused(reviewer.get(f"{API}/proficiency/{test}/result"), 409, "conflict")


def test_a_learner_does_not_see_how_others_fared_on_the_same_case(
    admin: TestClient, reviewer: TestClient, viewer: TestClient, case: Drawn
) -> None:
    of_vera, of_rita = serve(admin, case, "vera"), serve(admin, case, "rita")
    assert name(viewer, of_vera, (cells_of(viewer, case.analysis)[0], "monocyte")).status_code == 200
    assert viewer.post(f"{API}/proficiency/{of_vera}/finish").status_code == 200
    refused(reviewer.get(f"{API}/proficiency/{of_vera}/result"), 404, "not-found")
    assert [t["id"] for t in reviewer.get(f"{API}/proficiency").json()["items"]] == [of_rita]


def test_who_read_the_case_before_cannot_be_served_it(
    app: FastAPI, admin: TestClient, reviewer: TestClient, viewer: TestClient, case: Drawn
) -> None:
    url = f"{API}/proficiency"
    for username in ("anna", "rita", "nobody"):
        body = {"analysis_id": case.analysis, "learner": username}
        status, kind = (404, "not-found") if username == "nobody" else (409, "conflict")
        refused(reviewer.post(url, json=body), status, kind)
    refused(viewer.post(url, json={"analysis_id": case.analysis, "learner": "rita"}), 403, "forbidden")
    test = serve(admin, case, "vera")
    refused(admin.post(url, json={"analysis_id": case.analysis, "learner": "vera"}), 409, "conflict")
    assert reviewer.delete(f"{url}/{test}").status_code == 204
    assert viewer.get(f"{API}/analyses/{case.analysis}/differential").status_code == 200
    service = app.state.service
    unsigned = draw(service.database, service.blobs, name="P-018", seed=2)
    refused(admin.post(url, json={"analysis_id": unsigned.analysis, "learner": "vera"}), 409, "conflict")


def test_a_case_that_nobody_looked_at_tests_nobody(admin: TestClient, drawn: Drawn) -> None:
    sign(admin, drawn.analysis)
    body = {"analysis_id": drawn.analysis, "learner": "vera"}
    refused(admin.post(f"{API}/proficiency", json=body), 409, "conflict")


def test_an_administrator_who_is_tested_sees_nothing_of_the_case_in_the_whole_trail(
    admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    give(reviewer, drawn.analysis, cells_of(reviewer, drawn.analysis)[0], type="basophil")
    sign(reviewer, drawn.analysis)
    assert "basophil" in admin.get(f"{API}/audit").text
    body = {"analysis_id": drawn.analysis, "learner": "anna"}
    assert reviewer.post(f"{API}/proficiency", json=body).status_code == 201
    assert "basophil" not in admin.get(f"{API}/audit").text
    assert "basophil" not in admin.get(f"{API}/audit/export.csv").text


def test_a_learner_who_reviews_cannot_take_the_test_back(
    admin: TestClient, reviewer: TestClient, case: Drawn
) -> None:
    test = serve(admin, case, "rita")
    refused(reviewer.delete(f"{API}/proficiency/{test}"), 403, "forbidden")
    assert admin.delete(f"{API}/proficiency/{test}").status_code == 204


def test_nobody_reads_a_case_blind_beside_or_after_their_test(
    admin: TestClient, reviewer: TestClient, app: FastAPI, case: Drawn
) -> None:
    newer = analyse_again(admin, app, case, found_anew(case))
    test = serve(admin, case, "rita")
    refused(reviewer.post(f"{API}/analyses/{newer}/readings"), 403, "forbidden")
    cell = cells_of(reviewer, case.analysis)[0]
    assert name(reviewer, test, (cell, "blast")).status_code == 200
    assert reviewer.post(f"{API}/proficiency/{test}/finish").status_code == 200
    refused(reviewer.post(f"{API}/analyses/{newer}/readings"), 409, "conflict")


def test_neither_tags_nor_the_signature_tell_who_reads_blind(
    admin: TestClient, reviewer: TestClient, case: Drawn
) -> None:
    assert admin.post(f"{API}/patients/{case.patient}/tags", json={"tag": "aml"}).status_code == 200
    assert [one["tag"] for one in reviewer.get(f"{API}/tags").json()["items"]] == ["aml"]
    assert reviewer.get(f"{API}/patients/{case.patient}").json()["signed"]
    serve(admin, case, "rita")
    assert reviewer.get(f"{API}/tags").json()["items"] == []
    assert reviewer.get(f"{API}/patients/{case.patient}").json()["signed"] is None


def test_an_administrator_who_is_tested_is_not_offered_the_case_for_teaching(
    admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    give(reviewer, drawn.analysis, cells_of(reviewer, drawn.analysis)[0], type="basophil")
    sign(reviewer, drawn.analysis)
    choice = {"analyses": [drawn.analysis]}
    assert admin.post(f"{API}/teaching/outlook", json=choice).status_code == 200
    assert [one["analysis_id"] for one in admin.get(f"{API}/teaching/cases").json()["items"]] == choice[
        "analyses"
    ]
    body = {"analysis_id": drawn.analysis, "learner": "anna"}
    assert reviewer.post(f"{API}/proficiency", json=body).status_code == 201
    refused(admin.post(f"{API}/teaching/outlook", json=choice), 403, "forbidden")
    assert admin.get(f"{API}/teaching/cases").json()["items"] == []


def test_what_is_live_shows_a_learner_nothing_and_is_nothing_signed(
    admin: TestClient, viewer: TestClient, case: Drawn, database: Database
) -> None:
    serve(admin, case, "vera")
    live = admin.post(f"{API}/patients/{case.patient}/live").json()["id"]
    with database.writing() as session:
        session.get_one(Analysis, live).blasts = 7
    for path in (
        f"analyses/{live}/live",
        f"analyses/{live}/cells",
        f"analyses/{live}/differential",
        f"analyses/{live}/exports/cells.csv",
        f"analyses/{case.analysis}/versions",
        f"patients/{case.patient}/megakaryocytes",
        f"patients/{case.patient}/versions",
    ):
        refused(viewer.get(f"{API}/{path}"), 403, "forbidden")
    assert viewer.get(f"{API}/analyses/{live}").json()["blasts"] is None
    (listed,) = viewer.get(f"{API}/patients").json()["items"]
    assert listed["analysis"]["blasts"] is None
    served = {"analysis_id": live, "learner": "rita"}
    refused(admin.post(f"{API}/proficiency", json=served), 409, "conflict")
    refused(admin.post(f"{API}/controls", json={"name": "C", "target_id": live}), 409, "conflict")
    refused(admin.post(f"{API}/analyses/{live}/readings", json={}), 409, "conflict")
    for name in ("cells.csv", "report.html", "training.zip"):
        refused(admin.get(f"{API}/analyses/{live}/exports/{name}"), 409, "conflict")
    taught = admin.get(f"{API}/teaching/cases").json()["items"]
    assert live not in {each["analysis_id"] for each in taught}
