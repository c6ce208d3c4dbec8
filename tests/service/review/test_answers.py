"""Reviewing cells: a person's word beside the networks', whole batches, nobody overwritten."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.service.conftest import logged_in
from tests.service.drawn import Drawn, draw
from tests.service.review.answered import cells_of

from marrowscope.analysis.numbers import ENOUGH_REVIEWED
from marrowscope.service.actors import SYSTEM
from marrowscope.service.analyses import analyses
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import DONE
from marrowscope.service.store.tables.audit import AuditEntry
from marrowscope.service.trail import audit

API = "/api/v1"


def change(client: TestClient, drawn: Drawn, *changes: dict[str, Any], **more: Any) -> Any:
    return client.patch(f"{API}/analyses/{drawn.analysis}/cells", json={"changes": list(changes), **more})


def differential(client: TestClient, drawn: Drawn, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{API}/analyses/{drawn.analysis}/differential", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def trail(database: Database, action: str) -> list[dict[str, Any]]:
    with database.reading() as session:
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.number)
        return [audit.document(entry) for entry in session.scalars(query)]


def refused(answer: Any, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == kind
    return problem


def other(cell: dict[str, Any]) -> dict[str, Any]:
    return {"id": cell["id"], "revision": cell["revision"], "type": "myeloblast"}


def test_a_name_stands_beside_the_networks_and_moves_the_count(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    before = differential(reviewer, drawn)
    assert before["model"] == before["reviewed"]
    cell = next(c for c in cells_of(reviewer, drawn.analysis, type="lymphocyte") if c["counted"])
    answer = change(reviewer, drawn, other(cell))
    assert answer.status_code == 200, answer.text
    (changed,) = answer.json()["items"]
    assert changed["model_type"] == "lymphocyte"
    assert changed["reviewed_type"] == changed["type"] == "myeloblast"
    assert changed["reviewed_by"] == "Rita"
    assert changed["revision"] == cell["revision"] + 1
    assert answer.json()["revision"] == 1
    after = differential(reviewer, drawn)
    assert after["model"] == before["model"]
    assert after["reviewed"]["blasts"] == before["reviewed"]["blasts"] + 1
    assert after["reviewed"]["counted"] == before["reviewed"]["counted"]
    assert after["reviewed_cells"] == 1
    patient = reviewer.get(f"{API}/patients/{drawn.patient}").json()
    assert patient["result"]["blasts"] == after["reviewed"]["blasts"]
    assert patient["result"]["reviewed_cells"] == 1
    (entry,) = trail(database, "cell.review")
    assert entry["actor"] == "rita"
    assert entry["subject_id"] == cell["id"]
    assert entry["patient_id"] == drawn.patient
    assert (entry["before"]["type"], entry["after"]["type"]) == (None, "myeloblast")


def test_taking_back_restores_the_networks_word(reviewer: TestClient, drawn: Drawn) -> None:
    before = differential(reviewer, drawn)
    cell = cells_of(reviewer, drawn.analysis)[3]
    (changed,) = change(reviewer, drawn, other(cell)).json()["items"]
    (back,) = change(
        reviewer, drawn, {"id": cell["id"], "revision": changed["revision"], "type": None}
    ).json()["items"]
    assert {**back, "revision": 0} == cell
    assert reviewer.get(f"{API}/analyses/{drawn.analysis}").json()["revision"] == 2
    assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["result"]["reviewed_cells"] == 0
    assert differential(reviewer, drawn) == before


def test_of_two_reviewers_at_once_the_second_is_shown_the_firsts_word(
    app: FastAPI, reviewer: TestClient, drawn: Drawn
) -> None:
    anna = logged_in(app, "anna")
    cells = cells_of(reviewer, drawn.analysis)[:3]
    assert change(anna, drawn, {**other(cells[1]), "type": "monocyte"}).status_code == 200
    problem = refused(change(reviewer, drawn, *map(other, cells)), 409, "conflict")
    (conflict,) = problem["conflicts"]
    assert conflict["id"] == cells[1]["id"]
    assert conflict["reviewed_type"] == "monocyte"
    assert conflict["reviewed_by"] == "Anna"
    now = cells_of(reviewer, drawn.analysis)[:3]
    assert [c["reviewed_type"] for c in now] == [None, "monocyte", None]  # nothing of the batch was taken


def test_fields_read_later_leave_the_review_in_force(
    reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    cell = next(c for c in cells_of(reviewer, drawn.analysis, type="lymphocyte") if c["counted"])
    change(reviewer, drawn, other(cell))
    before = reviewer.get(f"{API}/patients/{drawn.patient}").json()["result"]
    with database.writing() as session:
        analyses.end(session, SYSTEM, analyses.get(session, drawn.analysis), DONE, "")
    assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["result"] == before


def test_a_single_change_needs_the_revision_seen(reviewer: TestClient, drawn: Drawn) -> None:
    cell = cells_of(reviewer, drawn.analysis)[0]
    url = f"{API}/cells/{cell['id']}"
    refused(reviewer.patch(url, json={"type": "blast"}), 422, "invalid")
    answer = reviewer.patch(url, json={"type": "blast"}, headers={"If-Match": '"0"'})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    problem = refused(
        reviewer.patch(url, json={"type": "monocyte"}, headers={"If-Match": '"0"'}), 412, "precondition"
    )
    assert problem["conflicts"][0]["type"] == "blast"
    assert reviewer.get(url).json()["type"] == "blast"


def test_a_deleted_cell_is_kept_and_can_come_back(reviewer: TestClient, drawn: Drawn) -> None:
    before = differential(reviewer, drawn)["reviewed"]
    cell = next(c for c in cells_of(reviewer, drawn.analysis) if c["counted"])
    gone = change(reviewer, drawn, {"id": cell["id"], "revision": 0, "deleted": True}).json()["items"][0]
    assert gone["deleted"]
    assert not gone["counted"]
    assert differential(reviewer, drawn)["reviewed"]["counted"] == before["counted"] - 1
    back = change(reviewer, drawn, {"id": cell["id"], "revision": 1, "deleted": False}).json()["items"][0]
    assert back["counted"]
    assert differential(reviewer, drawn)["reviewed"] == before


def test_a_missed_cell_is_added(reviewer: TestClient, database: Database, drawn: Drawn) -> None:
    before = differential(reviewer, drawn)
    body = {"field_id": drawn.fields[0], "box": [100, 100, 190, 190], "type": "blast"}
    answer = reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body)
    assert answer.status_code == 201, answer.text
    cell = answer.json()
    assert cell["origin"] == "person"
    assert cell["model_type"] is None
    assert cell["number"] == len(drawn.readings[0].cells) + 1
    after = differential(reviewer, drawn)
    assert after["model"] == before["model"]
    assert after["reviewed"]["blasts"] == before["reviewed"]["blasts"] + 1
    assert after["reviewed"]["counted"] == before["reviewed"]["counted"] + 1
    refused(change(reviewer, drawn, {"id": cell["id"], "revision": 0, "type": None}), 422, "invalid")
    assert change(reviewer, drawn, {"id": cell["id"], "revision": 0, "deleted": True}).status_code == 200
    assert differential(reviewer, drawn)["reviewed"] == before["reviewed"]
    assert trail(database, "cell.add")[0]["after"]["type"] == "blast"


@pytest.mark.parametrize(
    "box", [[-1, 0, 50, 50], [0, 0, 1601, 50], [10, 10, 11, 50], [50, 50, 10, 10], [0, 0, "x", 3]]
)
def test_a_box_that_is_none_is_refused(reviewer: TestClient, drawn: Drawn, box: list[Any]) -> None:
    body = {"field_id": drawn.fields[0], "box": box, "type": "blast"}
    refused(reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body), 422, "invalid")


def test_a_cell_drawn_at_the_edge_does_not_count(reviewer: TestClient, drawn: Drawn) -> None:
    before = differential(reviewer, drawn)["reviewed"]["counted"]
    body = {"field_id": drawn.fields[0], "box": [0, 100, 90, 190], "type": "blast"}
    cell = reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body).json()
    assert cell["flags"] == ["border"]
    assert not cell["counted"]
    assert differential(reviewer, drawn)["reviewed"]["counted"] == before


def test_a_cell_drawn_over_a_band_around_the_picture_does_not_count(
    app: FastAPI, reviewer: TestClient, database: Database
) -> None:
    """As one that the networks find there: a band cuts cells as the image's edge does."""
    padded = draw(database, app.state.service.blobs, name="P-018", picture=(0, 120, 1600, 1200))
    before = differential(reviewer, padded)["reviewed"]["counted"]
    flags = []
    for top in (60, 300):
        body = {"field_id": padded.fields[0], "box": [100, top, 190, top + 90], "type": "blast"}
        answer = reviewer.post(f"{API}/analyses/{padded.analysis}/cells", json=body)
        flags.append(answer.json()["flags"])
    assert flags == [["border"], []]
    assert differential(reviewer, padded)["reviewed"]["counted"] == before + 1


