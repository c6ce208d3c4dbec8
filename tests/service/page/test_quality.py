"""Control slides and proficiency on the page: an alarm is seen, explained and ended; a learner is tested."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from tests.service.browser import Running, serving
from tests.service.conftest import PASSWORDS, ROLES, logged_in
from tests.service.drawn import draw
from tests.service.page.visit import Visit
from tests.service.quality.slides import add_slide
from tests.service.quality.test_controls import sign
from tests.service.review.answered import cells_of, give

from marrowscope.service.accounts.users import add_user
from marrowscope.service.actors import SYSTEM
from marrowscope.service.rest import pages
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CASE = "BM-26-0700"
NAMED = ["blast"] * 3 + ["plasma_cell"] * 3


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    """A service with a signed case, and a control slide whose stain is paler at its last occasion."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    app = create_app(Settings(data_folder=tmp_path / "data", workers=1), with_jobs=False)
    with TestClient(app):
        parts = app.state.service
        with parts.database.writing() as session:
            for username, role in ROLES.items():
                name, password = username.title(), PASSWORDS[username]
                add_user(session, SYSTEM, username, name, role=role, password=password)
        anna = logged_in(app, "anna")
        case = draw(parts.database, parts.blobs, name=CASE, cells=60, fields=2)
        for cell, name in zip(cells_of(anna, case.analysis), NAMED, strict=False):
            give(anna, case.analysis, cell, type=name)
        sign(anna, case.analysis)
        slide = add_slide(app, anna)
        first = slide.occasion(0)
        for number in range(1, 11):
            slide.occasion(number)
        slide.read_again(first, days=11, blasts=20)
        slide.occasion(12, contrast=70)
    with serving(tmp_path / "data", tmp_path / "serve.log") as running:
        yield running


def visit_of(username: str, browser: "Browser", service: Running) -> Visit:
    visit = Visit(browser, service, pictures=True)
    visit.log_in(username, PASSWORDS[username])
    visit.page.get_by_role("link", name="Quality").wait_for()
    return visit


def test_an_alarm_is_seen_by_all_explained_and_ended_with_a_reason(
    service: Running, browser: "Browser"
) -> None:
    vera = visit_of("vera", browser, service)
    vera.page.get_by_test_id("alarm").get_by_text("the stain has drifted").wait_for()
    assert vera.page.get_by_role("link", name="QC-01").count() == 0
    vera.look("quality-worklist")
    vera.page.get_by_role("link", name="Look at the charts").click()
    vera.page.get_by_role("slider").wait_for()
    assert vera.page.get_by_role("button", name="Acknowledge").count() == 0

    rita = visit_of("rita", browser, service)
    rita.page.get_by_role("link", name="Quality").click()
    chart = rita.page.get_by_role("slider")
    rita.page.get_by_role("button", name="Depth of stain").click()
    rita.page.get_by_test_id("point").get_by_text("stain: more than 3 SD from the centre line").wait_for()
    chart.focus()
    rita.page.keyboard.press("ArrowLeft")
    rita.page.get_by_test_id("point").get_by_text("QC-10").wait_for()
    assert "QC-10" in (chart.get_attribute("aria-valuetext") or "")
    rita.page.keyboard.press("Home")
    rita.page.get_by_test_id("point").get_by_text("QC-00").wait_for()
    rita.look("quality-stain")
    rita.page.get_by_role("button", name="Blasts (%)").click()
    chart.focus()
    rita.page.keyboard.press("End")
    rita.page.keyboard.press("ArrowLeft")
    rita.page.get_by_test_id("point").get_by_text("bundle: the same cells named otherwise").wait_for()
    rita.look("quality-bundle")
    with rita.page.expect_download() as download:
        rita.page.get_by_role("link", name="Download as CSV").click()
    assert "QC-12" in download.value.path().read_text("utf-8")

    rita.page.get_by_role("button", name="Acknowledge").click()
    dialog = rita.page.get_by_role("dialog")
    dialog.get_by_label("What was found").fill("Giemsa of another lot")
    dialog.get_by_role("button", name="Acknowledge").click()
    rita.page.get_by_role("listitem").get_by_text("Giemsa of another lot").wait_for()
    rita.page.get_by_test_id("alarm").wait_for(state="detached")
    rita.page.get_by_role("link", name="Worklist").first.click()
    rita.page.get_by_role("link", name=CASE).wait_for()
    assert rita.page.get_by_test_id("alarm").count() == 0
    for visit in (vera, rita):
        assert visit.complaints == []
        visit.fail_on_barriers()


def test_a_learner_names_a_signed_case_blind_and_sees_what_was_missed(
    service: Running, browser: "Browser"
) -> None:
    rita = visit_of("rita", browser, service)
    rita.page.get_by_role("link", name="Quality").click()
    rita.page.get_by_role("link", name="Proficiency").click()
    rita.page.get_by_label("Signed case").select_option(CASE)
    rita.page.get_by_label("Learner").select_option("Vera")
    rita.look("proficiency-serve")
    rita.page.get_by_role("button", name="Serve").click()
    rita.page.get_by_role("button", name="Withdraw").wait_for()

    vera = visit_of("vera", browser, service)
    vera.page.get_by_role("link", name="Quality").click()
    vera.page.get_by_role("link", name="Proficiency").click()
    vera.page.get_by_role("link", name="Name the cells").click()
    vera.page.locator(".tile").first.wait_for()
    assert vera.page.locator(".tile").count() == len(NAMED)
    assert vera.count("unclassified") == len(NAMED)
    blast, plasma = (
        vera.page.locator(f"[data-bin='{name}'] kbd").inner_text() for name in ("blast", "plasma_cell")
    )
    vera.look("proficiency-test")
    vera.page.locator(".tile").first.click()
    vera.press(blast, blast, plasma, plasma, plasma)  # the third is a blast; the last is left out
    vera.page.get_by_test_id("test-progress").get_by_text("5 of 6 cells named").wait_for()
    vera.saved()
    vera.page.reload()
    vera.page.get_by_test_id("test-progress").get_by_text("5 of 6 cells named").wait_for()
    vera.page.get_by_role("button", name="Finish").click()
    dialog = vera.page.get_by_role("dialog")
    dialog.get_by_text("1 cell is not named").wait_for()
    dialog.get_by_role("button", name="Finish").click()
    vera.page.get_by_test_id("kappa").get_by_text("same name for 4 of 5 cells").wait_for()
    vera.page.get_by_test_id("missed").get_by_text("signed Blast, named Plasma cell").wait_for()
    assert vera.page.get_by_test_id("missed").count() == 1
    assert "66.7" in vera.page.get_by_test_id("sensitivity").inner_text()
    vera.look("proficiency-result")

    rita.page.reload()
    rita.page.get_by_role("link", name="Result").click()
    rita.page.get_by_test_id("missed").wait_for()
    for visit in (vera, rita):
        assert visit.complaints == []
        visit.fail_on_barriers()
