"""A live session in a real browser: files, a pretended camera, a second person who looks on, and its end."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.service.browser import Running, browsing, draw_smear
from tests.service.page.visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENT = "BM-26-0901"
_READING_MS = 300_000
_CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The machine's Chromium, with a pretended camera."""
    with browsing(*_CAMERA) as started:
        yield started


def test_a_session_at_the_microscope(page_service: Running, browser: "Browser", tmp_path: Path) -> None:
    first, second = draw_smear(tmp_path / "smear", 11, 0.3, 24, 2)
    visit = Visit(browser, page_service)
    page = visit.page
    visit.log_in("vera")
    page.get_by_role("button", name="Live session").click()
    page.get_by_label("Patient number").fill(PATIENT)
    visit.look("live-start")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("Waiting for the first image").wait_for()
    page.get_by_test_id("live-files").set_input_files(first)
    page.get_by_text(f"Last read: {first.name}").wait_for(timeout=_READING_MS)
    page.locator(".tile .picture").first.wait_for()

    other = Visit(browser, page_service)
    other.log_in("vera")
    other.open(PATIENT)
    other.page.get_by_text(f"Last read: {first.name}").wait_for()
    (tmp_path / "broken.png").write_bytes(b"no image")
    page.get_by_test_id("live-files").set_input_files([second, tmp_path / "broken.png"])
    for each in (page, other.page):
        each.get_by_text(f"Last read: {second.name}").wait_for(timeout=_READING_MS)
        each.get_by_role("button", name="1 image passed over").wait_for()
    visit.look("live")

    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take this field").click()
    page.get_by_text("Last read: frame-").wait_for(timeout=_READING_MS)
    visit.until("() => Number(document.querySelector('[data-testid=focus]').textContent) > 0")
    page.reload()  # the session is the service's: the page finds it again
    page.get_by_text("Last read: frame-").wait_for()
    percent = page.get_by_test_id("live-percent").inner_text()
    page.get_by_role("button", name="Close session").click()
    page.get_by_test_id("differential").wait_for(timeout=_READING_MS)
    assert visit.blasts() == percent
    other.page.get_by_test_id("differential").wait_for()
    assert "\n".join([*visit.complaints, *other.complaints]) == ""
    visit.fail_on_barriers()
