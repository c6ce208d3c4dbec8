"""The worklist: patients are searched and paged, however their names are written."""

import unicodedata

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.drawn import draw
from tests.service.uploaded import API, new_patient

from marrowscope.service.store.engine import Database


def test_worklist_is_searched_and_paged(reviewer: TestClient, viewer: TestClient) -> None:
    for name in ("Ärzte 100%", "b_1", "B_2", "bx3"):
        new_patient(reviewer, name)
    names = [item["name"] for item in viewer.get(f"{API}/patients").json()["items"]]
    assert names == ["bx3", "B_2", "b_1", "Ärzte 100%"]
    assert [i["name"] for i in viewer.get(f"{API}/patients?search=b_").json()["items"]] == ["B_2", "b_1"]
    assert [i["name"] for i in viewer.get(f"{API}/patients?search=100%25").json()["items"]] == ["Ärzte 100%"]
    first = viewer.get(f"{API}/patients?limit=3").json()
    second = viewer.get(f"{API}/patients?limit=3&cursor={first['next']}").json()
    assert [i["name"] for i in first["items"] + second["items"]] == names
    assert second["next"] is None
    assert viewer.get(f"{API}/patients?status=done").json()["items"] == []
    assert viewer.get(f"{API}/patients?cursor=bm9wZQ").status_code == 422
    assert viewer.post(f"{API}/patients", json={"name": "x"}).status_code == 403
    assert reviewer.post(f"{API}/patients", json={"name": " \n"}).status_code == 422


@pytest.mark.parametrize(
    ("name", "search"),
    [
        ("Özdemir", "özdem"), ("O\u0308zdemir", "ÖZDEMIR"), ("МРК 12", "мрк"), ("Straße 5", "STRASSE"),
        ("Σίσυφος", "σίσυφοσ"), ("100%", "100%"),
    ],
)  # fmt: skip
def test_names_are_found_whatever_their_capitals_and_accents(
    reviewer: TestClient, name: str, search: str
) -> None:
    new_patient(reviewer, name)
    new_patient(reviewer, "Somebody else")
    found = reviewer.get(f"{API}/patients", params={"search": search}).json()["items"]
    assert [patient["name"] for patient in found] == [unicodedata.normalize("NFC", name)]


def test_the_worklist_is_filtered_and_filters_are_paged(
    reviewer: TestClient, viewer: TestClient, app: FastAPI, database: Database
) -> None:
    shares = {"high": 0.9, "low": 0.0, "also low": 0.0}
    drawn = {
        name: draw(database, app.state.service.blobs, name=name, cells=240, blast_share=share).patient
        for name, share in shares.items()
    }
    empty = new_patient(reviewer, "empty")
    for name in ("high", "low"):
        reviewer.post(f"{API}/patients/{drawn[name]}/tags", json={"tag": "Trial A"}).raise_for_status()
    details = reviewer.get(f"{API}/patients/{empty}/details").json()
    body = {**details, "specimen": "blood"}
    reviewer.put(f"{API}/patients/{empty}/details", json=body).raise_for_status()
    question = {"asked": "anna", "text": "?"}
    reviewer.post(f"{API}/patients/{drawn['low']}/requests", json=question).raise_for_status()

    def found(**query: str) -> list[str]:
        answer = viewer.get(f"{API}/patients", params=query)
        assert answer.status_code == 200, answer.text
        return [patient["name"] for patient in answer.json()["items"]]

    decided = {
        name: viewer.get(f"{API}/patients/{i}").json()["result"]["decision"] for name, i in drawn.items()
    }
    assert len(set(decided.values())) > 1
    for decision in set(decided.values()):
        assert set(found(decision=decision)) == {name for name in drawn if decided[name] == decision}
    assert found(tag=" trial  A") == ["low", "high"]
    assert found(tag="trial") == []
    assert found(asked="anna") == ["low"]
    assert found(asked="rita") == []
    assert found(specimen="blood") == ["empty"]
    assert found(specimen="not stated") == ["also low", "low", "high"]
    assert found(tag="trial a", asked="anna", search="LO", status="done", specimen="not stated") == ["low"]
    first = viewer.get(f"{API}/patients?tag=trial a&limit=1").json()
    second = viewer.get(f"{API}/patients?tag=trial a&limit=1&cursor={first['next']}").json()
    assert [page["items"][0]["name"] for page in (first, second)] == ["low", "high"]
    assert second["next"] is None
    assert viewer.get(f"{API}/patients?decision=perhaps").status_code == 422
