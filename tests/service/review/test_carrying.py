"""A new analysis finds the cells anew, and what readers said of them is still said."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.again import analyse_again, ask_again, found_anew, read_all, with_cell, without
from tests.service.conftest import own_password, reasons
from tests.service.drawn import Drawn
from tests.service.review.answered import FREE, at, carried, cells_of, comment, draw_cell, give, said
from tests.service.review.test_answers import API, change, differential, refused, trail

from marrowscope.service.review import carrying
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.reviews import Answer
from marrowscope.service.trail import checking

pytestmark = pytest.mark.drawn(cells=12, fields=3, seed=5)


@pytest.fixture
def reviewed(reviewer: TestClient, drawn: Drawn) -> dict[str, dict[str, Any]]:
    """Cells of the first analysis as rita left them: two named, one deleted, one drawn, one commented."""
    cells = cells_of(reviewer, drawn.analysis)
    named = give(reviewer, drawn.analysis, cells[0], type="blast")
    comment(reviewer, named, "Auer rod")
    found = {
        "named": named,
        "gone": give(reviewer, drawn.analysis, cells[1], type="monocyte"),
        "deleted": give(reviewer, drawn.analysis, cells[-1], deleted=True),
        "commented": cells[-2],
        "drawn": draw_cell(reviewer, drawn.analysis, drawn.fields[0]),
    }
    comment(reviewer, found["commented"], "a smudge?")
    now = {cell["id"]: cell for cell in cells_of(reviewer, drawn.analysis)}
    return {name: now[cell["id"]] for name, cell in found.items()}


def test_answers_and_comments_are_found_again_on_the_new_cells(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    readings[first] = without(readings[first], reviewed["gone"]["box"])
    analysis = analyse_again(reviewer, app, drawn, readings)
    now = cells_of(reviewer, analysis)
    for name in ("named", "deleted", "commented", "drawn"):
        assert said(at(now, reviewed[name]["box"])) == said(reviewed[name]), name
    again = at(now, FREE, within_px=0.1)
    assert (again["origin"], again["model_type"]) == ("person", None)
    assert sum(cell["reviewed_by"] is not None for cell in now) == 3
    texts = reviewer.get(f"{API}/cells/{at(now, reviewed['named']['box'])['id']}/comments").json()["items"]
    assert [(each["author"], each["text"]) for each in texts] == [("Rita", "Auer rod")]
    assert carried(reviewer, analysis) == {
        "carried": 4,
        "lost": [
            {
                "field": first, "number": reviewed["gone"]["number"], "type": "monocyte", "deleted": False,
                "comments": 0, "requests": 0, "by": "Rita", "why": "not found",
            }
        ],
    }  # fmt: skip
    patient = reviewer.get(f"{API}/patients/{drawn.patient}").json()
    assert patient["result"]["reviewed_cells"] == 3
    assert reviewer.get(f"{API}/analyses/{analysis}/differential").json()["reviewed_cells"] == 3
    entries = trail(database, "cell.carry")
    assert {entry["after"].get("by") for entry in entries} == {"rita", None}
    assert trail(database, "analysis.carry")[0]["after"] == {"carried": 4, "lost": 1}
    with database.reading() as session:
        assert checking.verify(session).is_whole
        kept = session.scalars(select(Answer).where(Answer.reading_id == analysis)).all()
        assert {answer.carried_from for answer in kept} == {drawn.analysis}


def test_the_earlier_analysis_stays_as_it_was(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    before = cells_of(reviewer, drawn.analysis), differential(reviewer, drawn)
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert (cells_of(reviewer, drawn.analysis), differential(reviewer, drawn)) == before


def test_a_drawn_cell_that_the_networks_find_now_becomes_an_answer_on_it(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    readings[first] = with_cell(readings[first], [side + 5 for side in FREE])
    analysis = analyse_again(reviewer, app, drawn, readings)
    cell = at(cells_of(reviewer, analysis), FREE)
    assert (cell["origin"], cell["model_type"], cell["type"]) == ("network", "lymphocyte", "plasma_cell")
    assert said(cell) == said(reviewed["drawn"])


def test_a_cell_drawn_and_taken_away_again_is_not_drawn_anew(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    give(reviewer, drawn.analysis, reviewed["drawn"], deleted=True)
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert all(cell["origin"] == "network" for cell in cells_of(reviewer, analysis))
    assert carried(reviewer, analysis)["lost"] == []


def test_a_box_drawn_anew_is_the_cell_that_the_networks_find_then(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    """The box taken back lies nearer to the new cell than the right one; it must not stand in its way."""
    give(reviewer, drawn.analysis, reviewed["drawn"], deleted=True)
    x0, y0, x1, y1 = FREE
    draw_cell(reviewer, drawn.analysis, drawn.fields[0], (x0 - 8, y0, x1 - 8, y1))
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    readings[first] = with_cell(readings[first], (x0 + 2, y0, x1 + 2, y1))
    analysis = analyse_again(reviewer, app, drawn, readings)
    found = at(cells_of(reviewer, analysis, field=drawn.fields[0]), FREE, within_px=12)
    assert (found["origin"], found["reviewed_type"]) == ("network", "plasma_cell")


def test_a_deletion_is_not_missed_where_the_networks_find_nothing_any_more(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    last = drawn.readings[-1].name
    readings[last] = without(readings[last], reviewed["deleted"]["box"])
    analysis = analyse_again(reviewer, app, drawn, readings)
    assert carried(reviewer, analysis) == {"carried": 4, "lost": []}
    # It holds again in an analysis that finds the cell once more.
    later = analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert at(cells_of(reviewer, later), reviewed["deleted"]["box"])["deleted"]


def test_of_two_new_cells_the_one_that_overlaps_better_is_taken(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn, shift_px=30)
    first = drawn.readings[0].name
    x0, y0, x1, y1 = reviewed["named"]["box"]
    readings[first] = with_cell(readings[first], (x0 + 2, y0 + 2, x1 + 2, y1 + 2))
    analysis = analyse_again(reviewer, app, drawn, readings)
    near = [
        cell
        for cell in cells_of(reviewer, analysis, field=drawn.fields[0])
        if abs(cell["box"][0] - x0) < 35 and abs(cell["box"][1] - y0) < 35
    ]
    assert {cell["box"][0]: cell["reviewed_type"] for cell in near} == {x0 + 2: "blast", x0 + 30: None}


def test_boxes_that_overlap_by_less_than_half_are_not_the_same_cell(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn, shift_px=40))
    found = carried(reviewer, analysis)
    assert found["carried"] == 1  # what was drawn is drawn again
    assert {lost["why"] for lost in found["lost"]} == {"not found"}
    assert len(found["lost"]) == 3


def test_an_image_read_only_at_the_second_try_gets_its_answers_then(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    last = {name: reading for name, reading in readings.items() if name != first}
    analysis = analyse_again(reviewer, app, drawn, last)
    assert {lost["why"] for lost in carried(reviewer, analysis)["lost"]} == {"not read"}
    assert carried(reviewer, analysis)["carried"] == 2
    deleted = at(cells_of(reviewer, analysis), reviewed["deleted"]["box"])
    give(admin, analysis, deleted, deleted=False, type="eosinophil")
    assert reviewer.post(f"{API}/analyses/{analysis}/retry").status_code == 200
    read_all(app, readings)
    assert carried(reviewer, analysis) == {"carried": 5, "lost": []}
    now = cells_of(reviewer, analysis)
    for name in ("named", "gone", "commented", "drawn"):
        assert said(at(now, reviewed[name]["box"])) == said(reviewed[name]), name
    kept = at(now, reviewed["deleted"]["box"])
    assert (kept["reviewed_type"], kept["reviewed_by"]) == ("eosinophil", "Anna")


def test_an_analysis_that_failed_in_between_breaks_no_chain(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    failed = analyse_again(reviewer, app, drawn, {})
    assert reviewer.get(f"{API}/analyses/{failed}").json()["status"] == "failed"
    assert carried(reviewer, failed) == {"carried": 0, "lost": []}
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert carried(reviewer, analysis) == {"carried": 5, "lost": []}
    assert said(at(cells_of(reviewer, analysis), reviewed["named"]["box"])) == said(reviewed["named"])


def test_answers_go_through_several_analyses_and_the_last_one_counts(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    second = analyse_again(reviewer, app, drawn, found_anew(drawn))
    renamed = give(admin, second, at(cells_of(admin, second), reviewed["gone"]["box"]), type="basophil")
    back = at(cells_of(admin, second), reviewed["deleted"]["box"])
    give(admin, second, back, deleted=False)
    third = analyse_again(reviewer, app, drawn, found_anew(drawn, shift_px=1))
    now = cells_of(reviewer, third)
    assert said(at(now, reviewed["gone"]["box"])) == said(renamed)
    assert at(now, reviewed["deleted"]["box"])["reviewed_by"] is None
    assert said(at(now, reviewed["named"]["box"])) == said(reviewed["named"])
    assert carried(reviewer, third) == {"carried": 4, "lost": []}


def test_what_was_lost_once_is_tried_again_but_never_over_a_later_answer(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    readings[first] = without(readings[first], reviewed["gone"]["box"])
    readings[first] = without(readings[first], reviewed["named"]["box"])
    second = analyse_again(reviewer, app, drawn, readings)
    assert len(carried(reviewer, second)["lost"]) == 2
    draw_cell(admin, second, drawn.fields[0], reviewed["named"]["box"])
    third = analyse_again(reviewer, app, drawn, found_anew(drawn))
    now = cells_of(reviewer, third)
    assert said(at(now, reviewed["gone"]["box"])) == said(reviewed["gone"])
    named = at(now, reviewed["named"]["box"])
    assert (named["reviewed_type"], named["reviewed_by"]) == ("plasma_cell", "Anna")
    assert [lost["type"] for lost in carried(reviewer, third)["lost"]] == ["blast"]


def test_nothing_half_carried_is_ever_seen(
    reviewer: TestClient,
    app: FastAPI,
    drawn: Drawn,
    reviewed: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analysis = ask_again(reviewer, drawn)

    def interrupted(*_: Any) -> Iterator[None]:
        raise KeyError

    with monkeypatch.context() as patch:
        patch.setattr(carrying, "_copy_comments", interrupted)
        with pytest.raises(KeyError):
            read_all(app, found_anew(drawn))
    assert reviewer.get(f"{API}/analyses/{analysis}").json()["status"] == "running"
    assert not any(cell["reviewed_by"] for cell in cells_of(reviewer, analysis))


def test_a_new_analysis_waits_for_a_blind_reader_whose_reading_stays_where_it_is(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    give(reviewer, drawn.analysis, cells_of(reviewer, drawn.analysis)[0], type="blast")
    reading = admin.post(f"{API}/analyses/{drawn.analysis}/readings", json={}).json()["id"]
    give(admin, drawn.analysis, cells_of(admin, drawn.analysis)[0], type="monocyte")
    patients = f"{API}/patients/{drawn.patient}"
    problem = refused(reviewer.post(f"{patients}/analyses", json={}), 409, "conflict")
    assert problem["detail"] == "Anna is reading this patient blind; analyse again when that is finished"
    refused(admin.get(f"{patients}/carried"), 403, "forbidden")
    assert admin.post(f"{API}/readings/{reading}/finish").status_code == 200
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert [r["kind"] for r in reviewer.get(f"{API}/analyses/{analysis}/readings").json()["items"]] == [
        "first"
    ]
    assert cells_of(reviewer, drawn.analysis, reading=reading)[0]["reviewed_type"] == "monocyte"
    assert reviewer.get(f"{API}/analyses/{drawn.analysis}/agreement").status_code == 200
    # Whoever gave an answer that was carried over took part in the new first reading, too.
    refused(reviewer.post(f"{API}/analyses/{analysis}/readings", json={}), 409, "conflict")
    refused(admin.post(f"{API}/analyses/{drawn.analysis}/readings", json={}), 409, "conflict")


def test_what_would_be_carried_is_told_before(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    url = f"{API}/patients/{drawn.patient}/carried"
    told = {"answers": 4, "comments": 2, "requests": 0, "versions": 0, "fields": 3}
    assert reviewer.get(url).json() == {**told, "fields_taken": 0}  # read by other networks
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert reviewer.get(url).json() == {**told, "fields_taken": 3}


def test_without_a_review_nothing_is_carried(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn
) -> None:
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert carried(reviewer, analysis) == {"carried": 0, "lost": []}
    assert trail(database, "analysis.carry") == []
    assert change(reviewer, drawn, {"id": "0" * 32, "revision": 0, "type": "blast"}).status_code == 404


def test_a_drawn_cell_beside_one_that_nobody_answered_stays_a_cell_of_its_own(
    reviewer: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    # The networks took two cells for one; the reader draws the second.
    one = cells_of(reviewer, drawn.analysis)[0]
    x0, y0, x1, y1 = one["box"]
    drawn_box = (x0, y0, x1, y0 + 0.6 * (y1 - y0))
    draw_cell(reviewer, drawn.analysis, drawn.fields[0], drawn_box)
    before = len(cells_of(reviewer, drawn.analysis))
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn, shift_px=0))
    now = cells_of(reviewer, analysis)
    assert len(now) == before
    assert [c["reviewed_type"] for c in now if c["box"] == one["box"]] == [None]
    assert [c["reviewed_type"] for c in now if c["origin"] == "person"] == ["plasma_cell"]
    assert carried(reviewer, analysis) == {"carried": 1, "lost": []}


def test_no_answer_is_taken_where_a_newer_analysis_would_not_have_it(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    cells = cells_of(reviewer, drawn.analysis)
    asked = ask_again(reviewer, drawn)
    # Until the new analysis is done, it takes over what is said meanwhile.
    late = give(reviewer, drawn.analysis, cells[2], type="basophil")
    read_all(app, found_anew(drawn))
    assert said(at(cells_of(reviewer, asked), late["box"])) == said(late)
    problem = refused(
        change(reviewer, drawn, {"id": cells[3]["id"], "revision": 0, "type": "blast"}), 409, "conflict"
    )
    assert problem["detail"] == "a newer analysis of this patient has replaced this one; continue there"
    body = {"field_id": drawn.fields[1], "box": list(FREE), "type": "blast"}
    refused(reviewer.post(f"{API}/analyses/{drawn.analysis}/cells", json=body), 409, "conflict")


def test_an_amended_report_is_still_changed_where_it_was_signed(
    reviewer: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    url = f"{API}/analyses/{drawn.analysis}"
    waived = reasons(reviewer, drawn.analysis)
    signature = {"meaning": "seen", "revision": 0, "password": own_password(reviewer), "waived": waived}
    assert reviewer.post(f"{url}/signature", json=signature).status_code == 201
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert reviewer.post(f"{url}/amendments", json={"reason": "a smudge"}).status_code == 201
    give(reviewer, drawn.analysis, cells_of(reviewer, drawn.analysis)[0], type="blast")
    assert cells_of(reviewer, drawn.analysis)[0]["reviewed_type"] == "blast"


def test_an_answer_carried_twice_still_names_the_analysis_it_was_given_to(
    reviewer: TestClient, app: FastAPI, database: Database, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    third = analyse_again(reviewer, app, drawn, found_anew(drawn))
    with database.reading() as session:
        kept = session.scalars(select(Answer).where(Answer.reading_id == third)).all()
        assert {answer.carried_from for answer in kept} == {drawn.analysis}


def test_no_answer_is_taken_while_a_newer_analysis_that_has_the_others_is_read_again(
    reviewer: TestClient, app: FastAPI, drawn: Drawn, reviewed: dict[str, dict[str, Any]]
) -> None:
    readings = found_anew(drawn)
    last = readings.pop(drawn.readings[-1].name)
    newer = analyse_again(reviewer, app, drawn, readings)
    assert reviewer.post(f"{API}/analyses/{newer}/retry").status_code == 200
    wanted = {"id": reviewed["named"]["id"], "revision": reviewed["named"]["revision"], "type": "basophil"}
    refused(change(reviewer, drawn, wanted), 409, "conflict")
    read_all(app, {last.name: last})
    assert at(cells_of(reviewer, newer), reviewed["named"]["box"])["reviewed_type"] == "blast"
