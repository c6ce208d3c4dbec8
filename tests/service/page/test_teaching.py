"""An administrator teaches the networks signed cases, looks at the result, activates it and goes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.service.browser import Running, add_user, serving
from tests.service.page.visit import Visit
from tests.service.teaching.signed import as_in_another_stain, sign_cases

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.rest import pages
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
_LEARNING_MS = 600_000
_ACTIVE = "(title) => document.querySelector('[data-testid=active-networks]').innerText === title"


@pytest.fixture
def taught_service(tmp_path: Path) -> Iterator[Running]:
    """A service with eight signed cases."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    settings = Settings(data_folder=tmp_path / "data")
    add_user(settings.data_folder, "vera", "Dr. Vera Lind", "--admin")
    database = Database(settings.database_url, settings.seal_folder)
    sign_cases(database, Blobs(settings.blob_folder), 8, as_in_another_stain)
    database.close()
    with serving(settings.data_folder, tmp_path / "serve.log") as running:
        yield running


def test_networks_are_taught_activated_and_given_back(taught_service: Running, browser: "Browser") -> None:
    visit = Visit(browser, taught_service, pictures=True)
    page = visit.page
    visit.log_in("vera")
    page.get_by_role("link", name="Administration").click()
    visit.tab("Networks")
    page.get_by_text("64 cells, 16 of them blasts, of 8 patients").wait_for()
    page.get_by_label("Case T-001").uncheck()
    page.get_by_text("56 cells, 14 of them blasts, of 7 patients").wait_for()
    page.get_by_text("This is little.").wait_for()
    page.get_by_label("Signed from").fill("2999-01-01")
    page.get_by_text("Choose at least one case.").wait_for()
    assert page.get_by_role("button", name="Start teaching").is_disabled()
    page.get_by_label("Signed from").fill("")
    page.get_by_label("All cases").check()
    page.get_by_text("64 cells").wait_for()
    visit.look("teaching-cases")

    page.get_by_role("button", name="Start teaching").click()
    at_work = page.get_by_test_id("teaching")
    at_work.get_by_text("2 patients drawn by lot are kept out").wait_for()
    at_work.get_by_role("button", name="Cancel").click()
    page.get_by_text("Teaching 1").wait_for()
    page.get_by_role("button", name="Start teaching").click()
    at_work.get_by_text("Step 2 of 2").wait_for(timeout=_LEARNING_MS)
    visit.look("teaching-progress")
    result = page.get_by_test_id("teaching-result")
    result.wait_for(timeout=_LEARNING_MS)
    visit.look("teaching-result")

    assert "error rates of 3 laboratories" in result.inner_text()
    result.get_by_role("button", name="Activate", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("names the cells of our stain better")
    dialog.get_by_role("button", name="Activate", exact=True).click()
    visit.until(_ACTIVE, "marrowscope-1 2.0+taught.2")
    page.get_by_text("Activated by Dr. Vera Lind", exact=False).first.wait_for()
    visit.look("teaching-activated")
    page.get_by_role("button", name="Go back to marrowscope-1").click()
    dialog.get_by_label("Reason").fill("unlike our microscope")
    dialog.get_by_role("button", name="Go back to marrowscope-1").click()
    visit.until(_ACTIVE, "marrowscope-1 2.0")
    visit.tab("History")
    page.get_by_role("cell", name="Networks activated").first.wait_for()
    assert page.get_by_role("cell", name="Networks activated").count() == 2
    assert visit.complaints == []
    visit.fail_on_barriers()
