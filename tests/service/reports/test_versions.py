"""A patient's signed versions stay in sight, whatever analysis comes after them."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.again import analyse_again, found_anew
from tests.service.conftest import own_password, reasons
from tests.service.drawn import Drawn
from tests.service.reports.test_signing import export, name_blasts, sign
from tests.service.review.test_answers import API, refused

pytestmark = pytest.mark.drawn(cells=60, fields=2)


def signature(client: TestClient, analysis: str) -> dict[str, Any]:
    password, waived = own_password(client), reasons(client, analysis)
    return {"meaning": "Reviewed", "revision": 0, "password": password, "waived": waived}


def patient_of(client: TestClient, drawn: Drawn) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"{API}/patients/{drawn.patient}").json()
    (listed,) = client.get(f"{API}/patients").json()["items"]
    assert listed == shown
    return shown


def versions_of(client: TestClient, drawn: Drawn) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/patients/{drawn.patient}/versions")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_a_newer_analysis_hides_no_signed_version(reviewer: TestClient, app: FastAPI, drawn: Drawn) -> None:
    name_blasts(reviewer, drawn, 5)
    first = sign(reviewer, drawn).json()
    names = ("report.html", "cells.csv", "patients.csv", "fhir.json")
    before = {name: export(reviewer, drawn, name, version=1) for name in names}
    assert patient_of(reviewer, drawn)["signed"]["state"] == "current"

    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    patient = patient_of(reviewer, drawn)
    assert (patient["status"], patient["analysis"]["id"]) == ("done", analysis)
    assert patient["signed"] == {
        "analysis_id": drawn.analysis, "version": 1, "by": "Rita", "at": first["signed_at"],
        "meaning": "Reviewed and found right", "state": "superseded", "added": 0,
    }  # fmt: skip
    (listed,) = versions_of(reviewer, drawn)
    assert listed.items() >= first.items()
    assert listed["analysis_id"] == drawn.analysis
    assert (listed["bundle"], listed["superseded"], listed["amended"]) == ("marrowscope-1 1.1", False, None)
    for name, content in before.items():
        assert export(reviewer, drawn, name, version=1) == content


def test_versions_of_all_analyses_are_listed_with_why_they_were_amended(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    sign(reviewer, drawn)
    amendments = f"{API}/analyses/{drawn.analysis}/amendments"
    assert admin.post(amendments, json={"reason": "a smudge was counted"}).status_code == 201
    assert patient_of(reviewer, drawn)["signed"]["state"] == "amended"
    sign(admin, drawn)
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    body = signature(reviewer, analysis)
    assert reviewer.post(f"{API}/analyses/{analysis}/signature", json=body).status_code == 201
    found = versions_of(reviewer, drawn)
    assert [(v["analysis_id"], v["version"], v["superseded"]) for v in found] == [
        (analysis, 1, False), (drawn.analysis, 2, True), (drawn.analysis, 1, True),
    ]  # fmt: skip
    assert [v["signed_by"] for v in found] == ["Rita", "Anna", "Rita"]
    assert [v["reason"] for v in found] == [None, "a smudge was counted", None]
    assert [v["amended"] for v in found] == [None, None, "a smudge was counted"]
    patient = patient_of(reviewer, drawn)
    assert (patient["status"], patient["signed"]["state"]) == ("signed", "current")
    assert patient["signed"]["analysis_id"] == analysis


def test_a_blind_reader_sees_no_version(
    reviewer: TestClient, admin: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    name_blasts(reviewer, drawn, 1)
    sign(reviewer, drawn)
    assert admin.post(f"{API}/analyses/{drawn.analysis}/readings", json={}).status_code == 201
    refused(admin.get(f"{API}/patients/{drawn.patient}/versions"), 403, "forbidden")
    assert len(versions_of(viewer, drawn)) == 1


def test_an_analysis_that_was_replaced_unsigned_is_signed_no_more(
    reviewer: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    analysis = analyse_again(reviewer, app, drawn, found_anew(drawn))
    refused(sign(reviewer, drawn), 409, "conflict")
    body = signature(reviewer, analysis)
    assert reviewer.post(f"{API}/analyses/{analysis}/signature", json=body).status_code == 201
    assert [version["superseded"] for version in versions_of(reviewer, drawn)] == [False]


def test_worklist_and_list_of_versions_name_the_same_report(
    reviewer: TestClient, admin: TestClient, app: FastAPI, drawn: Drawn
) -> None:
    sign(reviewer, drawn)
    newer = analyse_again(reviewer, app, drawn, found_anew(drawn))
    body = signature(reviewer, newer)
    assert reviewer.post(f"{API}/analyses/{newer}/signature", json=body).status_code == 201
    amendments = f"{API}/analyses/{drawn.analysis}/amendments"
    assert admin.post(amendments, json={"reason": "the earlier one was right"}).status_code == 201
    assert sign(admin, drawn).status_code == 201
    (valid,) = [version for version in versions_of(reviewer, drawn) if not version["superseded"]]
    shown = patient_of(reviewer, drawn)["signed"]
    assert (valid["analysis_id"], valid["version"]) == (shown["analysis_id"], shown["version"])
