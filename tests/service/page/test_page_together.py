"""Two people at the review page at once, and files dragged onto it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.service.browser import PASSWORD, Running, draw_smear
from tests.service.page.visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENT = "BM-26-0500"


def test_files_dropped_on_the_worklist_and_two_answers_to_one_cell(
    page_service: Running, browser: "Browser", tmp_path: Path
) -> None:
    first = Visit(browser, page_service)
    first.log_in("vera")
    first.page.get_by_role("button", name="Add images").wait_for()
    _drop_a_patient(first, tmp_path)
    assert first.ask("POST", "/users", _user("omar")) == 201
    first.open(PATIENT)
    second = Visit(browser, page_service)
    second.log_in("omar")
    second.open(PATIENT)
    _disagree_while_the_network_is_down(first, second)
    first.fail_on_barriers()


def _user(username: str) -> dict[str, str]:
    return {"username": username, "name": "Dr. Omar", "role": "reviewer", "password": PASSWORD}


def _drop_a_patient(visit: Visit, folder: Path) -> None:
    visit.drop(draw_smear(folder / PATIENT, 21, 0.3, 30, 1))
    visit.look("dropped")
    visit.page.get_by_label("Patient number").fill(PATIENT)
    visit.page.get_by_role("button", name="Upload", exact=True).click()
    visit.page.locator("tr", has_text=PATIENT).get_by_text("To review").wait_for(timeout=300_000)


def _disagree_while_the_network_is_down(first: Visit, second: Visit) -> None:
    """Both name the same cell; whose network was down decides, and is shown what the other said."""
    for visit in (first, second):
        visit.page.locator(".tile .picture").first.wait_for()
    first.page.context.set_offline(True)
    first.page.locator(".tile").first.click()
    cell = first.page.locator(".tile").first.get_attribute("data-id")
    first.press(first.page.locator("[data-bin='lymphocyte'] kbd").inner_text())
    first.page.get_by_text("1 change waits").first.wait_for()

    second.page.locator(f".tile[data-id='{cell}']").click()
    second.press(second.page.locator("[data-bin='monocyte'] kbd").inner_text())
    second.saved()

    first.page.context.set_offline(False)
    first.page.get_by_role("button", name="Resolve").click()
    dialog = first.page.get_by_role("dialog")
    dialog.get_by_text("Monocyte").wait_for()
    dialog.get_by_text("Lymphocyte").wait_for()
    first.look("conflict")
    dialog.get_by_role("button", name="Mine", exact=True).click()
    first.saved()
    second.page.get_by_text("1 cell was changed").wait_for()  # without loading the page again
    second.show("lymphocyte")
    second.page.locator(f".tile[data-id='{cell}']").wait_for()
