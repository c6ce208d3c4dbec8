"""The signed case that says what to expect of a control slide: amended, and deleted."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.drawn import Drawn
from tests.service.quality.slides import Slide, add_slide
from tests.service.quality.test_controls import sign
from tests.service.review.answered import cells_of, give
from tests.service.review.test_answers import API, trail

from marrowscope.analysis.control.occasions import BLASTS
from marrowscope.service.quality import figures
from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.controls import Control


@pytest.fixture
def slide(app: FastAPI, reviewer: TestClient, drawn: Drawn) -> Slide:
    """A control slide of which the drawn case, signed with one answer, says what to expect."""
    give(reviewer, drawn.analysis, others(reviewer, drawn)[0], type="blast")
    sign(reviewer, drawn.analysis)
    made = add_slide(app, reviewer, name="B", target_id=drawn.analysis)
    assert made.mark(drawn.patient).status_code == 204
    return made


def others(client: TestClient, drawn: Drawn) -> list[dict[str, Any]]:
    """Counted cells that are no blasts."""
    return [c for c in cells_of(client, drawn.analysis) if c["counted"] and c["type"] != "blast"]


def counted_share(client: TestClient, drawn: Drawn) -> float:
    counted: list[dict[str, Any]] = [c for c in cells_of(client, drawn.analysis) if c["counted"]]
    return len([c for c in counted if c["type"] == "blast"]) / len(counted)


def expected(database: Database, slide: Slide) -> float:
    with database.reading() as session:
        shares = figures.target_shares(session, session.get_one(Control, slide.id))
    assert shares is not None
    assert sum(shares.values()) == pytest.approx(1)
    return shares[BLASTS]


def test_what_is_expected_is_what_was_signed_last(
    slide: Slide, reviewer: TestClient, drawn: Drawn, database: Database
) -> None:
    before = counted_share(reviewer, drawn)
    assert expected(database, slide) == pytest.approx(before)
    assert slide.shown()["seen"][0]["agreements"]
    body = {"reason": "second look"}
    assert reviewer.post(f"{API}/analyses/{drawn.analysis}/amendments", json=body).status_code == 201
    for cell in others(reviewer, drawn)[:5]:
        give(reviewer, drawn.analysis, cell, type="blast")
    after = counted_share(reviewer, drawn)
    assert after > before
    assert expected(database, slide) == pytest.approx(before)
    assert slide.shown()["seen"][0]["agreements"] == []
    sign(reviewer, drawn.analysis)
    assert expected(database, slide) == pytest.approx(after)


def test_a_deleted_case_is_told_to_be_gone(
    slide: Slide, admin: TestClient, drawn: Drawn, database: Database
) -> None:
    assert slide.shown()["target_gone_at"] is None
    answer = admin.request("DELETE", f"{API}/patients/{drawn.patient}", json={"reason": "asked for"})
    assert answer.status_code == 204
    shown = slide.shown()
    assert (shown["target_id"], shown["occasions"]) == (None, 0)
    assert shown["target_gone_at"] is not None
    (entry,) = trail(database, "control.target_gone")
    assert (entry["before"], entry["after"]) == ({"target": drawn.analysis}, {"target": None})
