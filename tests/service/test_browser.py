"""The review page in a real browser on a real service with the real networks, as a hematologist uses it.

``MARROWSCOPE_SCREENSHOTS=FOLDER`` writes a picture of every page there; those of the documentation are made
with ``MARROWSCOPE_SCREENSHOTS=docs/images/service``.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from PIL import Image
from tests.service.browser import (
    CHROMIUM_OPTIONS,
    PASSWORD,
    Running,
    add_user,
    chromium,
    draw_smear,
    serving,
)

from marrowscope.service.rest import pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
FIRST, SECOND = "BM-26-0412", "BM-26-0413"
_PATIENCE_MS = 60_000
_READING_MS = 600_000  # both networks on a busy machine
_NOTE_STATES = """() => {
  window.states = [];
  const note = () => document.querySelectorAll('.status').forEach((one) => window.states.push(one.innerText));
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with its first administrator, made by the command line."""
    if not pages.is_built():
        pytest.skip(pages.NOT_BUILT)
    folder = tmp_path_factory.mktemp("service")
    add_user(folder / "data", "vera", "Dr. Vera Lind", "--admin")
    with serving(folder / "data", folder / "serve.log") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The machine's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=path, args=list(CHROMIUM_OPTIONS))
        yield started
        started.close()


class Visit:
    """A browser window of one user, which notes whatever goes wrong in it."""

    def __init__(self, browser: "Browser", service: Running) -> None:
        self.service = service
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.complaints.append(text)

    def log_in(self, username: str, password: str = PASSWORD) -> None:
        self.page.goto(self.service.url)
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def upload(self, name: str, files: list[Path]) -> None:
        self.page.get_by_role("button", name="Add images").click()
        self.page.get_by_test_id("files").set_input_files(files)
        self.page.get_by_label("Patient number").fill(name)
        self.picture("upload")
        self.page.get_by_role("button", name="Upload", exact=True).click()

    def open(self, patient: str) -> None:
        self.page.get_by_role("link", name="Worklist").first.click()
        self.page.get_by_role("link", name=patient, exact=True).first.click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()

    def show(self, bin_id: str) -> None:
        self.page.locator(f"[data-bin='{bin_id}']").click()

    def count(self, bin_id: str) -> int:
        return int(self.page.locator(f"[data-bin='{bin_id}'] .count").inner_text())

    def blasts(self) -> str:
        return self.page.get_by_test_id("blast-percent").inner_text()

    def decision(self) -> str:
        return self.page.get_by_test_id("differential").locator(".pill").inner_text()

    def until(self, script: str, argument: object = None) -> None:
        self.page.wait_for_function(script, arg=argument, timeout=_PATIENCE_MS)

    def saved(self) -> None:
        self.page.get_by_text("All changes saved").wait_for(state="attached")

    def press(self, *keys: str) -> None:
        self.page.get_by_test_id("gallery").focus()
        for key in keys:
            self.page.keyboard.press(key)

    def ask(self, method: str, path: str, body: object = None) -> int:
        """Send a request from the page, as somebody with the browser's tools could."""
        script = """async ([method, path, body]) => {
          const session = await (await fetch('/api/v1/session')).json();
          const headers = {'X-CSRF-Token': session.csrf_token, 'Content-Type': 'application/json'};
          const init = {method, headers, ...(body ? {body: JSON.stringify(body)} : {})};
          return (await fetch('/api/v1' + path, init)).status;
        }"""
        return int(self.page.evaluate(script, [method, path, body]))

    def picture(self, name: str) -> None:
        """Keep a picture of the page where the variable asks for it; a palette keeps it small."""
        folder = os.environ.get("MARROWSCOPE_SCREENSHOTS")
        if not folder:
            return
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(900)
        self.page.screenshot(path=path)
        with Image.open(path) as image:
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def test_a_case_from_the_first_log_in_to_the_amended_report(
    service: Running, browser: "Browser", tmp_path: Path
) -> None:
    visit = Visit(browser, service)
    try:
        _go_through(visit, browser, tmp_path)
    except Exception:
        visit.picture("failure")
        raise
    assert visit.hosts == {urlsplit(service.url).netloc}
    assert visit.complaints == []


def _go_through(visit: Visit, browser: "Browser", folder: Path) -> None:
    _refused_log_in(visit)
    visit.log_in("vera")
    _upload_two_patients(visit, folder)
    _open_the_gallery(visit)
    _reclassify_by_keyboard(visit)
    _reclassify_by_drag(visit)
    _see_the_decision_move(visit)
    _add_and_strike_out_a_cell(visit)
    _comment_and_examples(visit)
    _sign_amend_and_sign_again(visit)
    _download(visit)
    _look_at_every_other_page(visit)
    _others_are_refused(visit, browser)
    _second_reading(visit, browser)


def _refused_log_in(visit: Visit) -> None:
    visit.page.goto(visit.service.url)
    visit.picture("login")
    visit.log_in("vera", "not her password")
    visit.page.get_by_role("alert").wait_for()
    visit.complaints.clear()  # the browser notes every 401


def _upload_two_patients(visit: Visit, folder: Path) -> None:
    first = draw_smear(folder / FIRST, 11, 0.24, 320, 8)
    second = draw_smear(folder / SECOND, 12, 0.06, 70, 2)
    text = folder / SECOND / "notes.txt"
    text.write_text("not an image", encoding="utf-8")
    broken = folder / SECOND / "field-09.jpg"
    broken.write_bytes(second[0].read_bytes()[:40_000])
    visit.page.evaluate(_NOTE_STATES)
    visit.upload(FIRST, first)
    visit.upload(SECOND, [*second, broken, text])
    panel = visit.page.get_by_role("complementary", name="Uploads")
    panel.get_by_text("notes.txt").wait_for()
    panel.get_by_text("refused", exact=True).first.wait_for()
    visit.picture("worklist-reading")
    visit.page.locator("tr", has_text=FIRST).get_by_text("To review").wait_for(timeout=_READING_MS)
    visit.page.locator("tr", has_text=SECOND).get_by_text("1 field failed").wait_for(timeout=_READING_MS)
    visit.page.locator("tr", has_text=SECOND).get_by_text("To review").wait_for(timeout=_READING_MS)
    assert {"Waiting", "Reading"} <= set(visit.page.evaluate("window.states"))
    panel.get_by_role("button", name="Clear").click()
    visit.picture("worklist")


def _open_the_gallery(visit: Visit) -> None:
    visit.open(FIRST)
    visit.page.locator(".tile .picture").first.wait_for()
    assert visit.count("*all") > 200
    visit.picture("review")


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
    bin_id, expected = (
        ("lymphocyte", "Below threshold") if before == "Above threshold" else ("blast", "Above threshold")
    )
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
    visit.picture("field")
    visit.press("Delete")
    assert (visit.count("*all"), visit.count("*deleted")) == (everything, 1)
    visit.saved()


def _comment_and_examples(visit: Visit) -> None:
    visit.show("blast")
    visit.page.locator(".tile").first.click()
    visit.page.get_by_placeholder("Add a comment").fill("Auer rod?")
    visit.page.get_by_role("button", name="Add", exact=True).click()
    visit.page.locator(".comment", has_text="Auer rod?").wait_for()
    visit.page.get_by_role("button", name="Examples").first.click()
    visit.page.get_by_text("what to look for").wait_for()
    visit.picture("examples")
    visit.page.keyboard.press("Escape")
    visit.press("?")
    visit.picture("keys")
    visit.page.keyboard.press("Escape")


def _sign_amend_and_sign_again(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    visit.picture("sign")
    visit.page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    visit.page.get_by_text("Signed version 1").wait_for()
    blasts = visit.count("blast")
    visit.press("l")
    assert visit.count("blast") == blasts  # locked
    visit.page.get_by_role("button", name="Amend").click()
    visit.page.get_by_label("Reason for the amendment").fill("Second look at the blasts")
    visit.page.get_by_role("button", name="Reopen").click()
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Sign", exact=True).click()
    visit.page.get_by_text("Signed version 2").wait_for()


def _download(visit: Visit) -> None:
    for words, start, least in (
        ("Report (PDF)", b"%PDF", 10_000),
        ("Every cell (CSV)", b"", 10_000),
        ("Laboratory system (FHIR)", b"{", 1000),
    ):
        visit.page.get_by_role("button", name="Export").click()
        with visit.page.expect_download() as waiting:
            visit.page.get_by_role("link", name=words).click()
        content = Path(waiting.value.path()).read_bytes()
        assert content.startswith(start)
        assert len(content) > least
        if start == b"{":
            assert json.loads(content)["resourceType"] == "Bundle"


def _look_at_every_other_page(visit: Visit) -> None:
    visit.tab("Report")
    visit.page.get_by_text("Second look at the blasts").wait_for()
    visit.picture("report")
    visit.tab("History")
    visit.page.locator("tbody tr").first.wait_for()
    visit.picture("history")
    visit.open(SECOND)
    visit.tab("Fields")
    visit.page.locator(".field-card.failed").wait_for()
    visit.picture("fields")
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
    visit.picture("users")


def _others_are_refused(visit: Visit, browser: "Browser") -> None:
    eva = Visit(browser, visit.service)
    eva.log_in("eva")
    eva.open(SECOND)
    eva.page.get_by_text("You may look but not change").wait_for()
    assert eva.page.get_by_role("button", name="Sign", exact=True).count() == 0
    blasts = eva.count("*all")
    eva.press("Control+a", "Delete")
    assert eva.count("*all") == blasts
    assert eva.ask("GET", "/users") == 403
    assert eva.ask("POST", "/patients", {"name": "mine"}) == 403
    eva.page.context.close()


def _second_reading(visit: Visit, browser: "Browser") -> None:
    omar = Visit(browser, visit.service)
    omar.log_in("omar")
    omar.open(SECOND)
    assert omar.ask("GET", "/audit") == 403
    omar.tab("Readings")
    omar.page.get_by_role("button", name="Start a blind second reading").click()
    omar.page.get_by_role("button", name="Go on reading").click()
    omar.page.get_by_text("Blind second reading").wait_for()
    omar.page.locator(".tile").first.wait_for()
    omar.press("Control+a", "Enter")
    omar.saved()
    omar.tab("Readings")
    omar.page.get_by_role("button", name="Finish my reading").click()
    omar.page.get_by_text("finished", exact=True).wait_for()
    omar.page.get_by_text("Cohen’s kappa").first.wait_for()
    omar.picture("readings")
    omar.page.context.close()
