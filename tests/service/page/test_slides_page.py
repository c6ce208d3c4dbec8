"""A whole slide on the page, in a real browser: dropped as any image, then its overview and itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.service.browser import Running, serving
from tests.service.page.visit import Visit
from tests.slides import write_svs

from marrowscope.service.rest import pages
from marrowscope.synth.slide import Area, draw_slide

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    with serving(tmp_path / "data", tmp_path / "log", MARROWSCOPE_AUTHENTICATION="off") as running:
        yield running


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    areas = np.full((36, 40), Area.MONOLAYER, np.uint8)
    areas[:, :20] = Area.GLASS
    drawn = draw_slide(7, mpp=0.25, areas=areas)
    return write_svs(tmp_path / "smear.svs", drawn.pixels, drawn.mpp)


@pytest.fixture
def with_megakaryocytes(tmp_path: Path) -> Path:
    areas = np.full((36, 54), Area.MONOLAYER, np.uint8)
    areas[:2] = areas[-2:] = areas[:, -2:] = Area.GLASS
    drawn = draw_slide(7, mpp=0.25, areas=areas, megakaryocytes=3)
    return write_svs(tmp_path / "smear.svs", drawn.pixels, drawn.mpp)


def test_a_slide_shows_its_counted_area_and_itself(browser: "Browser", running: Running, slide: Path) -> None:
    visit = Visit(browser, running)
    page = visit.page
    page.goto(running.url)
    visit.upload("BM-26-0500", [slide])
    page.get_by_role("link", name="BM-26-0500", exact=True).first.wait_for()
    visit.open("BM-26-0500")
    visit.tab("Fields")
    overview = page.get_by_alt_text("Overview of smear.svs")
    overview.wait_for()
    page.wait_for_function(
        "picture => picture.complete && picture.naturalWidth >= 900", arg=overview.element_handle()
    )
    assert page.get_by_text("mm² in which cells lie in one layer").is_visible()
    visit.look("fields with a slide")
    with page.expect_response(lambda answer: "/image_files/" in answer.url and answer.ok):
        page.get_by_role("button", name="Look at the slide").click()
    viewer = page.get_by_role("img", name="smear.svs", exact=True)
    viewer.locator("canvas").first.wait_for()
    visit.look("slide")
    page.get_by_role("button", name="Close").click()
    viewer.wait_for(state="detached")
    assert visit.barriers == []
    assert visit.complaints == []


def test_megakaryocytes_are_confirmed_by_keys_and_clicks(
    browser: "Browser", running: Running, with_megakaryocytes: Path
) -> None:
    visit = Visit(browser, running, pictures=True)
    page = visit.page
    page.goto(running.url)
    visit.upload("BM-26-0501", [with_megakaryocytes])
    page.get_by_role("link", name="BM-26-0501", exact=True).first.wait_for()
    visit.open("BM-26-0501")
    visit.tab("Fields")
    section = page.get_by_role("region", name="Megakaryocytes")
    first, second = (
        section.get_by_role("article", name=f"Candidate {number}", exact=False) for number in (1, 2)
    )
    first.wait_for()
    section.get_by_text("0 confirmed, 0 rejected").wait_for()
    first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")  # of the next one
    section.get_by_text("1 confirmed, 1 rejected").wait_for()
    section.get_by_text("per mm²").first.wait_for()
    visit.look("megakaryocytes")
    first.get_by_role("button", name="Show the place in smear.svs").click()
    page.get_by_role("img", name="smear.svs", exact=True).locator(".place-mark").wait_for()
    page.get_by_role("button", name="Close").click()
    first.focus()
    page.keyboard.press("Control+z")
    section.get_by_text("1 confirmed, 0 rejected").wait_for()
    second.get_by_role("button", name="Confirm").click()
    section.get_by_text("2 confirmed, 0 rejected").wait_for()
    page.reload()
    section.get_by_text("2 confirmed, 0 rejected").wait_for()
    assert section.get_by_role("button", name="Undo").is_disabled()
    assert visit.barriers == []
    assert visit.complaints == []


def test_megakaryocytes_of_a_wide_field_are_confirmed_where_they_lie(
    browser: "Browser", running: Running, tmp_path: Path
) -> None:
    drawn = draw_slide(8, mpp=0.2, areas=np.full((16, 20), Area.MONOLAYER, np.uint8), megakaryocytes=1)
    path = tmp_path / "wide.png"
    Image.fromarray(drawn.pixels).save(path, dpi=(25_400 / drawn.mpp,) * 2)
    visit = Visit(browser, running)
    page = visit.page
    page.goto(running.url)
    visit.upload("BM-26-0502", [path])
    page.get_by_role("link", name="BM-26-0502", exact=True).first.wait_for()
    visit.open("BM-26-0502")
    visit.tab("Fields")
    section = page.get_by_role("region", name="Megakaryocytes")
    first = section.get_by_role("article", name="Candidate 1", exact=False)
    first.wait_for()  # comes by itself once the field is read
    page.wait_for_function(
        "picture => picture.complete && picture.naturalWidth === 160",
        arg=first.locator("img").element_handle(),
    )
    place = first.get_by_role("button", name="Show the place in wide.png")
    place.click()
    viewer = page.get_by_role("img", name="wide.png", exact=True)
    viewer.locator(".place-mark").wait_for()
    visit.look("place of a megakaryocyte")
    page.get_by_role("button", name="Close").click()
    viewer.wait_for(state="detached")
    first.get_by_role("button", name="Confirm").click()
    section.get_by_text("1 confirmed, 0 rejected, 0 open").wait_for()
    visit.look("megakaryocytes of a field")
    page.reload()
    section.get_by_text("1 confirmed, 0 rejected, 0 open").wait_for()
    assert visit.barriers == []
    assert visit.complaints == []
