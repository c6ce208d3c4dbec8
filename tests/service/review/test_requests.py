"""A colleague is asked about a cell, a field or a case, answers, and nothing of it breaks a blind reading."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.again import analyse_again, found_anew, without
from tests.service.conftest import log_in, own_password, reasons
from tests.service.drawn import Drawn, draw
from tests.service.review.answered import at, carried, cells_of, give
from tests.service.review.test_answers import API, refused, trail

from marrowscope.service.store.engine import Database

pytestmark = pytest.mark.drawn(cells=12, fields=3, seed=5)


def ask(client: TestClient, drawn: Drawn, asked: str = "anna", **about: str) -> dict[str, Any]:
    body = {"asked": asked, "text": "second opinion please", **about}
    answer = client.post(f"{API}/patients/{drawn.patient}/requests", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def box(client: TestClient, name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"{API}/requests?box={name}").json()["items"]
    return items


def waiting(client: TestClient) -> tuple[int, int]:
    told = client.get(f"{API}/requests/waiting").json()
    return told["asked"], told["answered"]


def answer(client: TestClient, request: dict[str, Any], text: str = "a blast") -> Any:
    return client.post(f"{API}/requests/{request['id']}/answer", json={"text": text})


def close(client: TestClient, request: dict[str, Any]) -> Any:
    return client.post(f"{API}/requests/{request['id']}/close")


def test_a_colleague_sees_the_request_answers_it_and_the_asker_sees_the_answer(
    reviewer: TestClient, admin: TestClient, database: Database, drawn: Drawn
) -> None:
    cell = cells_of(reviewer, drawn.analysis)[4]
    assert [each["username"] for each in reviewer.get(f"{API}/colleagues").json()["items"]] == ["anna"]
    request = ask(reviewer, drawn, cell_id=cell["id"])
    assert (request["cell_id"], request["number"], request["field_id"]) == (
        cell["id"], cell["number"], cell["field_id"],
    )  # fmt: skip
    assert (request["author"], request["asked_name"], request["state"]) == ("Rita", "Anna", "open")
    assert box(admin, "asked") == box(reviewer, "asking") == [request]
    assert (waiting(admin), waiting(reviewer)) == ((1, 0), (0, 0))
    assert admin.get(f"{API}/patients/{drawn.patient}").json()["asked"] == ["Anna"]

    answered = answer(admin, request).json()
    assert (answered["state"], answered["answer"]) == ("answered", "a blast")
    assert (waiting(admin), waiting(reviewer)) == ((0, 0), (0, 1))
    assert box(reviewer, "asking") == [answered]
    assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["asked"] == []
    refused(answer(admin, request), 409, "conflict")
    assert close(reviewer, request).json()["closed_by"] == "Rita"
    assert waiting(reviewer) == (0, 0)
    refused(close(reviewer, request), 409, "conflict")
    assert reviewer.get(f"{API}/patients/{drawn.patient}/requests").json()["items"] == box(admin, "asked")

    told = {action: trail(database, f"request.{action}") for action in ("ask", "answer", "close")}
    place = {"cell": cell["id"], "field": cell["field_id"]}
    assert [each["after"] for each in told["ask"]] == [{**place, "asked": "anna", "characters": 21}]
    assert [each["after"] for each in told["answer"]] == [{**place, "characters": 7}]
    assert [each["after"] for each in told["close"]] == [{**place, "was": "answered"}]
    entries = reviewer.get(f"{API}/patients/{drawn.patient}/audit?action=request.").json()["items"]
    assert {(entry["field"], entry["cell"]) for entry in entries} == {(request["field"], cell["number"])}


def test_a_field_or_the_whole_case_is_asked_about(reviewer: TestClient, drawn: Drawn) -> None:
    field = ask(reviewer, drawn, field_id=drawn.fields[1])
    assert (field["field"], field["cell_id"], field["number"]) == ("field 2.png", None, None)
    case = ask(reviewer, drawn)
    assert (case["field"], case["cell_id"]) == (None, None)
    assert [each["id"] for each in box(reviewer, "asking")] == [case["id"], field["id"]]


def test_lists_are_paged_with_open_requests_first(
    reviewer: TestClient, admin: TestClient, drawn: Drawn
) -> None:
    made = [ask(reviewer, drawn)["id"] for _ in range(4)]
    answer(admin, {"id": made[3]})
    close(admin, {"id": made[2]})
    url, found, cursor = f"{API}/requests?limit=1", [], ""
    while True:
        page = admin.get(url + cursor).json()
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == [made[1], made[0], made[3], made[2]]


def test_who_may_ask_answer_and_close(
    app: FastAPI, reviewer: TestClient, admin: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    url = f"{API}/patients/{drawn.patient}/requests"
    refused(viewer.post(url, json={"asked": "anna", "text": "?"}), 403, "forbidden")
    refused(reviewer.post(url, json={"asked": "rita", "text": "?"}), 422, "invalid")
    refused(reviewer.post(url, json={"asked": "vera", "text": "?"}), 422, "invalid")
    refused(reviewer.post(url, json={"asked": "nobody", "text": "?"}), 404, "not-found")
    assert reviewer.post(url, json={"asked": "anna", "text": " "}).status_code == 422
    request = ask(reviewer, drawn)
    refused(answer(reviewer, request), 403, "forbidden")
    refused(answer(viewer, request), 403, "forbidden")
    assert viewer.get(url).json()["items"] == [request]
    other = ask(admin, drawn, "rita")
    new = {"username": "rudi", "name": "Rudi", "role": "reviewer", "password": "stain and scanner"}
    user = admin.post(f"{API}/users", json=new).json()
    rudi = TestClient(app, raise_server_exceptions=False)
    log_in(rudi, "rudi", new["password"])
    refused(close(rudi, other), 403, "forbidden")
    assert close(reviewer, other).status_code == 200  # as who was asked
    admin.patch(f"{API}/users/{user['id']}", json={"active": False}).raise_for_status()
    refused(reviewer.post(url, json={"asked": "rudi", "text": "?"}), 422, "invalid")


def test_what_belongs_to_another_patient_is_not_asked_about(
    app: FastAPI, reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    other = draw(database, app.state.service.blobs, name="P-018", cells=12, fields=3, seed=5)
    cell = cells_of(reviewer, other.analysis)[0]["id"]
    url = f"{API}/patients/{drawn.patient}/requests"
    for about in ({"cell_id": cell}, {"field_id": other.fields[0]}, {"cell_id": "0" * 32}):
        body = {"asked": "anna", "text": "?", **about}
        refused(reviewer.post(url, json=body), 404, "not-found")


def test_who_reads_blind_sees_asks_and_answers_nothing_until_the_reading_is_finished(
    reviewer: TestClient, admin: TestClient, drawn: Drawn
) -> None:
    cells = cells_of(admin, drawn.analysis)
    give(admin, drawn.analysis, cells[0], type="blast")
    request = ask(admin, drawn, "rita", cell_id=cells[0]["id"])
    admin.post(f"{API}/patients/{drawn.patient}/tags", json={"tag": "aml"}).raise_for_status()
    mine = ask(reviewer, drawn)
    reading = reviewer.post(f"{API}/analyses/{drawn.analysis}/readings", json={}).json()["id"]
    answer(admin, mine, "I called it a blast")

    url = f"{API}/patients/{drawn.patient}"
    assert (box(reviewer, "asked"), box(reviewer, "asking"), waiting(reviewer)) == ([], [], (0, 0))
    shown = reviewer.get(url).json()
    assert (shown["asked"], shown["tags"], shown["result"]) == ([], [], None)
    decision = admin.get(url).json()["result"]["decision"]
    for query in ("asked=rita", "tag=aml", f"decision={decision}"):
        assert reviewer.get(f"{API}/patients?{query}").json()["items"] == [], query
        assert len(admin.get(f"{API}/patients?{query}").json()["items"]) == 1, query
    assert len(reviewer.get(f"{API}/patients?specimen=not stated").json()["items"]) == 1
    refused(reviewer.get(f"{url}/requests"), 403, "forbidden")
    refused(reviewer.post(f"{url}/requests", json={"asked": "anna", "text": "?"}), 403, "forbidden")
    refused(answer(reviewer, request), 403, "forbidden")
    refused(close(reviewer, mine), 403, "forbidden")
    refused(reviewer.post(f"{url}/tags", json={"tag": "x"}), 403, "forbidden")
    refused(reviewer.delete(f"{url}/tags?tag=aml"), 403, "forbidden")

    reviewer.post(f"{API}/readings/{reading}/finish").raise_for_status()
    assert [each["id"] for each in box(reviewer, "asked")] == [request["id"]]
    assert waiting(reviewer) == (1, 1)
    assert answer(reviewer, request).status_code == 200


def test_open_requests_are_open_points_before_a_signature(
    reviewer: TestClient, admin: TestClient, drawn: Drawn
) -> None:
    url = f"{API}/analyses/{drawn.analysis}"
    before = reviewer.get(f"{url}/checklist").json()["items"]
    waived = reasons(reviewer, drawn.analysis)
    request, _ = ask(reviewer, drawn), ask(reviewer, drawn)
    points = reviewer.get(f"{url}/checklist").json()["items"]
    (point,) = [each for each in points if each not in before]
    assert point == {
        "id": "requests",
        "text": "2 requests for an opinion are not answered (Anna).",
        "count": 2,
        "is_advice": False,
    }
    body = {"meaning": "seen", "revision": 0, "password": own_password(reviewer), "waived": waived}
    refused(reviewer.post(f"{url}/signature", json=body), 409, "open-points")
    answer(admin, request)
    (point,) = [each for each in reviewer.get(f"{url}/checklist").json()["items"] if each not in before]
    assert point["text"] == "1 request for an opinion is not answered (Anna)."
    body["waived"] = {**waived, "requests": "on leave"}
    assert reviewer.post(f"{url}/signature", json=body).status_code == 201
    page = reviewer.get(f"{url}/exports/report.html").text
    assert f"Left open: {point['text']} Reason: on leave" in page
    assert ask(reviewer, drawn)["state"] == "open"  # a question changes nothing that was signed


def test_a_request_about_a_cell_moves_to_the_cell_found_again(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    cells = cells_of(reviewer, drawn.analysis)
    kept, gone = ask(reviewer, drawn, cell_id=cells[0]["id"]), ask(reviewer, drawn, cell_id=cells[-1]["id"])
    answer(admin, kept)
    told = reviewer.get(f"{API}/patients/{drawn.patient}/carried").json()
    assert (told["answers"], told["requests"]) == (0, 2)
    readings = found_anew(drawn)
    last = drawn.readings[-1].name
    readings[last] = without(readings[last], cells[-1]["box"])
    analysis = analyse_again(reviewer, app, drawn, readings)
    now = {each["id"]: each for each in box(reviewer, "asking")}
    assert len(now) == 2
    assert now[kept["id"]]["cell_id"] == at(cells_of(reviewer, analysis), cells[0]["box"])["id"]
    assert (now[kept["id"]]["answer"], now[kept["id"]]["state"]) == ("a blast", "answered")
    lost = now[gone["id"]]
    assert (lost["cell_id"], lost["field"], lost["number"], lost["state"]) == (
        None, last, cells[-1]["number"], "open",
    )  # fmt: skip
    assert carried(reviewer, analysis) == {
        "carried": 1,
        "lost": [
            {
                "field": last, "number": cells[-1]["number"], "type": None, "deleted": False, "comments": 0,
                "requests": 1, "by": None, "why": "not found",
            }
        ],
    }  # fmt: skip
    # Once the networks find the cell again, the question is about it again.
    later = analyse_again(reviewer, app, drawn, found_anew(drawn, shift_px=1))
    now = {each["id"]: each for each in box(reviewer, "asking")}
    assert now[gone["id"]]["cell_id"] == at(cells_of(reviewer, later), cells[-1]["box"])["id"]
    stale = {"asked": "anna", "text": "?", "cell_id": cells[0]["id"]}
    refused(reviewer.post(f"{API}/patients/{drawn.patient}/requests", json=stale), 409, "conflict")


def test_requests_go_with_their_patient(reviewer: TestClient, admin: TestClient, drawn: Drawn) -> None:
    ask(reviewer, drawn, cell_id=cells_of(reviewer, drawn.analysis)[0]["id"])
    body = {"reason": "consent withdrawn"}
    assert admin.request("DELETE", f"{API}/patients/{drawn.patient}", json=body).status_code == 204
    assert box(admin, "asked") == []
