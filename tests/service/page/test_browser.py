"""The review page in a real browser on a real service with the real networks, as a hematologist uses it.

``MARROWSCOPE_SCREENSHOTS=FOLDER`` writes a picture of every page there; those of the documentation are made
with ``MARROWSCOPE_SCREENSHOTS=docs/images/service``. With ``MARROWSCOPE_SCREENSHOTS_EVERY=1``, pages are also
looked at on a large screen and in the dark.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tests.service.browser import PASSWORD, Running, draw_smear
from tests.service.page.visit import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
FIRST, SECOND = "BM-26-0412", "BM-26-0413"
_READING_MS = 600_000  # both networks on a busy machine
_NOTE_STATES = """() => {
  window.states = [];
  const note = () => document.querySelectorAll('.status').forEach((one) => window.states.push(one.innerText));
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@dataclass(frozen=True)
class Case:
    """Two patients' images, and whether the pictures of the page may be published."""

    first: list[Path]
    second: list[Path]
    public: bool


@pytest.fixture(params=["drawn", "photographed"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """A patient with many blasts and one with few."""
    if request.param == "drawn":
        first = draw_smear(tmp_path / FIRST, 11, 0.24, 320, 8)
        return Case(first, draw_smear(tmp_path / SECOND, 12, 0.06, 70, 2), public=True)
    fields: Path = request.getfixturevalue("shared_data") / "fields"
    first = sorted((fields / "allidb_validation").rglob("*.jpg"))
    second = sorted((fields / "bccd" / "JPEGImages").glob("*.jpg"))[:12]
    assert first
    assert second
    return Case(first, second, public=False)


def test_a_case_from_the_first_log_in_to_the_amended_report(
    page_service: Running, browser: "Browser", case: Case, tmp_path: Path
) -> None:
    visit = Visit(browser, page_service, pictures=case.public)
    try:
        _go_through(visit, browser, case, tmp_path)
    except Exception:
        visit.picture("failure")
        raise
    assert visit.hosts == {urlsplit(page_service.url).netloc}
    assert "\n".join(visit.complaints) == ""
    visit.fail_on_barriers()


def _go_through(visit: Visit, browser: "Browser", case: Case, folder: Path) -> None:
    _refused_log_in(visit)
    visit.log_in("vera")
    _upload_two_patients(visit, case, folder)
    _open_the_gallery(visit)
    _reclassify_by_keyboard(visit)
    _reclassify_by_drag(visit)
    _see_the_decision_move(visit)
    _add_and_strike_out_a_cell(visit)
    _comment_and_compare(visit)
    _by_keys_alone(visit)
    _sign_amend_and_sign_again(visit)
    _download(visit)
    _analyse_again(visit)
    _look_at_every_other_page(visit)
    _look_at_it_in_the_dark(visit)
    _others_are_refused(visit, browser)
    _second_reading(visit, browser)


def _refused_log_in(visit: Visit) -> None:
    visit.page.goto(visit.service.url)
    visit.look("login")
    visit.log_in("vera", "not her password")
    visit.page.get_by_role("alert").wait_for()
    visit.complaints.clear()  # the browser notes every 401


def _upload_two_patients(visit: Visit, case: Case, folder: Path) -> None:
    text, broken = folder / "notes.txt", folder / "truncated.jpg"
    text.write_text("not an image", encoding="utf-8")
    whole = case.second[0].read_bytes()
    broken.write_bytes(whole[: len(whole) * 2 // 3])
    visit.page.evaluate(_NOTE_STATES)
    visit.upload(FIRST, case.first)
    visit.upload(SECOND, [*case.second, broken, text])
    panel = visit.page.get_by_role("complementary", name="In progress")
    panel.get_by_text("notes.txt").wait_for()
    panel.get_by_text("refused", exact=True).first.wait_for()
    visit.look("worklist-reading")
    visit.page.locator("tr", has_text=FIRST).get_by_text("To review").wait_for(timeout=_READING_MS)
    visit.page.locator("tr", has_text=SECOND).get_by_text("1 field failed").wait_for(timeout=_READING_MS)
    visit.page.locator("tr", has_text=SECOND).get_by_text("To review").wait_for(timeout=_READING_MS)
    # An idle server takes an analysis up before the page could show that it waits.
    assert "Reading" in visit.page.evaluate("window.states")
    panel.get_by_role("button", name="Clear").click()
    visit.look("worklist")


def _open_the_gallery(visit: Visit) -> None:
    visit.open(FIRST)
    visit.page.locator(".tile .picture").first.wait_for()
    assert visit.count("*all") > 100
    visit.look("review")


def _reclassify_by_keyboard(visit: Visit) -> None:
    visit.show("blast")
    blasts, monocytes = visit.count("blast"), visit.count("monocyte")
    share = visit.blasts()
    key = visit.page.locator("[data-bin='monocyte'] kbd").inner_text()
    visit.press(*([key] * 10))
    assert (visit.count("blast"), visit.count("monocyte")) == (blasts - 10, monocytes + 10)
    visit.press("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", key)
    assert (visit.count("blast"), visit.count("monocyte")) == (blasts - 15, monocytes + 15)
    visit.until("(old) => document.querySelector('[data-testid=blast-percent]').innerText !== old", share)
    visit.saved()
    visit.press("Control+z")
    assert (visit.count("blast"), visit.count("monocyte")) == (blasts - 10, monocytes + 10)
    visit.press("Control+Shift+z")
    assert (visit.count("blast"), visit.count("monocyte")) == (blasts - 15, monocytes + 15)
    visit.saved()


def _reclassify_by_drag(visit: Visit) -> None:
    visit.show("monocyte")
    monocytes, lymphocytes = visit.count("monocyte"), visit.count("lymphocyte")
    tiles = visit.page.locator(".tile")
    tiles.nth(0).click()
    for number in range(1, 5):
        tiles.nth(number).click(modifiers=["Control"])
    tiles.nth(2).drag_to(visit.page.locator("[data-bin='lymphocyte']"))
    assert (visit.count("monocyte"), visit.count("lymphocyte")) == (monocytes - 5, lymphocytes + 5)
    visit.saved()


def _see_the_decision_move(visit: Visit) -> None:
    visit.show("*all")
    before, share = visit.decision(), visit.blasts()
    bin_id, expected = ("lymphocyte", "Below 20 %") if before == "Above 20 %" else ("blast", "Above 20 %")
    visit.press("Control+a", visit.page.locator(f"[data-bin='{bin_id}'] kbd").inner_text())
    pill = "document.querySelector('[data-testid=differential] .pill').innerText"
    visit.until(f"(words) => {pill} === words", expected)
    visit.saved()
    visit.press("Control+z")
    visit.until("(old) => document.querySelector('[data-testid=blast-percent]').innerText === old", share)
    assert visit.decision() == before
    visit.saved()


def _add_and_strike_out_a_cell(visit: Visit) -> None:
    visit.show("*all")
    everything = visit.count("*all")
    visit.press(".")
    visit.page.locator(".openseadragon-canvas").wait_for()
    visit.page.get_by_role("button", name="Add a cell").click()
    area = visit.page.get_by_test_id("field").bounding_box()
    assert area is not None
    middle = (area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    visit.page.mouse.move(*middle)
    visit.page.mouse.down()
    visit.page.mouse.move(middle[0] + 40, middle[1] + 40, steps=4)
    visit.page.mouse.up()
    visit.page.keyboard.press(visit.page.locator("[data-bin='blast'] kbd").inner_text())
    visit.page.get_by_text("Added by hand").wait_for()
    assert visit.count("*all") == everything + 1
    visit.look("field")
    visit.press("Delete")
    assert (visit.count("*all"), visit.count("*deleted")) == (everything, 1)
    visit.saved()


def _comment_and_compare(visit: Visit) -> None:
    visit.show("blast")
    visit.page.locator(".tile").first.click()
    visit.page.get_by_placeholder("Add a comment").fill("Auer rod?")
    visit.page.get_by_role("button", name="Add", exact=True).click()
    visit.page.locator(".comment", has_text="Auer rod?").wait_for()
    visit.goes_on()
    compared = visit.page.get_by_role("group", name="Reference cells")
    compared.get_by_text("Blast").first.wait_for()
    visit.until("() => [...document.querySelectorAll('.compare img')].every((one) => one.naturalWidth > 0)")
    visit.look("compare")
    visit.page.keyboard.press(",")
    compared.wait_for(state="detached")
    visit.page.keyboard.press(",")
    compared.wait_for()
    visit.press("?")
    visit.page.get_by_role("dialog").wait_for()
    visit.look("keys")
    visit.page.keyboard.press("Escape")
    visit.goes_on()


def _by_keys_alone(visit: Visit) -> None:
    """After every dialog, panel and button the next key goes to the cells, without a click."""
    visit.page.reload()
    visit.page.locator(".tile .picture").first.wait_for()
    visit.goes_on()
    focused = visit.page.locator(".tile.focused")
    for key in ("n", "Shift+N"):
        visit.page.keyboard.press(key)
        focused.wait_for()
    chosen = focused.get_attribute("data-id")
    visit.page.reload()
    visit.page.locator(f".tile.focused[data-id='{chosen}']").wait_for()
    visit.page.get_by_role("button", name="Picture").click()
    visit.page.get_by_label("Gamma").press("ArrowRight")
    visit.look("picture")
    visit.page.get_by_role("button", name="Reset").click()
    visit.page.keyboard.press("Escape")
    visit.goes_on()
    visit.page.keyboard.press(";")
    visit.page.keyboard.press("Escape")
    visit.goes_on()
    visit.page.get_by_role("button", name="All fields").click()
    visit.look("overview")
    visit.page.locator(".overview-field").last.click()
    visit.goes_on()
    visit.page.get_by_role("button", name="Measure").press("Enter")
    visit.page.get_by_test_id("length").get_by_text("µm").wait_for()
    visit.page.keyboard.press("Escape")
    visit.goes_on()


def _sign_amend_and_sign_again(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    dialog = visit.page.get_by_role("dialog")
    submit = dialog.get_by_role("button", name="Sign", exact=True)
    assert submit.is_disabled()
    visit.look("sign")
    dialog.get_by_label("Your password").fill(PASSWORD)
    _say_why_points_stay_open(visit)
    submit.click()
    visit.page.get_by_text("Signed version 1").wait_for()
    blasts = visit.count("blast")
    visit.press("l")
    assert visit.count("blast") == blasts  # locked
    visit.page.get_by_role("button", name="Amend").click()
    visit.page.get_by_label("Reason for the amendment").fill("Second look at the blasts")
    visit.page.get_by_role("button", name="Reopen").click()
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    dialog.get_by_label("Your password").fill("not the password")
    _say_why_points_stay_open(visit)
    submit.click()
    dialog.get_by_text("the password is wrong").wait_for()
    visit.complaints = [each for each in visit.complaints if "403" not in each]
    dialog.get_by_label("Your password").fill(PASSWORD)
    submit.click()
    visit.page.get_by_text("Signed version 2").wait_for()


def _say_why_points_stay_open(visit: Visit) -> None:
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_text("Still open").wait_for()
    for point in dialog.get_by_placeholder("Why it may stay open").all():
        assert dialog.get_by_role("button", name="Sign", exact=True).is_disabled()
        point.fill("Seen at the microscope")


def _download(visit: Visit) -> None:
    for words, start, least in (
        ("Report (PDF)", b"%PDF", 10_000),
        ("All cells (CSV)", b"", 10_000),
        ("Laboratory system (FHIR)", b"{", 1000),
    ):
        visit.page.get_by_role("button", name="Export").click()
        with visit.page.expect_download() as waiting:
            visit.page.get_by_role("button", name=words).click()
        assert waiting.value.suggested_filename.startswith(f"{FIRST}_v")
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(start)
        assert len(content) > least
        if start == b"{":
            assert json.loads(content)["resourceType"] == "Bundle"


def _analyse_again(visit: Visit) -> None:
    visit.show("monocyte")
    blasts, reviewed = visit.count("blast"), visit.page.locator(".tile .mark").count()
    assert reviewed > 0
    visit.page.get_by_role("button", name="More").click()
    visit.page.get_by_role("button", name="Analyse again").click()
    visit.page.get_by_text("2 signed versions stay").wait_for()
    visit.look("again")
    visit.page.get_by_label("Read these fields again, too").check()
    visit.page.get_by_role("dialog").get_by_role("button", name="Analyse again").click()
    visit.page.get_by_text("A newer analysis is not signed yet.").wait_for(timeout=_READING_MS)
    # Cells are there while other fields are still read; answers are carried over at the end.
    visit.page.get_by_role("button", name="Sign", exact=True).wait_for(timeout=_READING_MS)
    shown = "document.querySelector(\"[data-bin='blast'] .count\").innerText"
    visit.until(f"(count) => {shown} === String(count)", blasts)
    visit.page.get_by_test_id("carried").get_by_text("what was said of").wait_for()
    assert visit.page.get_by_text("could not be carried over").count() == 0
    visit.page.get_by_role("link", name="Worklist").first.click()
    visit.page.locator("tr", has_text=FIRST).get_by_text("newer analysis not signed").wait_for()
    visit.open(FIRST)


def _look_at_every_other_page(visit: Visit) -> None:
    visit.tab("Report")
    visit.page.get_by_text("Reason: Second look at the blasts").wait_for()
    visit.look("report")
    visit.tab("History")
    visit.page.locator("tbody tr").first.wait_for()
    visit.look("history")
    visit.open(SECOND)
    visit.page.locator(".tile .picture").first.wait_for()  # a field without a cell has no pictures to ask for
    visit.tab("Fields")
    visit.page.locator(".field-card.failed").wait_for()
    visit.look("fields")
    visit.page.get_by_role("link", name="Administration").click()
    for name, role in (("omar", "Reviewer"), ("eva", "Viewer")):
        visit.page.get_by_role("button", name="Add user").click()
        dialog = visit.page.get_by_role("dialog")
        dialog.get_by_label("User name").fill(name)
        dialog.get_by_label("Name", exact=True).fill(f"Dr. {name.title()}")
        dialog.get_by_label("Role").select_option(label=role)
        dialog.get_by_label("Password").fill(PASSWORD)
        dialog.get_by_role("button", name="Save").click()
        visit.page.get_by_role("cell", name=f"Dr. {name.title()}").wait_for()
    visit.look("users")


def _look_at_it_in_the_dark(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    visit.open(FIRST)
    visit.page.locator(".tile .picture").first.wait_for()
    visit.look("review-dark")
    visit.page.get_by_role("link", name="Worklist").first.click()
    visit.page.locator("tr", has_text=FIRST).wait_for()
    visit.look("worklist-dark")
    visit.page.emulate_media(color_scheme="light")


def _others_are_refused(visit: Visit, browser: "Browser") -> None:
    eva = Visit(browser, visit.service)
    eva.log_in("eva")
    eva.open(SECOND)
    eva.page.get_by_text("You can view this patient but not change").wait_for()
    assert eva.page.get_by_role("button", name="Sign", exact=True).count() == 0
    eva.page.locator(".tile .picture").first.wait_for()
    cells = eva.count("*all")
    eva.press("Control+a", "Delete")
    assert eva.count("*all") == cells
    assert eva.ask("GET", "/users") == 403
    assert eva.ask("POST", "/patients", {"name": "mine"}) == 403
    eva.page.context.close()


def _second_reading(visit: Visit, browser: "Browser") -> None:
    omar = Visit(browser, visit.service, pictures=visit.pictures)
    omar.log_in("omar")
    omar.open(SECOND)
    assert omar.ask("GET", "/audit") == 403
    omar.tab("Readings")
    omar.page.get_by_role("button", name="Start a blind second reading").click()
    omar.page.get_by_role("button", name="Continue reading").click()
    omar.page.get_by_text("Blind second reading").wait_for()
    omar.page.locator(".tile").first.wait_for()
    omar.press("Control+a", "Enter")
    omar.saved()
    omar.tab("Readings")
    omar.page.get_by_role("button", name="Finish my reading").click()
    omar.page.get_by_text("finished", exact=True).wait_for()
    omar.page.get_by_text("Cohen’s kappa").first.wait_for()
    omar.look("readings")
    omar.page.context.close()