def test_what_does_not_exist_is_refused(
    app: FastAPI, reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    elsewhere = draw(database, app.state.service.blobs, name="P-018", seed=2)
    foreign = cells_of(reviewer, elsewhere.analysis)[0]
    refused(change(reviewer, drawn, other(foreign)), 404, "not-found")
    cell = cells_of(reviewer, drawn.analysis)[0]
    refused(change(reviewer, drawn, {**other(cell), "type": "unicorn"}), 422, "invalid")
    refused(change(reviewer, drawn, other(cell), other(cell)), 422, "invalid")
    refused(change(reviewer, drawn, {"id": cell["id"], "revision": 0}), 422, "invalid")
    body = {"field_id": elsewhere.fields[0], "box": [100, 100, 190, 190], "type": "blast"}
    refused(reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body), 404, "not-found")
    assert cells_of(reviewer, elsewhere.analysis)[0] == foreign


def test_remarks_are_kept_in_order_and_counted(
    app: FastAPI, reviewer: TestClient, database: Database, drawn: Drawn
) -> None:
    cell = cells_of(reviewer, drawn.analysis)[0]
    url = f"{API}/cells/{cell['id']}/comments"
    assert reviewer.post(url, json={"text": "<b>smudge?</b>"}).status_code == 201
    assert logged_in(app, "anna").post(url, json={"text": "No:\na monocyte"}).status_code == 201
    items = reviewer.get(url).json()["items"]
    assert [(c["author"], c["text"]) for c in items] == [
        ("Rita", "<b>smudge?</b>"),
        ("Anna", "No:\na monocyte"),
    ]
    assert reviewer.get(f"{API}/cells/{cell['id']}").json()["comments"] == 2
    assert "smudge" not in str(trail(database, "cell.comment"))


