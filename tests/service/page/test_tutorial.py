"""The tutorial's second part, followed on the page: from a new installation to a signed report.

``MARROWSCOPE_SCREENSHOTS=docs/images/tutorial`` writes its pictures.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.service.browser import PASSWORD, Running, serving
from tests.service.page.visit import Visit

from marrowscope.service.rest import pages
from marrowscope.synth import demo_plan, draw_patient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SEED = 1  # of `marrowscope demo`
CASE, NUMBER = "BM-26-0001", 7  # its eighth patient
LOT, MORE = 100, 30  # cells of the lot that decide; answers that may have been given to others meanwhile
_FOCUSED = "document.querySelector('.tile.focused')?.dataset.id"
_READING_MS = 600_000


@pytest.fixture
def smear(tmp_path: Path) -> list[Path]:
    """A patient of the demonstration, as it draws them."""
    patient = draw_patient([SEED, NUMBER], blast_share=demo_plan(SEED)[NUMBER].blast_share)
    paths = [tmp_path / f"field_{number:02d}.jpg" for number in range(1, len(patient.fields) + 1)]
    for path, field in zip(paths, patient.fields, strict=True):
        Image.fromarray(field.pixels).save(path, quality=95, subsampling=0)
    return paths


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """A service without accounts, and the code that it printed."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    log = tmp_path / "serve.log"
    with serving(tmp_path / "data", log) as running:
        printed = re.search(r"code: (\S+)", log.read_text("utf-8"))
        assert printed is not None
        yield running, printed[1]


def test_from_a_new_installation_to_a_signed_report(
    installation: tuple[Running, str], browser: "Browser", smear: list[Path]
) -> None:
    service, code = installation
    visit = Visit(browser, service, pictures=True)
    _create_the_first_administrator(visit, code)
    visit.upload(CASE, smear)
    row = visit.page.locator("tr", has_text=CASE)
    row.get_by_text("To review").wait_for(timeout=_READING_MS)
    visit.look("worklist")
    visit.open(CASE)
    visit.page.locator(".tile .picture").first.wait_for()
    assert visit.decision() == "Undecided"
    visit.look("cells")
    _state_the_specimen(visit)
    _review_the_lot(visit)
    assert visit.decision().startswith("Above 20 %")
    visit.look("decided")
    _sign(visit)
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _create_the_first_administrator(visit: Visit, code: str) -> None:
    visit.page.goto(visit.service.url)
    visit.page.get_by_label("Code from the terminal").fill(code)
    visit.page.get_by_label("User name").fill("anna")
    visit.page.get_by_label("Your name, as reports show it").fill("Anna Keller")
    visit.page.get_by_label("Password").fill(PASSWORD)
    visit.look("setup")
    visit.page.get_by_role("button", name="Create and log in").click()
    visit.page.get_by_text("No patients yet").wait_for()


def _state_the_specimen(visit: Visit) -> None:
    visit.page.get_by_role("link", name="State the specimen").click()
    case = visit.page.get_by_test_id("case")
    case.get_by_label("Specimen").first.select_option(label="bone marrow aspirate")
    case.get_by_label("Conclusion").fill("A drawn smear with many blasts.")
    visit.look("case")
    case.get_by_role("button", name="Save").click()
    case.get_by_text("Saved").wait_for()
    visit.tab("Cells")
    visit.page.locator(".tile .picture").first.wait_for()


def _review_the_lot(visit: Visit) -> None:
    for number in range(1, LOT + MORE + 1):
        before = visit.page.evaluate(_FOCUSED)
        visit.press("Shift+N")
        visit.until(f"(before) => ![undefined, before].includes({_FOCUSED})", before)
        visit.page.get_by_text("Not reviewed yet").wait_for()
        if number == LOT // 2:
            visit.look("lot")
        visit.press("Enter")
        visit.page.get_by_text(f"· {number} reviewed").wait_for()
        if number >= LOT and visit.decision() != "Undecided":
            return
    raise AssertionError("the review does not decide")


def _sign(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_text("Still open").wait_for()
    dialog.get_by_label("One reason for all points").check()
    dialog.get_by_placeholder("Why it may stay open").fill("Practice on a drawn smear")
    dialog.get_by_label("Your password").fill(PASSWORD)
    visit.look("sign")
    dialog.get_by_role("button", name="Sign", exact=True).click()
    visit.page.get_by_text("Signed version 1").wait_for()
    visit.page.get_by_role("button", name="Export").click()
    visit.look("signed")
    with visit.page.expect_popup() as opened:
        visit.page.get_by_role("link", name="Report (HTML)").click()
    opened.value.get_by_text("Anna Keller").first.wait_for()
    opened.value.close()
    visit.tab("Report")
    visit.page.get_by_text("SHA-256 of the data").first.wait_for()
    visit.look("report")
