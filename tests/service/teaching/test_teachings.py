"""Asking for a teaching and deciding on it: what cases give, who may, one at a time, the lot, the queue."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.service.teaching.signed import EACH, KINDS, sign_cases
from tests.service.uploaded import API

from marrowscope.engines.pool import MAX_DEATHS
from marrowscope.models.bundle import load_bundle
from marrowscope.service.images.blobs import Blobs
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.audit import AuditEntry
from marrowscope.service.store.tables.patients import Field
from marrowscope.service.store.tables.teaching import LEARNING, Teaching
from marrowscope.service.teaching import cells as taught_cells
from marrowscope.service.teaching import queue, teachings
from marrowscope.service.teaching.queue import Progress, TeachingWork
from marrowscope.service.teaching.work import NamedCells
from marrowscope.training.adapting.teaching import Taught

NOTHING = Taught(False, 24, 8, (), None, None, (), 0.5, 0.5)


def start(client: TestClient, analyses: list[str]) -> dict[str, Any]:
    answer = client.post(f"{API}/teachings", json={"analyses": analyses})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def claimed(database: Database, owner: str = "one") -> TeachingWork:
    with database.writing() as session:
        work = queue.claim(session, owner)
    assert work is not None
    return work


def actions(database: Database) -> list[str]:
    with database.reading() as session:
        query = select(AuditEntry.action).order_by(AuditEntry.number)
        return [one for one in session.scalars(query) if one.startswith(("teaching.", "bundle."))]


def test_signed_cases_tell_what_they_give(admin: TestClient, database: Database, blobs: Blobs) -> None:
    analyses = sign_cases(database, blobs)
    with database.writing() as session:
        session.get_one(Analysis, analyses[0]).locked = False
    cases = admin.get(f"{API}/teaching/cases").json()["items"]
    assert {case["analysis_id"] for case in cases} == set(analyses[1:])
    assert len(admin.get(f"{API}/patients").json()["items"]) == len(analyses)
    assert {(case["cells"], case["blasts"], case["unusable"]) for case in cases} == {(4 * EACH, EACH, 0)}
    told = admin.post(f"{API}/teaching/outlook", json={"analyses": analyses}).json()
    assert told["types"] == dict.fromkeys(sorted(KINDS), 3 * EACH)
    assert (told["cells"], told["blasts"], told["patients"]) == (12 * EACH, 3 * EACH, 3)
    assert (told["verdict"], told["message"]) == (
        "none",
        "3 patients are too few to learn from and to check on: it takes 4",
    )
    assert admin.post(f"{API}/teachings", json={"analyses": analyses}).status_code == 422


def test_four_patients_are_little(admin: TestClient, database: Database, blobs: Blobs) -> None:
    told = admin.post(f"{API}/teaching/outlook", json={"analyses": sign_cases(database, blobs)}).json()
    assert (told["verdict"], told["message"]) == ("thin", "")


def test_cells_whose_images_are_gone_are_not_offered(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    sign_cases(database, blobs)
    with database.writing() as session:
        for field in session.scalars(select(Field)):
            field.expired_at = field.created_at
    assert admin.get(f"{API}/teaching/cases").json()["items"] == []


def test_only_administrators_teach(
    reviewer: TestClient, viewer: TestClient, database: Database, blobs: Blobs
) -> None:
    analyses = sign_cases(database, blobs)
    for user in (reviewer, viewer):
        assert user.post(f"{API}/teachings", json={"analyses": analyses}).status_code == 403
        assert user.get(f"{API}/teaching/cases").status_code == 403
        assert user.get(f"{API}/networks/active").status_code == 403
        choice = {"bundle": "marrowscope-1", "reason": "ours"}
        assert user.post(f"{API}/networks/choices", json=choice).status_code == 403


def test_the_lot_is_recorded_and_one_is_taught_at_a_time(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    analyses = sign_cases(database, blobs)
    asked = start(admin, analyses)
    assert (asked["status"], asked["cases"], asked["kept_out"], asked["learned_from"]) == ("queued", 4, 2, 2)
    with database.reading() as session:
        row = session.get_one(Teaching, asked["id"])
        assert not set(row.kept_out) & set(row.learned_from)
        assert len({*row.kept_out, *row.learned_from}) == 4
    again = admin.post(f"{API}/teachings", json={"analyses": analyses})
    assert again.status_code == 409
    cancelled = admin.post(f"{API}/teachings/{asked['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert admin.post(f"{API}/teachings/{asked['id']}/cancel").status_code == 409
    assert start(admin, analyses)["number"] == 2
    assert actions(database) == ["teaching.ask", "teaching.cancelled", "teaching.ask"]


def test_what_was_cancelled_or_taken_up_is_not_recorded(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    asked = start(admin, sign_cases(database, blobs))
    work = claimed(database)
    with database.writing() as session:
        assert queue.note(session, "one", work, Progress(LEARNING, 1, 5))
        assert queue.take_up(session, "two", None, lambda owner: owner != "one") == {"one"}
    shown = admin.get(f"{API}/teachings/{asked['id']}").json()
    assert (shown["status"], shown["stage"], shown["done"]) == ("queued", "learning", 1)
    again = claimed(database, "two")
    with database.writing() as session:
        assert not queue.note(session, "one", work, Progress(LEARNING, 2, 5))
        assert not queue.finish(session, "one", work, NOTHING, None)
    admin.post(f"{API}/teachings/{asked['id']}/cancel")
    with database.writing() as session:
        assert not queue.finish(session, "two", again, NOTHING, None)
    assert admin.get(f"{API}/teachings/{asked['id']}").json()["status"] == "cancelled"


def test_a_teaching_that_keeps_ending_processes_fails(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    asked = start(admin, sign_cases(database, blobs))
    for _ in range(MAX_DEATHS):
        with database.writing() as session:
            work = queue.claim(session, "one")
            assert work is not None
            queue.give_back(session, "one", work, is_to_blame=True)
    shown = admin.get(f"{API}/teachings/{asked['id']}").json()
    assert shown["status"] == "failed"
    assert "more memory" in shown["message"]
    with database.reading() as session:
        assert session.scalar(select(Teaching.images)) == []


def test_no_gain_gives_nothing_to_decide_on(admin: TestClient, database: Database, blobs: Blobs) -> None:
    asked = start(admin, sign_cases(database, blobs))
    work = claimed(database)
    with database.writing() as session:
        assert queue.finish(session, "one", work, NOTHING, None)
    shown = admin.get(f"{API}/teachings/{asked['id']}").json()
    assert (shown["status"], shown["bundle"], shown["result"]["is_better"]) == ("done", None, False)
    decision = {"activate": True, "reason": "try it"}
    assert admin.post(f"{API}/teachings/{asked['id']}/decision", json=decision).status_code == 409


def test_patients_the_networks_have_learned_from_are_not_asked_about(
    admin: TestClient, database: Database, blobs: Blobs
) -> None:
    """The present networks would know the answers."""
    analyses = sign_cases(database, blobs, 6)
    first = start(admin, analyses[:4])
    taught = replace(load_bundle(), sha256="b" * 64)
    work = claimed(database)
    with database.writing() as session:
        assert queue.finish(session, "one", work, NOTHING, ("taught", taught))
        learned = session.get_one(Teaching, first["id"]).learned_from
        # The next one starts from these networks.
        session.get_one(Teaching, first["id"]).bundle_sha256 = load_bundle().sha256
        session.get_one(Teaching, first["id"]).from_sha256 = "a" * 64
    assert sum(case["is_learned"] for case in admin.get(f"{API}/teaching/cases").json()["items"]) == 2
    second = start(admin, analyses)
    with database.reading() as session:
        assert not set(learned) & set(session.get_one(Teaching, second["id"]).kept_out)


@pytest.mark.parametrize("settings_more", [{"bundle": "marrowscope-1"}])
def test_networks_that_the_settings_name_stay(
    admin: TestClient, app: FastAPI, database: Database, blobs: Blobs
) -> None:
    analyses = sign_cases(database, blobs)
    assert admin.get(f"{API}/networks/active").json()["is_fixed"]
    for path, body in (
        ("teachings", {"analyses": analyses}),
        ("networks/choices", {"bundle": "marrowscope-1", "reason": "ours"}),
    ):
        refused = admin.post(f"{API}/{path}", json=body)
        assert refused.status_code == 409
        assert "settings" in refused.json()["detail"]


def test_more_cells_than_can_be_held_are_drawn_by_lot(database: Database, blobs: Blobs) -> None:
    analyses = sign_cases(database, blobs, 2)
    with database.reading() as session:
        cells = taught_cells.named_cells(session, load_bundle(), analyses)
    few = teachings._at_most(cells, 5, seed=3)
    assert sum(len(image.types) for image in few) == 5
    assert few == teachings._at_most(cells, 5, seed=3)
    assert set(named(few)) < set(named(cells))


def named(cells: Sequence[NamedCells]) -> list[tuple[object, ...]]:
    return [(image.image, *pair) for image in cells for pair in zip(image.boxes, image.types, strict=True)]


def test_a_teaching_that_cannot_go_on_says_why(admin: TestClient, database: Database, blobs: Blobs) -> None:
    asked = start(admin, sign_cases(database, blobs))
    work = claimed(database)
    with database.writing() as session:
        queue.fail(session, "one", work, "an image is no longer kept")
    shown = admin.get(f"{API}/teachings/{asked['id']}").json()
    assert (shown["status"], shown["message"]) == ("failed", "an image is no longer kept")
