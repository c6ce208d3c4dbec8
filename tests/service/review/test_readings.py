"""The second reading is blind, and nobody looks into it; a third person sees how far both agree."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.drawn import Drawn, draw
from tests.service.reports.test_signing import sign
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import API, change, differential, refused, trail

from marrowscope.service.store.engine import Database


@pytest.fixture
def second(reviewer: TestClient, admin: TestClient, drawn: Drawn) -> str:
    """rita's open second reading, after anna has renamed ten cells and drawn one in the first."""
    cells = cells_of(admin, drawn.analysis)[:10]
    renamed = [{"id": c["id"], "revision": 0, "type": "plasma_cell"} for c in cells]
    assert change(admin, drawn, *renamed).status_code == 200
    body = {"field_id": drawn.fields[0], "box": [100, 100, 190, 190], "type": "blast"}
    assert admin.post(f"{API}/analyses/{drawn.analysis}/cells", json=body).status_code == 201
    answer = reviewer.post(f"{API}/analyses/{drawn.analysis}/readings", json={})
    assert answer.status_code == 201, answer.text
    reading: str = answer.json()["id"]
    return reading


def test_the_first_reading_is_there_from_the_start(reviewer: TestClient, drawn: Drawn) -> None:
    (first,) = reviewer.get(f"{API}/analyses/{drawn.analysis}/readings").json()["items"]
    assert first == {
        "id": drawn.analysis,
        "analysis_id": drawn.analysis,
        "reader": None,
        "kind": "first",
        "status": "open",
        "cells": 0,
    }


def test_an_open_second_reading_is_blind_to_the_first(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, second: str
) -> None:
    seen = cells_of(reviewer, drawn.analysis)
    assert all(c["reviewed_type"] is None and c["reviewed_by"] is None and c["revision"] == 0 for c in seen)
    assert all(c["type"] == c["model_type"] for c in seen)
    assert len(cells_of(admin, drawn.analysis)) == len(seen) + 1  # nor is what anna drew
    drawn_cell = next(c for c in cells_of(admin, drawn.analysis) if c["origin"] == "person")
    refused(reviewer.get(f"{API}/cells/{drawn_cell['id']}"), 404, "not-found")
    assert reviewer.get(f"{API}/cells/{seen[0]['id']}").json() == seen[0]
    assert not cells_of(reviewer, drawn.analysis, type="plasma_cell")
    found = differential(reviewer, drawn)
    assert found["reviewed"] == found["model"]
    assert found["reviewed_cells"] == 0
    for query in ("differential", "cells", "suggestions"):
        answer = reviewer.get(f"{API}/analyses/{drawn.analysis}/{query}", params={"reading": drawn.analysis})
        refused(answer, 403, "forbidden")
    refused(reviewer.get(f"{API}/analyses/{drawn.analysis}/agreement"), 403, "forbidden")
    assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["result"] is None
    assert reviewer.get(f"{API}/patients").json()["items"][0]["result"] is None
    assert admin.get(f"{API}/patients/{drawn.patient}").json()["result"]["reviewed_cells"] == 11
    refused(reviewer.get(f"{API}/analyses/{drawn.analysis}/exports/cells.csv"), 403, "forbidden")


def test_a_blind_reader_does_not_learn_where_others_remarked(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, second: str
) -> None:
    cell = cells_of(reviewer, drawn.analysis)[0]
    address = f"{API}/cells/{cell['id']}/comments"
    assert admin.post(address, json={"text": "Auer rod?"}).status_code == 201
    assert cells_of(reviewer, drawn.analysis)[0]["comments"] == 0
    assert reviewer.post(address, json={"text": "a pale one"}).status_code == 201
    assert cells_of(reviewer, drawn.analysis)[0]["comments"] == 1
    assert cells_of(admin, drawn.analysis)[0]["comments"] == 2
    assert reviewer.post(f"{API}/readings/{second}/finish").status_code == 200
    assert cells_of(admin, drawn.analysis, reading=second)[0]["comments"] == 2


def test_what_a_blind_reader_says_changes_their_reading_alone(
    reviewer: TestClient, admin: TestClient, database: Database, drawn: Drawn, second: str
) -> None:
    before = differential(admin, drawn)
    cell = cells_of(reviewer, drawn.analysis)[0]
    answer = change(reviewer, drawn, {"id": cell["id"], "revision": 0, "type": "monocyte"}, reading=second)
    (changed,) = answer.json()["items"]
    assert (changed["reviewed_type"], changed["reviewed_by"], changed["revision"]) == ("monocyte", "Rita", 1)
    assert differential(admin, drawn) == before
    assert cells_of(admin, drawn.analysis)[0]["reviewed_type"] == "plasma_cell"
    assert cells_of(reviewer, drawn.analysis, type="monocyte")[0]["id"] in {
        c["id"] for c in cells_of(reviewer, drawn.analysis)
    }
    assert differential(reviewer, drawn)["reviewed_cells"] == 1
    stale = {"id": cell["id"], "revision": 0, "type": "blast"}
    assert refused(change(reviewer, drawn, stale), 409, "conflict")["conflicts"][0]["type"] == "monocyte"
    assert trail(database, "reading.answer")[0]["after"]["type"] == "monocyte"


