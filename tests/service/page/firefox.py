"""Debian's Firefox, driven by Mozilla's own Marionette: a second engine, by its own library.

Playwright drives only Firefox builds of its own, or newer ones than a stable Debian has.
"""

import base64
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_PATIENCE_S = 60
_STARTS_S = 60
# What a page may not do without a word: exceptions of its scripts, and what its policy forbids.
_COMPLAINTS = """
const [address] = arguments;
return Services.console.getMessageArray()
  .filter((one) => one instanceof Ci.nsIScriptError && one.sourceName.startsWith(address))
  .filter((one) => !(one.flags & Ci.nsIScriptError.warningFlag) || one.category.includes("CSP"))
  .map((one) => one.errorMessage);
"""


def firefox() -> str | None:
    """Return the machine's Firefox."""
    return next((path for name in ("firefox-esr", "firefox") if (path := shutil.which(name))), None)


class Fox:
    """A window of Firefox; elements are named by what they say, or by a CSS selector."""

    def __init__(self, marionette: Any, driver: Any, downloads: Path) -> None:
        self._marionette, self._driver, self.downloads = marionette, driver, downloads

    def go(self, address: str) -> None:
        self._marionette.navigate(address)

    def until(self, is_so: Callable[[], Any]) -> Any:
        """Wait until something holds, and return it."""
        wait = self._driver.Wait(self._marionette, timeout=_PATIENCE_S, interval=0.1)
        return wait.until(lambda _: is_so())

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self._marionette.find_elements(self._driver.By.CSS_SELECTOR, selector)
        return found

    def one(self, selector: str) -> Any:
        return self.until(lambda: next(iter(self.all(selector)), None))

    def text(self, selector: str) -> str:
        return str(self.one(selector).text)

    def says(self, text: str) -> None:
        """Wait until the page says something."""
        self.until(lambda: text in self._marionette.execute_script("return document.body.innerText"))

    def button(self, words: str, within: str = "body") -> None:
        """Press a button."""
        script = """const [within, words] = arguments;
        return [...document.querySelectorAll(`${within} button, ${within} a`)]
          .find((one) => one.innerText.replace("▾", "").trim() === words && !one.disabled) ?? null;"""
        self.until(lambda: self._marionette.execute_script(script, [within, words])).click()

    def type(self, selector: str, text: str) -> None:
        box = self.one(selector)
        box.clear()
        box.send_keys(text)

    def give(self, selector: str, files: list[Path]) -> None:
        """Choose files."""
        for path in files:
            self.one(selector).send_keys(str(path))

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self._marionette.actions.sequence("key", "keyboard").send_keys(key).perform()

    def downloaded(self, name: str) -> bytes:
        """Wait for a file to be saved, whole."""
        found = self.until(
            lambda: [*self.downloads.glob(name)] if not [*self.downloads.glob("*.part")] else None
        )
        return Path(found[0]).read_bytes()

    def picture(self, path: Path) -> None:
        """Keep a picture of the window."""
        path.write_bytes(base64.b64decode(self._marionette.screenshot(full=False)))

    def complaints(self, address: str) -> list[str]:
        """Return every error that the page's scripts caused, or its policy prevented."""
        with self._marionette.using_context("chrome"):
            found: list[str] = self._marionette.execute_script(_COMPLAINTS, [address])
        return found


@contextmanager
def running(downloads: Path) -> Iterator[Fox]:
    """Run Firefox without a screen until the block ends; files are saved without being asked for."""
    marionette_module = pytest.importorskip("marionette_driver.marionette")
    driver = pytest.importorskip("marionette_driver")
    path = firefox()
    if path is None:
        pytest.skip("no Firefox on this machine")
    preferences = {
        "browser.download.folderList": 2,
        "browser.download.dir": str(downloads),
        "browser.helperApps.neverAsk.saveToDisk": "application/pdf,text/csv,application/json",
        "pdfjs.disabled": True,
        "intl.accept_languages": "en-US",
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    marionette = marionette_module.Marionette(
        bin=path, port=port, headless=True, prefs=preferences, startup_timeout=_STARTS_S, gecko_log="-"
    )
    try:
        marionette.start_session({"strictFileInteractability": False})  # the page hides its own chooser
        marionette.set_window_rect(width=1280, height=900)
        yield Fox(marionette, driver, downloads)
    finally:
        marionette.quit()
        marionette.cleanup()
