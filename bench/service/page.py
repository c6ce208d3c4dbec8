"""Measure the time from a keypress to the painted page, when naming cells and moving in the gallery.

    python bench/service/page.py --cells 500 5000 --into docs/explanation/service-measured.md

A synthetic analysis in a real service is shown on the built page, in the machine's Chromium without a
graphics card. Each key is timed in the page itself, from the time stamp of the keyboard event until the next
frame is painted (the first task after the next animation frame). The next key follows 100 ms after that
frame, the rhythm of a fast reader.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from playwright.sync_api import sync_playwright
from tests.service.browser import CHROMIUM_OPTIONS, chromium, serving
from tests.service.drawn import draw

from marrowscope.service.images.blobs import Blobs
from marrowscope.service.rest import pages
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date

if TYPE_CHECKING:
    from playwright.sync_api import Page

_NAME = "bench/service/page.py"
_RHYTHM_MS = 100
_TIME_KEYS = """() => {
  window.times = [];
  addEventListener('keydown', (event) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => window.times.push(performance.now() - event.timeStamp);
    requestAnimationFrame(() => channel.port2.postMessage(0));
  }, true);
}"""


def main() -> None:
    """Measure, print, and write the table to a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    if not pages.is_built():
        sys.exit(pages.NOT_BUILT)
    if chromium() is None:
        sys.exit("no Chromium on this machine")
    rows = [row for cells in options.cells for row in _measure(cells, options.presses)]
    text = "\n".join(
        [
            "| cells | key | median | 95th of 100 | longest |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Milliseconds; {options.presses} presses each, 1280 × 800, all cells by class; {machine()}.",
        ]
    )
    print(text)
    if options.into:
        put(options.into, _NAME, text)


def _measure(cells: int, presses: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-") as name:
        data = Path(name) / "data"
        settings = Settings(data_folder=data)
        data.mkdir()
        database = Database(settings.database_url, settings.seal_folder)
        bring_up_to_date(database)
        drawn = draw(database, Blobs(data / "blobs"), cells=cells, fields=max(cells // 25, 1))
        database.close()
        log = Path(name) / "serve.log"
        with serving(data, log, MARROWSCOPE_AUTHENTICATION="off") as service, sync_playwright() as engine:
            browser = engine.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_OPTIONS))
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{service.url}/patients/{drawn.patient}")
            page.locator(".tile").first.wait_for(timeout=120_000)
            page.wait_for_timeout(2000)
            page.evaluate(_TIME_KEYS)
            letter = page.locator("[data-bin='monocyte'] kbd").inner_text()
            keys = {"name a cell": letter, "move": "ArrowRight", "undo": "Control+z", "next uncertain": "n"}
            rows = [f"| {cells} | {label} | {_times(page, key, presses)} |" for label, key in keys.items()]
            browser.close()
    return rows


def _times(page: "Page", key: str, presses: int) -> str:
    page.get_by_test_id("gallery").focus()
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    page.evaluate("window.times = []")
    for number in range(presses):
        page.keyboard.press(key)
        page.wait_for_function("(number) => window.times.length > number", arg=number)
        page.wait_for_timeout(_RHYTHM_MS)
    times: list[Any] = sorted(page.evaluate("window.times"))
    late = times[min(int(0.95 * len(times)), len(times) - 1)]
    return f"{statistics.median(times):.0f} | {late:.0f} | {times[-1]:.0f}"


if __name__ == "__main__":
    main()
