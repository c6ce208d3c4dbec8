"""The audit trail as an auditor reads it: cells and files by what they are, in parts, as a table."""

import csv
import io
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.conftest import logged_in
from tests.service.drawn import Drawn
from tests.service.uploaded import png

API = "/api/v1"


def entries(client: TestClient, path: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{API}{path}", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def name_a_cell(client: TestClient, drawn: Drawn) -> dict[str, Any]:
    cell: dict[str, Any] = client.get(f"{API}/analyses/{drawn.analysis}/cells").json()["items"][7]
    change = {"id": cell["id"], "revision": cell["revision"], "type": "monocyte"}
    answer = client.patch(f"{API}/analyses/{drawn.analysis}/cells", json={"changes": [change]})
    assert answer.status_code == 200, answer.text
    return cell


def test_an_answer_says_which_cell_of_which_field(reviewer: TestClient, drawn: Drawn) -> None:
    cell = name_a_cell(reviewer, drawn)
    (entry,) = entries(reviewer, f"/patients/{drawn.patient}/audit", action="cell.")
    assert (entry["field"], entry["cell"], entry["patient"]) == ("field 1.png", cell["number"], "P-017")
    assert (entry["before"]["type"], entry["after"]["type"]) == (None, "monocyte")
    assert reviewer.get(entry["picture"]).headers["content-type"] == "image/jpeg"


def test_images_are_told_by_their_names_as_long_as_they_are_there(
    admin: TestClient, reviewer: TestClient
) -> None:
    patient = reviewer.post(f"{API}/patients", json={"name": "P-5"}).json()["id"]
    files = [("files", (name, png(seed), "image/png")) for seed, name in enumerate(("b.png", "a.png"))]
    reviewer.post(f"{API}/patients/{patient}/files", files=files).raise_for_status()
    (entry,) = entries(reviewer, f"/patients/{patient}/audit", action="files.")
    assert entry["files"] == ["a.png", "b.png"]
    admin.request("DELETE", f"{API}/patients/{patient}", json={"reason": "withdrawn"})
    (entry,) = entries(reviewer, f"/patients/{patient}/audit", action="files.")
    assert (entry["files"], entry["patient"]) == ([], None)
    assert "a.png" not in admin.get(f"{API}/audit/export.jsonl").text


@pytest.mark.parametrize("name", ["cells.csv", "fhir.json", "report.html"])
def test_who_takes_a_report_out_is_recorded(viewer: TestClient, drawn: Drawn, name: str) -> None:
    assert viewer.get(f"{API}/analyses/{drawn.analysis}/exports/{name}").status_code == 200
    (entry,) = entries(viewer, f"/patients/{drawn.patient}/audit", action="report.")
    assert (entry["actor"], entry["action"], entry["after"]) == ("vera", "report.export", {"file": name})


def test_the_trail_is_listed_by_user_action_and_time(
    app: FastAPI, admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    name_a_cell(reviewer, drawn)
    logged_in(app, "vera")
    assert {entry["actor"] for entry in entries(admin, "/audit", actor="RIT")} == {"rita"}
    assert {entry["action"] for entry in entries(admin, "/audit", action="session.")} == {"session.open"}
    both = entries(admin, "/audit", action=["session.", "cell."])
    assert {entry["action"] for entry in both} == {"session.open", "cell.review"}
    every = entries(admin, "/audit")
    middle = every[len(every) // 2]["at"]
    early, late = entries(admin, "/audit", until=middle), entries(admin, "/audit", since=middle)
    assert [*late, *early] == every
    assert late
    assert early
    assert entries(admin, "/audit", actor="%") == []


def test_the_table_has_a_row_an_entry_and_is_itself_recorded(
    admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    cell = name_a_cell(reviewer, drawn)
    answer = admin.get(f"{API}/audit/export.csv", params={"action": "cell."})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["actor"], row["field"], row["cell"]) == ("rita", "field 1.png", str(cell["number"]))
    assert '"monocyte"' in row["after"]
    of_patient = reviewer.get(f"{API}/patients/{drawn.patient}/audit.csv").text
    assert len(of_patient.splitlines()) >= 3
    assert [entry["actor"] for entry in entries(admin, "/audit", action="trail.")] == ["rita", "anna"]


def test_the_table_hides_what_the_list_hides(app: FastAPI, reviewer: TestClient, drawn: Drawn) -> None:
    blind = logged_in(app, "anna")
    reading = blind.post(f"{API}/analyses/{drawn.analysis}/readings").json()["id"]
    name_a_cell(blind, drawn)
    rows = list(csv.DictReader(io.StringIO(reviewer.get(f"{API}/patients/{drawn.patient}/audit.csv").text)))
    assert "reading.open" in {row["action"] for row in rows}
    assert "reading.answer" not in {row["action"] for row in rows}
    assert blind.get(f"{API}/patients/{drawn.patient}/audit.csv").status_code == 403
    assert blind.post(f"{API}/readings/{reading}/finish").status_code == 200
    rows = list(csv.DictReader(io.StringIO(reviewer.get(f"{API}/patients/{drawn.patient}/audit.csv").text)))
    (answered,) = [row for row in rows if row["action"] == "reading.answer"]
    assert answered["field"] == "field 1.png"


def test_the_whole_trail_is_for_administrators(reviewer: TestClient) -> None:
    assert reviewer.get(f"{API}/audit/export.csv").status_code == 403
