"""Images of the same names come again with other contents: one dialog asks about all of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.service.browser import Running
from tests.service.page.visit import Visit

from marrowscope.synth import draw_field

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENT = "BM-26-0500"


def images(folder: Path, first_seed: int) -> list[Path]:
    folder.mkdir()
    made = []
    for number, name in enumerate(("one.png", "two.png")):
        field = draw_field(first_seed + number, width=320, height=240, cells=3)
        Image.fromarray(field.pixels).save(folder / name)
        made.append(folder / name)
    return made


def send(visit: Visit, files: list[Path]) -> None:
    visit.page.get_by_test_id("files").set_input_files(files)
    visit.page.get_by_label("Analyse after upload").uncheck()
    visit.page.get_by_role("button", name="Upload", exact=True).click()


def test_one_dialog_asks_about_all_files(page_service: Running, browser: "Browser", tmp_path: Path) -> None:
    visit = Visit(browser, page_service)
    page = visit.page
    visit.log_in("vera")
    page.get_by_role("button", name="Add images").click()
    page.get_by_test_id("files").set_input_files(images(tmp_path / "first", 1))
    page.get_by_label("Patient number").fill(PATIENT)
    page.get_by_label("Analyse after upload").uncheck()
    page.get_by_role("button", name="Upload", exact=True).click()
    page.locator("h3", has_text="2 of 2 sent").wait_for()
    visit.open(PATIENT)
    visit.tab("Fields")
    page.get_by_text("one.png").first.wait_for()

    page.get_by_role("button", name="Add images").click()
    send(visit, images(tmp_path / "second", 11))
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("two.png").wait_for()
    visit.look("same-name")
    dialog.get_by_label("For all 2 files").uncheck()
    dialog.get_by_text("two.png").wait_for(state="detached")
    dialog.get_by_role("button", name="Keep both").click()
    dialog.get_by_text("two.png").wait_for()
    dialog.get_by_role("button", name="Replace").click()
    dialog.wait_for(state="detached")
    page.get_by_text("4 of 4 sent").wait_for()  # in one line, so that nothing of the page is covered
    page.reload()
    page.get_by_text("one.png (2)").wait_for()
    assert page.locator(".field-card").count() == 3
    visit.complaints = [each for each in visit.complaints if "409" not in each]
    assert visit.complaints == []
    visit.fail_on_barriers()
