"""Fields are added to a signed patient, in a real browser: told, read alone, and all the rest is kept."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.service.browser import PASSWORD, Running, draw_smear
from tests.service.page.visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENT = "BM-26-0412"
_READING_MS = 300_000
pytestmark = pytest.mark.slow


def test_fields_added_after_the_signature_are_told_and_read_alone(
    page_service: Running, browser: "Browser", tmp_path: Path
) -> None:
    paths = draw_smear(tmp_path / "smear", 11, 0.3, 24, 3)
    visit = Visit(browser, page_service)
    page = visit.page
    visit.log_in("vera")
    visit.upload(PATIENT, paths[:2])
    row = page.locator("tr", has_text=PATIENT)
    row.get_by_text("To review").wait_for(timeout=_READING_MS)
    visit.open(PATIENT)
    page.locator(".tile .picture").first.wait_for()
    visit.press("Enter")
    visit.saved()
    _sign(visit)

    visit.tab("Fields")
    page.get_by_role("button", name="Add images").click()
    page.get_by_test_id("files").set_input_files(paths[2])
    page.get_by_label("Analyse after upload").uncheck()
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_test_id("signed").get_by_text("1 field was added after the signature.").wait_for()
    page.get_by_test_id("added").get_by_text("1 field was added and is not read yet.").wait_for()
    visit.look("added")
    page.get_by_role("link", name="‹ Worklist").click()
    row.get_by_text("1 field not read yet").wait_for()
    visit.open(PATIENT)
    page.get_by_role("button", name="Read it").click()
    page.get_by_test_id("what-stays").get_by_text("2 of 3 fields need not be read again").wait_for()
    visit.look("read-added")
    page.get_by_role("dialog").get_by_role("button", name="Analyse again").click()

    strip = page.get_by_test_id("carried")
    strip.get_by_text("1 field was read, 2 taken over as read before.").wait_for(timeout=_READING_MS)
    strip.get_by_text("1 cell keeps what was said of it before.").wait_for()
    visit.look("added-read")
    signed = page.get_by_test_id("signed").inner_text()
    assert "A newer analysis is not signed yet." in signed
    assert "1 field was added after the signature." in signed
    assert page.get_by_test_id("added").count() == 0
    strip.get_by_role("button", name="Close").click()
    strip.wait_for(state="detached")
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _sign(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="Sign", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_placeholder("Why it may stay open").first.wait_for()
    for reason in dialog.get_by_placeholder("Why it may stay open").all():
        reason.fill("seen at the microscope")
    dialog.get_by_label("Your password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_test_id("signed").wait_for()
