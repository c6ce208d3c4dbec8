"""Control slides: occasions beside the worklist, charts, alarms, and their acknowledgement."""

import csv
import io

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.conftest import own_password, reasons
from tests.service.drawn import Drawn
from tests.service.quality.slides import Slide, add_slide, signals
from tests.service.review.answered import cells_of, give
from tests.service.review.test_answers import API, refused, trail

from marrowscope.service.store.engine import Database


@pytest.fixture
def slide(app: FastAPI, reviewer: TestClient) -> Slide:
    return add_slide(app, reviewer)


def sign(client: TestClient, analysis: str) -> None:
    revision = client.get(f"{API}/analyses/{analysis}").json()["revision"]
    body = {
        "meaning": "reviewed", "revision": revision, "password": own_password(client),
        "waived": reasons(client, analysis),
    }  # fmt: skip
    answer = client.post(f"{API}/analyses/{analysis}/signature", json=body)
    assert answer.status_code == 201, answer.text


def test_an_occasion_leaves_the_worklist_until_asked_for(
    slide: Slide, reviewer: TestClient, drawn: Drawn, database: Database
) -> None:
    occasion = slide.occasion(1)
    listed = reviewer.get(f"{API}/patients").json()["items"]
    assert [each["id"] for each in listed] == [drawn.patient]
    found = reviewer.get(f"{API}/patients", params={"search": "QC"}).json()["items"]
    assert [each["id"] for each in found] == [occasion.patient]
    every = reviewer.get(f"{API}/patients", params={"controls": True}).json()["items"]
    assert {each["id"] for each in every} == {drawn.patient, occasion.patient}
    assert slide.mark(occasion.patient, None).status_code == 204
    assert len(reviewer.get(f"{API}/patients").json()["items"]) == 2
    after = [entry["after"] for entry in trail(database, "control.mark")]
    assert after == [{"control": slide.id}, {"control": None}]


def test_too_few_occasions_say_how_many_are_missing(slide: Slide) -> None:
    for number in range(3):
        slide.occasion(number)
    shown = slide.shown()
    assert (shown["occasions"], shown["missing"], shown["signals"]) == (3, 7, 0)
    for chart in shown["charts"]:
        assert (chart["missing"], chart["no_limits"], chart["centre"]) == (7, "few occasions", None)
        assert all(point["low"] is None for point in chart["points"])


def test_a_paler_stain_raises_an_alarm_that_everybody_sees_and_a_reason_ends(
    slide: Slide, viewer: TestClient, client: TestClient, database: Database
) -> None:
    for number in range(11):
        slide.occasion(number)
    assert slide.shown()["missing"] == 0
    assert viewer.get(f"{API}/alarms").json()["items"] == []
    slide.occasion(11, contrast=70)
    assert signals(slide) == [(None, "contrast", ("stain",))]
    (alarm,) = viewer.get(f"{API}/alarms").json()["items"]
    assert (alarm["name"], alarm["signals"], alarm["causes"]) == ("Marrow A", 1, ["stain"])
    assert 'marrowscope_control_signals{cause="stain"} 1.0' in client.get("/metrics").text

    (key,) = [p["signal"] for p in slide.chart("contrast", None)["points"] if p["signal"]]
    url = f"{API}/controls/{slide.id}/acknowledgements"
    refused(viewer.post(url, json={"signals": [key], "reason": "new Giemsa"}), 403, "forbidden")
    assert slide.client.post(url, json={"signals": [key], "reason": " "}).status_code == 422
    refused(slide.client.post(url, json={"signals": ["x"], "reason": "new Giemsa"}), 422, "invalid")
    assert slide.client.post(url, json={"signals": [key], "reason": "new Giemsa"}).status_code == 201
    assert viewer.get(f"{API}/alarms").json()["items"] == []
    assert [(a["by"], a["reason"]) for a in slide.shown()["acknowledgements"]] == [("Rita", "new Giemsa")]
    assert trail(database, "control.acknowledge")[0]["after"] == {
        "signals": 1, "causes": ["stain"], "reason": "new Giemsa",
    }  # fmt: skip
    assert 'marrowscope_control_signals{cause="stain"} 0.0' in client.get("/metrics").text
    refused(slide.client.post(url, json={"signals": [key], "reason": "again"}), 422, "invalid")


def test_a_new_bundle_that_names_the_same_cells_otherwise_is_the_bundle(slide: Slide) -> None:
    drawn = [slide.occasion(number) for number in range(2)]
    slide.read_again(drawn[0], days=20, blasts=3)
    assert signals(slide) == []
    slide.read_again(drawn[1], days=21, blasts=25)
    assert ("", "blast", ("bundle",)) in signals(slide)
    assert {causes for *_, causes in signals(slide)} == {("bundle",)}
    again = slide.chart("blast")["points"][-1]
    assert (again["rules"], again["sets_limits"]) == (["paired"], False)


