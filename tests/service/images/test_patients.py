"""The worklist: patients are searched and paged, however their names are written."""

import unicodedata

import pytest
from fastapi.testclient import TestClient
from tests.service.uploaded import API, new_patient


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
