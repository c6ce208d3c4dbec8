"""A user in front of the review page."""

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from tests.service.browser import PASSWORD, Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

_PATIENCE_MS = 60_000
_USUAL: "ViewportSize" = {"width": 1280, "height": 800}
_WAYS: "tuple[tuple[int, int, Literal['light', 'dark']], ...]" = (
    (1280, 800, "dark"),
    (1920, 1080, "light"),
    (1920, 1080, "dark"),
)
_WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
_DRAGGED = """(contents) => {
  const dragged = new DataTransfer();
  for (const [name, base64] of contents) {
    const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
    dragged.items.add(new File([bytes], name));
  }
  return dragged;
}"""


class Visit:
    """A browser window of one user, which notes whatever goes wrong in it.

    `complaints` are errors of its scripts, `hosts` every machine it asked for anything, `barriers` what keeps
    people from using a page it looked at (WCAG 2.2 AA, as far as axe-core can tell).
    """

    def __init__(
        self, browser: "Browser", service: Running, *, pictures: bool = False, locale: str = "en-US"
    ) -> None:
        self.service = service
        self.pictures = pictures
        self.barriers: list[str] = []
        self.page: Page = browser.new_context(viewport=_USUAL, locale=locale).new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("response", lambda answer: self._note_refusal(answer.status, answer.url))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.complaints.append(text)

    def _note_refusal(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status} {urlsplit(url).path}")

    def log_in(self, username: str, password: str = PASSWORD) -> None:
        self.page.goto(self.service.url)
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def upload(self, name: str, files: list[Path]) -> None:
        self.page.get_by_role("button", name="Add images").click()
        self.page.get_by_test_id("files").set_input_files(files)
        self.page.get_by_label("Patient number").fill(name)
        self.look("upload")
        self.page.get_by_role("button", name="Upload", exact=True).click()

    def open(self, patient: str) -> None:
        self.page.get_by_role("link", name="Worklist").first.click()
        self.page.get_by_role("link", name=patient, exact=True).first.click()

    def tab(self, name: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()

    def show(self, bin_id: str) -> None:
        self.page.locator(f"[data-bin='{bin_id}']").click()

    def count(self, bin_id: str) -> int:
        self.page.locator("[data-testid=gallery][aria-busy=false]").wait_for()
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

    def goes_on(self) -> None:
        """Wait until the keys belong to the cells."""
        self.until("() => document.activeElement.matches('[data-home]')")

    def ask(self, method: str, path: str, body: object = None) -> int:
        """Send a request from the page, as somebody with the browser's tools could."""
        script = """async ([method, path, body]) => {
          const session = await (await fetch('/api/v1/session')).json();
          const headers = {'X-CSRF-Token': session.csrf_token, 'Content-Type': 'application/json'};
          const init = {method, headers, ...(body ? {body: JSON.stringify(body)} : {})};
          return (await fetch('/api/v1' + path, init)).status;
        }"""
        return int(self.page.evaluate(script, [method, path, body]))

    def drop(self, files: list[Path]) -> None:
        """Let files fall on the page, as dragged from the desktop."""
        contents = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
        dragged = self.page.evaluate_handle(_DRAGGED, contents)
        self.page.locator("main > .page").dispatch_event("dragenter", {"dataTransfer": dragged})
        self.page.locator(".drop-veil").wait_for()
        self.page.locator("main > .page").dispatch_event("drop", {"dataTransfer": dragged})

    def look(self, name: str) -> None:
        """Check that everybody can use what shows now, and keep a picture of it where one is asked for."""
        self._check(name)
        self.picture(name)
        if os.environ.get("MARROWSCOPE_SCREENSHOTS_EVERY"):
            self._look_every_way(name)

    def _check(self, name: str) -> None:
        found = Axe().run(self.page, options={"runOnly": list(_WCAG), "resultTypes": ["violations"]})
        self.barriers += [f"{name}: {barrier}" for barrier in _described(found.response["violations"])]

    def _look_every_way(self, name: str) -> None:
        """The same on a large screen and in the dark."""
        is_dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        for width, height, scheme in _WAYS:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours change at once
            self.until("(scheme) => document.documentElement.dataset.theme === scheme", scheme)
            self._check(f"{name} {width} {scheme}")
            self.picture(f"{width}-{scheme}/{name}")
        self.page.set_viewport_size(_USUAL)
        self.page.emulate_media(color_scheme="dark" if is_dark else "light", reduced_motion="no-preference")

    def fail_on_barriers(self) -> None:
        """End the test with every barrier met, if there was one."""
        if self.barriers:
            pytest.fail("\n".join(self.barriers), pytrace=False)

    def picture(self, name: str) -> None:
        """Keep a picture where MARROWSCOPE_SCREENSHOTS says, of smears that may be published."""
        folder = os.environ.get("MARROWSCOPE_SCREENSHOTS")
        if not folder or not self.pictures:
            return
        path = Path(folder) / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.wait_for_timeout(900)
        self.page.screenshot(path=path)
        with Image.open(path) as image:  # a palette keeps it small
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _described(violations: list[dict[str, Any]]) -> list[str]:
    return [
        f"{one['id']} ({one['help']}): {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in violations
        for node in one["nodes"][:3]
    ]
