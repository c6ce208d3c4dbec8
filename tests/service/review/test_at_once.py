"""People at work at the same instant: one word is taken, the others are told; nothing is counted twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fastapi import FastAPI
from tests.service.conftest import logged_in, own_password, reasons
from tests.service.drawn import Drawn
from tests.service.review.answered import cells_of
from tests.service.review.test_answers import API, change, differential, trail

from marrowscope.service.store.engine import Database
from marrowscope.service.trail import checking

pytestmark = pytest.mark.drawn(cells=60, fields=2)

TYPES = ("blast", "monocyte", "plasma_cell", "basophil")


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same instant, each in a thread of its own."""
    start = Barrier(len(deeds))

    def do(deed: Callable[[], Any]) -> Any:
        start.wait(timeout=60)
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def test_of_many_words_on_the_same_cells_one_is_taken(app: FastAPI, database: Database, drawn: Drawn) -> None:
    clients = [logged_in(app, name) for name in ("rita", "anna", "rita", "anna")]
    cells = cells_of(clients[0], drawn.analysis)[:10]

    def say(number: int) -> Callable[[], Any]:
        body = [{"id": c["id"], "revision": 0, "type": TYPES[number]} for c in cells]
        return lambda: change(clients[number], drawn, *(body if number % 2 else reversed(body)))

    answers = at_once(*(say(number) for number in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    taken = TYPES[[answer.status_code for answer in answers].index(200)]
    assert {c["reviewed_type"] for c in cells_of(clients[0], drawn.analysis)[:10]} == {taken}
    for answer in answers:
        if answer.status_code == 409:
            assert {c["reviewed_type"] for c in answer.json()["conflicts"]} == {taken}
    assert len(trail(database, "cell.review")) == 10
    with database.reading() as session:
        assert checking.verify(session).is_whole


def test_cells_drawn_at_once_have_numbers_of_their_own(app: FastAPI, drawn: Drawn) -> None:
    clients = [logged_in(app, name) for name in ("rita", "anna")] * 3
    before = differential(clients[0], drawn)["reviewed"]["counted"]

    def draw_one(number: int) -> Callable[[], Any]:
        box = [100 + 50 * number, 100, 190 + 50 * number, 190]
        body = {"field_id": drawn.fields[0], "box": box, "type": "blast"}
        return lambda: clients[number].post(f"{API}/analyses/{drawn.analysis}/cells", json=body)

    answers = at_once(*(draw_one(number) for number in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    first = len(drawn.readings[0].cells) + 1
    assert sorted(answer.json()["number"] for answer in answers) == list(range(first, first + 6))
    assert differential(clients[0], drawn)["reviewed"]["counted"] == before + 6
    assert clients[0].get(f"{API}/analyses/{drawn.analysis}").json()["revision"] == 6


def test_what_is_signed_is_what_was_seen(app: FastAPI, drawn: Drawn) -> None:
    """A change beside a signature is either in the signed count, whose signer is told to look, or refused."""
    rita, anna = logged_in(app, "rita"), logged_in(app, "anna")
    cell = cells_of(rita, drawn.analysis)[0]
    waived = reasons(anna, drawn.analysis)
    signature = {"meaning": "seen", "revision": 0, "password": own_password(anna), "waived": waived}
    changed, signed = at_once(
        lambda: change(rita, drawn, {"id": cell["id"], "revision": 0, "type": "blast"}),
        lambda: anna.post(f"{API}/analyses/{drawn.analysis}/signature", json=signature),
    )
    assert sorted([changed.status_code, signed.status_code]) in ([200, 409], [201, 409])
    analysis = rita.get(f"{API}/analyses/{drawn.analysis}").json()
    assert analysis["locked"] == (signed.status_code == 201)
    assert (cells_of(rita, drawn.analysis)[0]["reviewed_type"] == "blast") == (changed.status_code == 200)
