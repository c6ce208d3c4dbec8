"""Measure how long a review waits for the service, and how long a whole case takes on the page.

    python bench/service/review.py --into docs/explanation/service-measured.md
    python bench/service/review.py --case FOLDER FOLDER --into docs/explanation/service-measured.md

A synthetic analysis is reviewed through the real application, without a network: one cell at a time, then
fifty at once, with the differential after each. Times are those of the whole request, and of the processor
alone, which is less affected by other work on the machine.

With `--case`, the images of folders are read by the built-in networks as one patient, who is reviewed on
the built page in the machine's Chromium, from opening to signature, with 40 corrections by keys and clicks
that follow one another as soon as the page shows each. A wait without a sign of work is the longest time
between an action and what it leads to in which nothing on the page changed and no progress was shown; time in
which the page could not paint counts.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from playwright.sync_api import sync_playwright
from tests.service.browser import CHROMIUM_OPTIONS, PASSWORD, add_user, chromium, serving
from tests.service.drawn import draw
from tests.service.page.visit import Visit

from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

_NAME = "bench/service/review.py"
_TYPES = ("blast", "monocyte", "lymphocyte")
_PATIENT = "BM-26-0713"
_CORRECTIONS = 40
_READING_MS = 3_600_000
# Between `begin` and `end`: the longest time without a frame in which the page changed or showed progress,
# and the whole time, each the longest of its name. Opening begins with the first byte of the page.
_PROBE = """() => {
  const work = '[role=progressbar]:not([aria-valuenow]), [aria-busy=true]';
  const probe = window.probe = {since: performance.now(), began: 0, isWaiting: true, waits: {}, name: 'open'};
  let hasChanged = false;
  const note = () => {
    if (!probe.isWaiting) return;
    const [longest, whole] = probe.waits[probe.name] ?? [0, 0];
    const now = performance.now();
    probe.waits[probe.name] = [Math.max(longest, now - probe.since), Math.max(whole, now - probe.began)];
  };
  new MutationObserver(() => { hasChanged = true; }).observe(document, {
    subtree: true, childList: true, characterData: true, attributes: true
  });
  const frame = () => {
    note();
    const isWorking = [...document.querySelectorAll(work)]
      .some((one) => one.checkVisibility({visibilityProperty: true}));
    if (hasChanged || isWorking) probe.since = performance.now();
    hasChanged = false;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  probe.begin = (name) => {
    probe.since = probe.began = performance.now();
    Object.assign(probe, {name, isWaiting: true});
  };
  probe.end = () => { note(); probe.isWaiting = false; };
}"""


def main() -> None:
    """Measure, print, and write the table to a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[500, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--case", type=Path, nargs="+", help="folders with the images of one patient")
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    if options.case is not None:
        text = "\n".join([*_case(options.case), "", f"{machine()}."])
        print(text)
        if options.into is not None:
            put(options.into, f"{_NAME} --case", text)
        return
    lines = [
        "| cells | one cell named, ms | fifty named, ms | differential, ms |",
        "|--:|--:|--:|--:|",
        *(_row(cells, options.rounds) for cells in options.cells),
        "",
        "Median of whole requests; in brackets the processor's time alone. SQLite.",
        "",
        f"`python {_NAME} --rounds {options.rounds}`;",
        f"{machine()}.",
    ]
    text = "\n".join(lines)
    print(text)
    if options.into is not None:
        put(options.into, _NAME, text)


def _row(cells: int, rounds: int) -> str:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_folder=Path(folder), authentication="off", log_level="warning")
        app = create_app(settings, with_jobs=False)
        with TestClient(app, base_url="http://127.0.0.1:8000") as client:
            service = app.state.service
            drawn = draw(service.database, service.blobs, cells=cells, fields=max(cells // 25, 1))
            client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf_token"]
            url = f"/api/v1/analyses/{drawn.analysis}"
            items = client.get(f"{url}/cells", params={"limit": 5000}).json()["items"]

            def name(number: int, round_: int) -> None:
                changes = [
                    {"id": c["id"], "revision": c["revision"], "type": _TYPES[round_ % len(_TYPES)]}
                    for c in items[:number]
                ]
                answer = client.patch(f"{url}/cells", json={"changes": changes})
                assert answer.status_code == 200, answer.text
                items[:number] = answer.json()["items"]

            one = _timed(lambda i: name(1, i), rounds)
            fifty = _timed(lambda i: name(50, i), rounds)
            count = _timed(lambda _: client.get(f"{url}/differential").raise_for_status(), rounds)
    return f"| {cells} | {one} | {fifty} | {count} |"


def _timed(action: Callable[[int], Any], rounds: int) -> str:
    action(rounds)  # fills the caches
    whole, processor = [], []
    for number in range(rounds):
        started, spent = time.perf_counter(), time.process_time()
        action(number)
        whole.append(1000 * (time.perf_counter() - started))
        processor.append(1000 * (time.process_time() - spent))
    return f"{statistics.median(whole):.0f} ({statistics.median(processor):.0f})"


def _case(folders: Sequence[Path]) -> list[str]:
    """Review the images of folders as one case on the page, and return the table of what was waited for."""
    found = (path for folder in folders for path in folder.rglob("*"))
    images = sorted(path for path in found if path.suffix.lower() in {".jpg", ".png", ".tif"})
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-") as name, sync_playwright() as engine:
        data = Path(name) / "data"
        add_user(data, "vera", "Dr. Vera Lind", "--admin")
        with serving(data, Path(name) / "serve.log") as service:
            browser = engine.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_OPTIONS))
            visit = Visit(browser, service)
            visit.log_in("vera")
            visit.upload(_PATIENT, images)
            row = visit.page.locator("tr", has_text=_PATIENT)
            row.get_by_text("To review").wait_for(timeout=_READING_MS)
            address = f"{service.url}{row.get_by_role('link').get_attribute('href')}"
            visit.page.add_init_script(f"({_PROBE})()")
            started = time.perf_counter()
            visit.page.goto(address)
            cells = _review(visit)
            seconds = time.perf_counter() - started
            waits: dict[str, tuple[float, float]] = visit.page.evaluate("window.probe.waits")
            browser.close()
    return [
        f"{cells} cells, {len(images)} fields, {_CORRECTIONS} corrections: {seconds:.0f} s to the signature.",
        "",
        "| waiting for | longest without a sign of work, ms | longest in all, ms |",
        "|---|--:|--:|",
        *(f"| {name} | {silent:.0f} | {whole:.0f} |" for name, (silent, whole) in waits.items()),
    ]


def _review(visit: Visit) -> int:
    """Correct cells in every way the page has, sign, and return the number of cells."""
    page = visit.page
    page.locator(".tile .picture").first.wait_for()
    page.get_by_test_id("blast-percent").wait_for()
    _done(visit)
    cells = visit.count("*all")
    types = [*_TYPES, "myelocyte"]
    keys = [page.locator(f"[data-bin='{name}'] kbd").inner_text() for name in types]
    for number in range(_CORRECTIONS // 2):
        _act(visit, "the next least sure cell", lambda: page.keyboard.press("n"), ".tile.focused")
        _name(visit, types[number % len(types)], keys[number % len(types)])
    _act(visit, "cells of one type", lambda: visit.show("blast"), "[data-bin='blast'][aria-current]")
    for number in range(_CORRECTIONS // 4):
        tile = page.locator(".tile").nth(number % 6)
        _act(visit, "a cell clicked", tile.click, ".tile.focused")
        _name(visit, types[1 + number % 3], keys[1 + number % 3])
    _act(visit, "the field", lambda: page.keyboard.press("."), ".openseadragon-canvas canvas")
    for number in range(_CORRECTIONS // 4):
        _act(visit, "the next cell", lambda: page.keyboard.press("n"), ".tile.focused")
        _name(visit, types[number % len(types)], keys[number % len(types)])
    _begin(visit, "all changes saved")
    visit.saved()
    _done(visit)
    dialog = page.get_by_role("dialog")
    sign = page.get_by_role("button", name="Sign", exact=True)
    _act(visit, "what is still open", sign.click, "dialog fieldset input[type=checkbox]")
    dialog.get_by_label("One reason for all points").check()
    dialog.get_by_placeholder("Why it may stay open").fill("Measured, not signed by anybody")
    dialog.get_by_label("Your password").fill(PASSWORD)
    _act(
        visit,
        "the signature",
        dialog.get_by_role("button", name="Sign", exact=True).click,
        "[data-testid=signed]",
    )
    return cells


def _name(visit: Visit, cell_type: str, key: str) -> None:
    """Name the focused cell; a cell that has this type already is confirmed by the same key."""
    cell = visit.page.locator(".tile.focused").get_attribute("data-id")
    mark = f".tile[data-id='{cell}'] .mark, [data-bin='{cell_type}'] .count"
    _act(visit, "a cell named", lambda: visit.page.keyboard.press(key), mark)


def _act(visit: Visit, name: str, action: Callable[[], Any], selector: str) -> None:
    """Do something, and wait for what it leads to."""
    _begin(visit, name)
    action()
    visit.page.locator(selector).first.wait_for()
    _done(visit)


def _begin(visit: Visit, name: str) -> None:
    visit.page.evaluate("(name) => window.probe.begin(name)", name)


def _done(visit: Visit) -> None:
    """End a wait with the frame that shows what was waited for."""
    visit.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done(window.probe.end())))")


if __name__ == "__main__":
    main()