def test_a_viewer_changes_nothing_and_a_stranger_sees_nothing(
    client: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    cell = cells_of(viewer, drawn.analysis)[0]
    body = {"field_id": drawn.fields[0], "box": [100, 100, 190, 190], "type": "blast"}
    analysis = f"{API}/analyses/{drawn.analysis}"
    refused(change(viewer, drawn, other(cell)), 403, "forbidden")
    refused(viewer.post(f"{analysis}/cells", json=body), 403, "forbidden")
    refused(viewer.post(f"{API}/cells/{cell['id']}/comments", json={"text": "x"}), 403, "forbidden")
    refused(viewer.post(f"{analysis}/readings", json={}), 403, "forbidden")
    single = viewer.patch(f"{API}/cells/{cell['id']}", json={"type": "blast"}, headers={"If-Match": "0"})
    refused(single, 403, "forbidden")
    assert viewer.get(f"{analysis}/differential").status_code == 200
    for path in ("differential", "readings", "agreement", "suggestions"):
        assert client.get(f"{analysis}/{path}").status_code == 401


def test_suggestions_go_on_where_the_review_stands(reviewer: TestClient, drawn: Drawn) -> None:
    url = f"{API}/analyses/{drawn.analysis}/suggestions"
    by_id = {c["id"]: c for c in cells_of(reviewer, drawn.analysis)}
    seen: set[str] = set()
    for _ in range(3):
        items = reviewer.get(url, params={"number": 20}).json()["items"]
        assert [item["part"] for item in items].count("random") == 10
        assert not {item["cell_id"] for item in items} & seen
        seen |= {item["cell_id"] for item in items}
        named = [by_id[item["cell_id"]] for item in items]
        body = [{"id": c["id"], "revision": c["revision"], "type": c["model_type"]} for c in named]
        assert change(reviewer, drawn, *body).status_code == 200
    shown = differential(reviewer, drawn)
    inferred = shown["inferred"]
    assert inferred["cells"] >= 30
    assert shown["lot"]["wanted"] == ENOUGH_REVIEWED
    assert 30 <= shown["lot"]["answered"] <= len(seen)
    assert inferred["ci_low"] < inferred["percent"] < inferred["ci_high"]


_deeds = st.lists(
    st.tuples(st.integers(0, 11), st.sampled_from(["blast", "monocyte", "platelet", "erythroblast", None])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_deeds)
def test_any_way_to_the_last_word_gives_its_count(
    app: FastAPI, database: Database, deeds: list[tuple[int, str | None]]
) -> None:
    """Naming, renaming and taking back one after the other counts as the last words said at once."""
    client = logged_in(app, "rita")
    step, at_once = (draw(database, app.state.service.blobs, cells=60, fields=2) for _ in range(2))
    cells = cells_of(client, step.analysis)[:12]
    revisions = [0] * 12
    for place, name in deeds:
        body = {"id": cells[place]["id"], "revision": revisions[place], "type": name}
        revisions[place] = change(client, step, body).json()["items"][0]["revision"]
    last = dict(deeds)
    twins = cells_of(client, at_once.analysis)
    change(client, at_once, *({"id": twins[p]["id"], "revision": 0, "type": n} for p, n in last.items()))
    assert differential(client, step) == differential(client, at_once)
