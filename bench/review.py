"""Measure how long a review waits for the service, for a change and for the count after it.

    python bench/review.py --into docs/service-measured.md

A synthetic analysis is reviewed through the real application, without a network: one cell at a time, then
fifty at once, with the differential after each. Times are those of the whole request, and of the processor
alone, which is less affected by other work on the machine.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.figures import machine, put
from tests.service.drawn import draw

from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

_NAME = "bench/review.py"
_TYPES = ("blast", "monocyte", "lymphocyte")


def main() -> None:
    """Measure, print, and write the table to a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[500, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
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


if __name__ == "__main__":
    main()
