"""Tags are written one way, suggested from those in use, and find patients again."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.again import analyse_again, found_anew
from tests.service.drawn import Drawn
from tests.service.review.test_answers import API, refused, trail
from tests.service.uploaded import new_patient

from marrowscope.errors import InputError
from marrowscope.service.review.notes.tags import LONGEST_TAG, MOST_TAGS, normal
from marrowscope.service.store.engine import Database


def put(client: TestClient, patient: str, tag: str) -> list[str]:
    answer = client.post(f"{API}/patients/{patient}/tags", json={"tag": tag})
    assert answer.status_code == 200, answer.text
    tags: list[str] = answer.json()["tags"]
    return tags


@pytest.mark.parametrize(
    ("text", "tag"),
    [("  Trial  A ", "trial a"), ("RE\u0301CIDIVE", "r\u00e9cidive"), ("Straße", "straße")],
)
def test_a_tag_is_written_one_way(text: str, tag: str) -> None:
    assert normal(text) == tag == normal(tag)


@pytest.mark.parametrize("text", ["", "  ", "x" * (LONGEST_TAG + 1), "a\u0007b"])
def test_what_is_no_tag_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        normal(text)


def test_tags_are_put_on_taken_off_and_audited(
    reviewer: TestClient, viewer: TestClient, database: Database, drawn: Drawn
) -> None:
    assert put(reviewer, drawn.patient, "Trial A") == ["trial a"]
    assert put(reviewer, drawn.patient, "conference") == put(reviewer, drawn.patient, " CONFERENCE") == [
        "conference", "trial a",
    ]  # fmt: skip
    url = f"{API}/patients/{drawn.patient}"
    assert viewer.get(url).json()["tags"] == ["conference", "trial a"]
    refused(viewer.post(f"{url}/tags", json={"tag": "x"}), 403, "forbidden")
    for _ in range(2):  # it may be gone already
        assert reviewer.delete(f"{url}/tags?tag=Conference").json()["tags"] == ["trial a"]
    assert [entry["after"] for entry in trail(database, "patient.tag")] == [
        {"tag": "trial a"}, {"tag": "conference"},
    ]  # fmt: skip
    assert [entry["before"] for entry in trail(database, "patient.untag")] == [{"tag": "conference"}]


def test_tags_in_use_are_suggested_the_most_frequent_first(reviewer: TestClient) -> None:
    for name, tags in (("A", ["trial", "child"]), ("B", ["trial"])):
        patient = new_patient(reviewer, name)
        for tag in tags:
            put(reviewer, patient, tag)
    assert reviewer.get(f"{API}/tags").json()["items"] == [
        {"tag": "trial", "patients": 2}, {"tag": "child", "patients": 1},
    ]  # fmt: skip


def test_a_patient_has_a_limited_number_of_tags(reviewer: TestClient) -> None:
    patient = new_patient(reviewer)
    for number in range(MOST_TAGS):
        put(reviewer, patient, f"t{number}")
    refused(reviewer.post(f"{API}/patients/{patient}/tags", json={"tag": "more"}), 422, "invalid")
    assert "t0" in put(reviewer, patient, "t0")


def test_tags_outlive_analyses(reviewer: TestClient, app: FastAPI, drawn: Drawn) -> None:
    put(reviewer, drawn.patient, "trial")
    analyse_again(reviewer, app, drawn, found_anew(drawn))
    assert reviewer.get(f"{API}/patients/{drawn.patient}").json()["tags"] == ["trial"]