def test_reading_a_patient_again_with_the_same_bundle_is_the_same_occasion(slide: Slide) -> None:
    first, second = slide.occasion(1), slide.occasion(2)
    again = slide.read_again(first, days=20, blasts=5, bundle=None)
    assert [each["analysis_id"] for each in slide.shown()["seen"]] == [again, second.analysis]
    chart = slide.chart("blast")
    assert [point["analysis_id"] for point in chart["points"]] == [again, second.analysis]
    assert chart["missing"] == 8


def test_people_have_charts_of_what_they_signed_or_finished(slide: Slide, admin: TestClient) -> None:
    occasion = slide.occasion(1)
    first, second, *_ = (c for c in cells_of(slide.client, occasion.analysis) if c["type"] != "blast")
    give(slide.client, occasion.analysis, first, type="blast")
    assert {chart["reader"] for chart in slide.shown()["charts"]} == {None, ""}
    reading = admin.post(f"{API}/analyses/{occasion.analysis}/readings", json={}).json()["id"]
    give(admin, occasion.analysis, {**second, "revision": 0}, type="monocyte")
    refused(admin.get(f"{API}/controls/{slide.id}"), 403, "forbidden")
    assert admin.get(f"{API}/controls").json()["items"][0]["hidden"] is True
    assert admin.post(f"{API}/readings/{reading}/finish").status_code == 200
    sign(slide.client, occasion.analysis)
    networks, rita, anna = (slide.chart("blast", reader)["points"][0] for reader in ("", "Rita", "Anna"))
    assert rita["cells"] == networks["cells"] + first["counted"]
    assert anna["cells"] == networks["cells"]


def test_the_same_cells_are_compared_with_the_expected_answers(
    app: FastAPI, reviewer: TestClient, drawn: Drawn
) -> None:
    body = {"name": "B", "target_id": drawn.analysis}
    refused(reviewer.post(f"{API}/controls", json=body), 409, "conflict")
    for cell in cells_of(reviewer, drawn.analysis)[:6]:
        give(reviewer, drawn.analysis, cell, type="blast")
    sign(reviewer, drawn.analysis)
    slide = add_slide(app, reviewer, name="B", target_id=drawn.analysis)
    assert slide.mark(drawn.patient).status_code == 204
    slide.read_again(drawn, days=1)
    own, again = slide.shown()["seen"]
    named = sum(c["model_type"] == "blast" for c in cells_of(reviewer, drawn.analysis)[:6])
    for occasion in (own, again):
        (networks,) = occasion["agreements"]
        assert (networks["reader"], networks["cells"], networks["agreed"]) == ("", 6, named)


def test_the_table_holds_every_value(slide: Slide) -> None:
    slide.occasion(1)
    answer = slide.client.get(f"{API}/controls/{slide.id}/charts.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == sum(len(chart["points"]) for chart in slide.shown()["charts"])
    (contrast,) = [row for row in rows if row["measure"] == "contrast"]
    assert (contrast["reader"], contrast["value"], contrast["low"]) == ("images", "119.0", "")


def test_a_removed_control_gives_its_occasions_back(
    slide: Slide, admin: TestClient, reviewer: TestClient
) -> None:
    slide.occasion(1)
    assert reviewer.get(f"{API}/patients").json()["items"] == []
    assert admin.delete(f"{API}/controls/{slide.id}").status_code == 204
    assert len(reviewer.get(f"{API}/patients").json()["items"]) == 1
    assert reviewer.get(f"{API}/controls").json()["items"] == []


def test_names_are_taken_once(slide: Slide) -> None:
    refused(slide.client.post(f"{API}/controls", json={"name": "Marrow A"}), 409, "conflict")


def test_who_reads_an_occasion_blind_is_blind_to_the_slides_other_occasions(
    slide: Slide, admin: TestClient
) -> None:
    one, other = slide.occasion(1), slide.occasion(2)
    cells = f"{API}/analyses/{other.analysis}/cells"
    assert admin.get(cells).status_code == 200
    reading = admin.post(f"{API}/analyses/{one.analysis}/readings", json={}).json()["id"]
    refused(admin.get(cells), 403, "forbidden")
    for patient in (one.patient, other.patient):
        refused(admin.put(f"{API}/patients/{patient}/control", json={"control_id": None}), 403, "forbidden")
    refused(admin.delete(f"{API}/controls/{slide.id}"), 403, "forbidden")
    assert admin.post(f"{API}/readings/{reading}/finish").status_code == 200
    assert admin.get(cells).status_code == 200
    assert slide.mark(other.patient, None).status_code == 204