def test_the_audit_trail_tells_a_blind_reader_nothing_and_nothing_of_them(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, second: str
) -> None:
    cell = cells_of(reviewer, drawn.analysis)[0]
    change(reviewer, drawn, {"id": cell["id"], "revision": 0, "type": "basophil"})
    url = f"{API}/patients/{drawn.patient}/audit"
    refused(reviewer.get(url), 403, "forbidden")
    assert "basophil" not in admin.get(url).text
    assert "plasma_cell" in admin.get(url).text
    assert reviewer.post(f"{API}/readings/{second}/finish").status_code == 200
    assert "basophil" in admin.get(url).text
    assert "plasma_cell" in reviewer.get(url).text


def test_nobody_else_sees_or_changes_an_open_reading(
    admin: TestClient, viewer: TestClient, drawn: Drawn, second: str
) -> None:
    cell = cells_of(admin, drawn.analysis)[20]
    for client in (admin, viewer):
        answer = client.get(f"{API}/analyses/{drawn.analysis}/cells", params={"reading": second})
        refused(answer, 403, "forbidden")
    changes = {"id": cell["id"], "revision": 0, "type": "blast"}
    refused(change(admin, drawn, changes, reading=second), 403, "forbidden")
    refused(admin.post(f"{API}/readings/{second}/finish"), 403, "forbidden")
    refused(viewer.post(f"{API}/readings/{second}/finish"), 403, "forbidden")


def test_a_signature_ends_no_second_reading(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, second: str
) -> None:
    """Its reader goes on, blind as before, and finishes it: the signed count is not theirs."""
    assert sign(admin, drawn).status_code == 201
    listed = admin.get(f"{API}/analyses/{drawn.analysis}/readings").json()["items"]
    assert [reading["status"] for reading in listed] == ["finished", "open"]
    cell = cells_of(reviewer, drawn.analysis)[0]
    answer = change(reviewer, drawn, {"id": cell["id"], "revision": 0, "type": "monocyte"}, reading=second)
    assert answer.status_code == 200
    refused(reviewer.get(f"{API}/analyses/{drawn.analysis}/agreement"), 403, "forbidden")
    assert reviewer.post(f"{API}/readings/{second}/finish").json()["status"] == "finished"
    assert reviewer.get(f"{API}/analyses/{drawn.analysis}/agreement").json()["readers"][1] == "Rita"


def test_a_reading_of_another_analysis_is_not_found(
    app: FastAPI, database: Database, reviewer: TestClient, second: str
) -> None:
    elsewhere = draw(database, app.state.service.blobs, name="P-018", seed=2)
    answer = reviewer.get(f"{API}/analyses/{elsewhere.analysis}/cells", params={"reading": second})
    refused(answer, 404, "not-found")


def test_a_second_reading_needs_other_eyes_and_is_made_once(
    reviewer: TestClient, admin: TestClient, drawn: Drawn, second: str
) -> None:
    url = f"{API}/analyses/{drawn.analysis}/readings"
    refused(admin.post(url, json={}), 409, "conflict")
    refused(reviewer.post(url, json={}), 409, "conflict")
    assert reviewer.post(f"{API}/readings/{second}/finish").status_code == 200
    refused(reviewer.post(url, json={}), 409, "conflict")
    refused(reviewer.post(f"{API}/readings/{second}/finish"), 409, "conflict")


def test_two_readings_are_compared_once_finished(
    reviewer: TestClient, admin: TestClient, viewer: TestClient, drawn: Drawn, second: str
) -> None:
    url = f"{API}/analyses/{drawn.analysis}/agreement"
    refused(viewer.get(url), 404, "not-found")
    cells = cells_of(reviewer, drawn.analysis)
    same = [{"id": c["id"], "revision": 0, "type": "plasma_cell"} for c in cells[:6]]
    other: list[dict[str, Any]] = [{"id": c["id"], "revision": 0, "type": "monocyte"} for c in cells[6:10]]
    assert change(reviewer, drawn, *same, *other).status_code == 200
    assert reviewer.post(f"{API}/readings/{second}/finish").json()["status"] == "finished"
    found = viewer.get(url).json()
    assert found["readers"] == ["First reading", "Rita"]
    assert (found["cells"], found["agreed"]) == (10, 6)
    first, rita = found["networks"]
    plasma = sum(c["model_type"] == "plasma_cell" for c in cells[:10])
    assert (first["reader"], first["cells"], first["agreed"]) == ("First reading", 10, plasma)
    hit = sum(c["model_type"] == "plasma_cell" for c in cells[:6])
    hit += sum(c["model_type"] == "monocyte" for c in cells[6:10])
    assert (rita["reader"], rita["cells"], rita["agreed"]) == ("Rita", 10, hit)
    table = found["table"]
    row, column = table["types"].index("plasma_cell"), table["types"].index("monocyte")
    assert table["counts"][row][column] == 4
    # Once finished, everybody may look at it, and its reader at the first.
    listed = admin.get(f"{API}/analyses/{drawn.analysis}/cells", params={"reading": second, "limit": 10})
    assert [c["reviewed_type"] for c in listed.json()["items"]] == ["plasma_cell"] * 6 + ["monocyte"] * 4
    assert cells_of(reviewer, drawn.analysis)[9]["reviewed_type"] == "plasma_cell"
    late = {"id": cells[0]["id"], "revision": 1, "type": "blast"}
    refused(change(reviewer, drawn, late, reading=second), 409, "locked")
