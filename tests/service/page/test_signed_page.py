"""What a newcomer tries on the page: the tour, the fields, and a case that is already signed."""

from typing import TYPE_CHECKING

import pytest
from tests.service.browser import Running
from tests.service.page.conftest import PATIENT
from tests.service.page.visit import Visit

from marrowscope.analysis.numbers import ENOUGH_REVIEWED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
_SHOWN = """(name) => [...document.querySelectorAll('select')]
  .some((one) => one.selectedOptions[0]?.text.startsWith(`${name} (`))"""


def test_the_tour_the_fields_and_a_signed_case(drawn_patient: Running, browser: "Browser") -> None:
    visit = Visit(browser, drawn_patient)
    visit.page.goto(drawn_patient.url)
    visit.page.get_by_role("link", name=PATIENT).click()
    visit.page.locator(".tile .picture").first.wait_for()
    _the_tour_begins_on_all_cells(visit)
    _a_field_opens_by_mouse_and_by_keys(visit)
    visit.page.get_by_test_id("lot").get_by_text(f"By lot: 0 of {ENOUGH_REVIEWED}").wait_for()
    _sign(visit)
    _nothing_invites_to_work_on_it(visit)
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _the_tour_begins_on_all_cells(visit: Visit) -> None:
    visit.show("blast")
    visit.page.reload()
    visit.page.locator("[data-bin='blast'][aria-current='true']").wait_for()
    visit.page.get_by_role("button", name="Local user").click()
    visit.page.get_by_role("button", name="Two-minute tour").click()
    visit.page.get_by_role("dialog", name="All cells, by type").wait_for()
    visit.page.locator("[data-bin='*all'][aria-current='true']").wait_for()
    visit.page.keyboard.press("Escape")


def _a_field_opens_by_mouse_and_by_keys(visit: Visit) -> None:
    visit.tab("Fields")
    visit.look("fields-to-open")
    fields = visit.page.locator(".field-card strong a")
    name = fields.nth(1).inner_text()
    visit.page.get_by_role("link", name=f"Open {name} among the cells").click()
    visit.until(_SHOWN, name)
    visit.tab("Fields")
    name = fields.nth(2).inner_text()
    fields.nth(2).focus()
    visit.page.keyboard.press("Enter")
    visit.until(_SHOWN, name)


def _sign(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_label("One reason for all points").check()
    dialog.get_by_placeholder("Why it may stay open").fill("Practice on a drawn smear")
    visit.look("sign-what-decides")
    dialog.get_by_role("button", name="Sign", exact=True).click()
    visit.page.get_by_text("Signed version 1").wait_for()


def _nothing_invites_to_work_on_it(visit: Visit) -> None:
    suggested = visit.page.get_by_role("button", name="suggested cells")
    suggested.wait_for(state="detached")
    visit.press("b")
    visit.page.get_by_role("status").get_by_text("Signed: amend it first.").wait_for()
    visit.look("signed-key")
    visit.press("ArrowRight")
    visit.tab("Readings")
    visit.page.get_by_role("row", name="First reading (shared)").get_by_text("signed", exact=True).wait_for()
