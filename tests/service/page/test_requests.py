"""A second opinion, in two real browsers: asked about the cell shown, found by its link, answered, seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from tests.service.browser import Running, add_user, serving
from tests.service.drawn import draw
from tests.service.page.visit import Visit

from marrowscope.service.rest import pages
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

ASKED, OTHER = "BM-26-0412", "BM-26-0413"
pytestmark = pytest.mark.slow


@pytest.fixture
def two_cases(tmp_path: Path) -> Iterator[Running]:
    """A running service with two patients and two readers."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    data = tmp_path / "data"
    add_user(data, "vera", "Dr. Vera Lind", "--admin")
    add_user(data, "omar", "Dr. Omar Haddad")
    app = create_app(Settings(data_folder=data), with_jobs=False)
    with TestClient(app):
        for seed, name in enumerate((ASKED, OTHER)):
            draw(app.state.service.database, app.state.service.blobs, name=name, cells=40, seed=seed)
    with serving(data, tmp_path / "log") as running:
        yield running


def focused(visit: Visit) -> str:
    """Where the selected cell is, as the page says it."""
    return visit.page.get_by_role("region", name="Selected cell").locator(".facts .faint.small").inner_text()


def names(visit: Visit) -> list[str]:
    return visit.page.locator(".worklist .name").all_inner_texts()


def test_a_colleague_is_asked_about_a_cell_and_a_field_and_answers(
    two_cases: Running, browser: "Browser"
) -> None:
    vera, omar = Visit(browser, two_cases), Visit(browser, two_cases)
    vera.log_in("vera")
    omar.log_in("omar")
    vera.open(ASKED)
    vera.page.get_by_test_id("gallery").wait_for()
    vera.press("End")
    place = focused(vera)
    _ask(vera)
    vera.goes_on()
    vera.page.get_by_test_id("request").get_by_text("Second opinion please.").wait_for()
    vera.look("asked")
    vera.tab("Case")
    _ask(vera, about="Field field 3.png", text="Too thick to count?")
    vera.page.get_by_label("Add a tag").fill("Conference ")
    vera.page.get_by_label("Add a tag").press("Enter")
    vera.page.get_by_role("button", name="Remove the tag conference").wait_for()
    vera.look("case-requests")

    # Without a reload: the count is in the header, the worklist knows.
    omar.page.get_by_test_id("waiting-count").get_by_text("2").wait_for()
    omar.page.get_by_label("Asked", exact=True).select_option(label="Asked of me")
    omar.until("() => document.querySelectorAll('.worklist .name').length === 1")
    assert names(omar) == [ASKED]
    omar.look("worklist-asked")
    omar.page.get_by_role("link", name="Requests").click()
    omar.page.get_by_test_id("request").first.wait_for()
    omar.look("requests")
    omar.page.get_by_role("link", name=place).click()
    omar.goes_on()
    omar.until("(place) => document.body.innerText.includes(place)", place)
    assert focused(omar) == place
    assert _field_shown(omar).startswith(place.split(",")[0])
    omar.look("request-opened")
    omar.page.go_back()
    omar.page.get_by_role("link", name="field 3.png").click()
    omar.goes_on()
    omar.until(
        "() => document.querySelector('.field-choice')?.selectedOptions[0].text.startsWith('field 3.png')"
    )
    assert "?" not in omar.page.url  # a reload stays where the reader is by then
    card = _card(omar, "Too thick to count?")
    card.get_by_label("Your answer").fill("No, it is fine.")
    card.get_by_role("button", name="Answer", exact=True).click()
    omar.page.get_by_test_id("waiting-count").get_by_text("1").wait_for()

    vera.page.get_by_test_id("waiting-count").get_by_text("1").wait_for()
    answered = _card(vera, "Too thick to count?")
    answered.get_by_text("No, it is fine.").wait_for()
    vera.page.get_by_role("button", name="Sign", exact=True).click()
    vera.page.get_by_text("1 request for an opinion is not answered (Dr. Omar Haddad).").wait_for()
    vera.page.keyboard.press("Escape")
    answered.get_by_role("button", name="Done").click()
    vera.page.get_by_test_id("waiting-count").wait_for(state="detached")
    for visit in (vera, omar):
        assert "\n".join(visit.complaints) == ""
        visit.fail_on_barriers()


def test_filters_stand_in_the_address_and_the_way_back_keeps_them(
    two_cases: Running, browser: "Browser"
) -> None:
    visit = Visit(browser, two_cases)
    visit.log_in("vera")
    visit.page.get_by_role("link", name=OTHER).wait_for()
    visit.page.get_by_label("Search patients").fill("0413")
    visit.until("() => document.querySelectorAll('.worklist .name').length === 1")
    visit.page.wait_for_url("**/?search=0413")
    visit.page.get_by_role("link", name=OTHER).click()
    visit.page.get_by_test_id("gallery").wait_for()
    visit.page.get_by_role("link", name="‹ Worklist").click()
    visit.page.wait_for_url("**/?search=0413")
    visit.page.get_by_role("link", name=OTHER).wait_for()
    assert names(visit) == [OTHER]
    visit.page.reload()
    visit.page.get_by_role("link", name=OTHER).wait_for()
    assert visit.page.get_by_label("Search patients").input_value() == "0413"
    visit.page.get_by_label("Decision", exact=True).select_option(label="Above 20 %")
    visit.page.get_by_text("No patient matches.").wait_for()
    visit.look("worklist-no-match")
    visit.page.locator(".empty").get_by_role("button", name="Clear all filters").click()
    visit.until("() => document.querySelectorAll('.worklist .name').length === 2")
    assert visit.page.get_by_label("Search patients").input_value() == ""
    assert visit.page.url == f"{two_cases.url}/"
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _ask(visit: Visit, about: str | None = None, text: str | None = None) -> None:
    visit.page.get_by_role("button", name="Ask a colleague").click()
    dialog = visit.page.get_by_role("dialog")
    dialog.locator("option", has_text="Dr. Omar Haddad").wait_for(state="attached")
    if about is not None:
        dialog.get_by_label("About").select_option(label=about)
    if text is not None:
        dialog.get_by_label("Question").fill(text)
    visit.look("ask")
    dialog.get_by_role("button", name="Ask", exact=True).click()
    dialog.wait_for(state="detached")


def _card(visit: Visit, text: str) -> "Locator":
    return visit.page.get_by_test_id("request").filter(has_text=text)


def _field_shown(visit: Visit) -> str:
    script = "() => document.querySelector('.field-choice').selectedOptions[0].text"
    return str(visit.page.evaluate(script))
