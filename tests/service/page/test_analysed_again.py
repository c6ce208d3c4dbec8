"""Analysing a patient again, in a real browser: what will happen is said before, what was lost afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.again import analyse_again, found_anew, without
from tests.service.browser import Running, serving
from tests.service.conftest import reasons
from tests.service.drawn import Drawn, draw
from tests.service.page.visit import Visit

from marrowscope.service.rest import pages
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

API = "/api/v1"
PATIENT = "BM-26-0412"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Again:
    """A running service with a patient signed once and analysed again since."""

    running: Running
    lost: dict[str, Any]


@pytest.fixture
def again(tmp_path: Path) -> Iterator[Again]:
    """Draw the patient, name three cells, sign, and analyse again without finding one of them."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    settings = Settings(data_folder=tmp_path / "data", authentication="off")
    app = create_app(settings, with_jobs=False)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        client.headers["X-CSRF-Token"] = client.get(f"{API}/session").json()["csrf_token"]
        service = app.state.service
        drawn = draw(service.database, service.blobs, name=PATIENT, cells=12, fields=3, seed=5)
        lost = _review(client, app, drawn)
    with serving(tmp_path / "data", tmp_path / "log", MARROWSCOPE_AUTHENTICATION="off") as running:
        yield Again(running, lost)


def _review(client: TestClient, app: FastAPI, drawn: Drawn) -> dict[str, Any]:
    """Return the cell whose answer finds no cell in the second analysis."""
    url = f"{API}/analyses/{drawn.analysis}"
    cells = client.get(f"{url}/cells").json()["items"][:3]
    changes = [{"id": cell["id"], "revision": 0, "type": "blast"} for cell in cells]
    client.patch(f"{url}/cells", json={"changes": changes}).raise_for_status()
    body = {"meaning": "Reviewed and approved", "revision": 1, "waived": reasons(client, drawn.analysis)}
    client.post(f"{url}/signature", json=body).raise_for_status()
    readings = found_anew(drawn)
    first = drawn.readings[0].name
    readings[first] = without(readings[first], cells[0]["box"])
    analyse_again(client, app, drawn, readings)
    found: dict[str, Any] = cells[0]
    return found


def test_nothing_signed_or_answered_is_hidden_by_a_newer_analysis(again: Again, browser: "Browser") -> None:
    visit = Visit(browser, again.running)
    page = visit.page
    page.goto(again.running.url)
    row = page.locator("tr", has_text=PATIENT)
    row.get_by_text("newer analysis not signed").wait_for()
    assert "Version 1, Local user" in row.inner_text()
    visit.open(PATIENT)
    page.get_by_text("A newer analysis is not signed yet.").wait_for()
    strip = page.get_by_test_id("carried")
    strip.get_by_text("1 answer could not be carried over").wait_for()
    strip.get_by_role("button", name="Show").click()
    cells = strip.locator("tbody td").all_inner_texts()
    assert cells == [
        "field 1.png", str(again.lost["number"]), "Blast", "Local user", "no cell was detected there again"
    ]  # fmt: skip
    visit.look("carried")

    visit.tab("Report")
    version = page.get_by_test_id("version")
    version.get_by_text("of an earlier analysis").wait_for()
    version.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        version.get_by_role("button", name="All cells (CSV)").click()
    assert Path(waiting.value.path()).read_text("utf-8").count(",blast\n") == 3
    visit.look("report-earlier")

    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Analyse again").click()
    stays = page.get_by_test_id("what-stays")
    stays.get_by_text("1 signed version stays as signed").wait_for()
    stays.get_by_text("3 answers are carried over").wait_for()
    visit.look("again")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()

    visit.tab("Fields")
    page.get_by_role("button", name="Add images").click()
    page.get_by_text("Adding images starts a new analysis.").wait_for()
    page.get_by_test_id("what-stays").get_by_text("3 answers are carried over").wait_for()
    visit.look("upload-again")
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()
