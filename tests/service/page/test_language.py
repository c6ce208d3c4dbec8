"""The page in German: by the browser's language, until the user chooses another."""

import re
from typing import TYPE_CHECKING

import pytest
from tests.service.browser import Running
from tests.service.page.conftest import PATIENT
from tests.service.page.visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_the_page_speaks_german_until_english_is_chosen(drawn_patient: Running, browser: "Browser") -> None:
    visit = Visit(browser, drawn_patient, pictures=True, locale="de-AT")
    page = visit.page
    page.goto(drawn_patient.url)
    page.get_by_role("heading", name="Arbeitsliste").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    visit.look("german-worklist")
    page.get_by_role("link", name=PATIENT).click()
    page.locator(".tile .picture").first.wait_for()
    page.locator("[data-bin='band_neutrophil']").get_by_text("Stabkernige").wait_for()
    page.get_by_test_id("blast-percent").wait_for()
    assert re.fullmatch(r"\d+,\d\s%", visit.blasts())
    assert _shows_the_whole_number(visit)
    visit.look("german-review")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Leertaste").wait_for()
    visit.look("german-keys")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Signieren").click()
    page.get_by_text("Keine Durchsicht entscheidet").wait_for()
    visit.look("german-sign")
    page.keyboard.press("Escape")
    for tab, shown in (
        ("Fall", "Erythropoese"),
        ("Befundungen", "Erstbefundung"),
        ("Protokoll", "Auswertung fertig"),
    ):
        visit.tab(tab)
        page.get_by_text(shown).first.wait_for()
        visit.look(f"german-{tab.lower()}")

    for address, shown in (
        ("/quality/controls", "Es gibt noch kein Kontrollpräparat."),
        ("/quality/learning", "Noch wurde kein Fall vorgelegt."),
        ("/admin/networks", "Netze neuer Auswertungen"),
    ):
        page.goto(f"{drawn_patient.url}{address}")
        page.get_by_text(shown).wait_for()
        visit.look(f"german-{address.rpartition('/')[2]}")

    page.goto(f"{drawn_patient.url}/")
    page.get_by_role("link", name=PATIENT).click()
    page.get_by_role("button", name="Local user").click()
    page.get_by_role("button", name="Anzeige").click()
    page.get_by_label("Sprache").select_option(label="English")
    page.get_by_role("dialog", name="Display settings").wait_for()
    visit.look("german-to-english")
    page.keyboard.press("Escape")
    assert _shows_the_whole_number(visit)
    visit.tab("History")
    page.reload()
    page.get_by_role("heading", name="History").wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _shows_the_whole_number(visit: Visit) -> bool:
    """Whether the head says in full whose cells these are, in a line."""
    number = visit.page.get_by_role("heading", name=PATIENT)
    return bool(
        number.evaluate(
            "(one) => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight"
            " && one.clientHeight < 2 * parseFloat(getComputedStyle(one).fontSize)"
        )
    )
