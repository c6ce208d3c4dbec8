"""Measure what ten files cost that were made to cost much: as an analysis, and as an upload.

    python bench/speed/costs.py --into docs/reference/costs.md
    python bench/speed/costs.py --before ../earlier/src --into docs/reference/costs.md

Every file is small, and a program that believes what it announces takes minutes or gigabytes. Each is read by
`marrowscope analyse`, and uploaded to a fresh server beside an ordinary field, which has to be stored.
Seconds are those of a processor, which other work on the machine does not change.
`--before` names the sources of an earlier version, measured in the same way.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from tests.costly import (
    deep_png,
    deltas,
    field,
    huge_png,
    large_dictionary,
    many_members,
    packed,
    planes,
    progressive,
    saved,
    scans,
    scans_in_tiff,
)
from tests.service.served import API, Served

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 12 * 2**30
"""A program that takes more is ended."""


INPUTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an ordinary field, to compare with": ("field.png", lambda: saved(field(), "PNG")),
    "ZIP: a member named with 5,000 digits": ("a.zip", lambda: packed(("9" * 5000 + ".png", b"x"))),
    "ZIP: a member 3,000 folders deep": ("a.zip", lambda: packed(("a/" * 3000 + "b.png", b"x"))),
    "ZIP: an LZMA dictionary of 4 GiB": ("a.zip", large_dictionary),
    "ZIP: 1.5 million members": ("a.zip", many_members),
    "ZIP: 2,000 PNG images of 225 MP": (
        "a.zip",
        lambda: packed(*((f"{number}.png", data) for data in [huge_png()] for number in range(2000))),
    ),
    "JPEG: 500 scans of 12 MP": ("a.jpg", lambda: scans(progressive(), 500)),
    "BMP: 100 MP of run-length deltas": ("a.bmp", deltas),
    "PNG: 118 MP of 16 bits": ("a.png", deep_png),
    "TIFF: 40 planes of 100 MP": ("a.tif", planes),
    "TIFF: JPEG of 500 scans": ("a.tif", scans_in_tiff),
}


@dataclass(frozen=True)
class Cost:
    """Seconds of a processor, peak memory of all processes together, and what came of it."""

    seconds: float
    peak: int
    outcome: str

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.peak / 2**20:,.0f} MiB"


class Watch(threading.Thread):
    """Notes peak memory and processor time of a process and its children; ends them at `MOST_BYTES`."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._over = threading.Event()
        self._before = _seconds([process, *process.children(recursive=True)])
        self.seconds = 0.0
        self.peak = 0
        self.ended = False

    def run(self) -> None:
        """Look 20 times a second."""
        while not self._over.wait(0.05):
            with suppress(psutil.Error):
                family = [self._process, *self._process.children(recursive=True)]
                self.peak = max(self.peak, sum(each.memory_info().rss for each in family))
                self.seconds = max(self.seconds, _seconds(family) - self._before)
                if self.peak > MOST_BYTES:
                    self.ended = True
                    for each in reversed(family):
                        each.kill()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _seconds(family: Sequence[psutil.Process]) -> float:
    """Return what processes took of the processors, and those of their children that have ended."""
    return sum(sum(each.cpu_times()[:4]) for each in family)


@contextmanager
def watched(process: psutil.Process) -> Iterator[Watch]:
    """Watch a process."""
    watch = Watch(process)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def analysed(path: Path, seconds: float) -> Cost:
    """Run `marrowscope analyse` on a file."""
    with tempfile.TemporaryDirectory(prefix="costs-") as out:
        command = [sys.executable, "-m", "marrowscope", "analyse", str(path), "-o", out, "-q"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            process = psutil.Process(run.pid)
            with watched(process) as watch:
                try:
                    _, said = run.communicate(timeout=seconds)
                except subprocess.TimeoutExpired:
                    for each in [*process.children(recursive=True), process]:
                        with suppress(psutil.Error):
                            each.kill()
                    said = ""
    outcome = "a traceback" if "Traceback" in said else f"exit code {run.returncode}"
    if run.returncode < 0:
        outcome = f"ended after {seconds:.0f} s"
    return _cost(watch, outcome)


def uploaded(path: Path, seconds: float) -> Cost:
    """Upload a file together with an ordinary field."""
    with tempfile.TemporaryDirectory(prefix="costs-") as folder:
        served = Served(Path(folder) / "data", workers="1")
        try:
            assert served.process is not None
            patient = served.client.post(f"{API}/patients", json={"name": "P"}).json()["id"]
            parts = [
                ("files", (path.name, path.read_bytes())),
                ("files", ("good.png", saved(field(seed=2), "PNG"))),
            ]
            with watched(psutil.Process(served.process.pid)) as watch:
                try:
                    answer = served.client.post(
                        f"{API}/patients/{patient}/files", files=parts, timeout=seconds
                    )
                    outcome = _outcome(answer)
                except httpx2.HTTPError:
                    outcome = f"ended after {seconds:.0f} s"
        finally:
            served.kill()
    return _cost(watch, outcome)


def _cost(watch: Watch, outcome: str) -> Cost:
    too_large = f"ended at {MOST_BYTES / 2**30:.0f} GiB"
    return Cost(watch.seconds, watch.peak, too_large if watch.ended else outcome)


def _outcome(answer: httpx2.Response) -> str:
    if answer.status_code != 200:
        return f"status {answer.status_code}"
    items = answer.json()["items"]
    refused = [item["message"] for item in items if item["status"] == "refused"]
    if not any(item["name"] == "good.png" and item["status"] == "stored" for item in items):
        return "the field beside it was lost"
    return f"refused: {refused[0]}" if refused else "read"


def main() -> None:
    """Measure and print a table."""
    options = _parse()
    versions = {"before": options.before, "now": ROOT / "src"} if options.before else {"now": ROOT / "src"}
    lines = []
    with tempfile.TemporaryDirectory(prefix="costs-") as folder:
        for what, (name, made) in INPUTS.items():
            path = Path(folder) / name
            path.write_bytes(made())
            costs = []
            for version, sources in versions.items():
                os.environ["PYTHONPATH"] = str(sources.resolve())
                for measure in (analysed, uploaded):
                    costs.append(measure(path, options.seconds))
                    print(
                        f"{what}, {version}, {measure.__name__}: {costs[-1]}, {costs[-1].outcome}",
                        file=sys.stderr,
                    )
            lines.append((what, path.stat().st_size, costs))
    text = _table(lines, list(versions), options)
    print(text)
    if options.into:
        put(options.into, "bench/speed/costs.py", text)


def _table(lines: list[tuple[str, int, list[Cost]]], versions: list[str], options: argparse.Namespace) -> str:
    heads = [f"{verb}, {version}" for version in versions for verb in ("analysed", "uploaded")]
    rows = [f"| input | bytes | {' | '.join(heads)} | uploaded now, it is |", f"|{'---|' * (len(heads) + 3)}"]
    for what, size, costs in lines:
        shown = [f"{cost} ({cost.outcome})" if _is_bad(cost) else str(cost) for cost in costs]
        rows.append(f"| {what} | {size:,} | {' | '.join(shown)} | {costs[-1].outcome} |")
    before = "--before SOURCES " if options.before else ""
    command = f"python bench/speed/costs.py {before}--seconds {options.seconds:g}"
    return "\n".join([*rows, "", f"`{command}`; {machine()}."])


def _is_bad(cost: Cost) -> bool:
    return cost.outcome.startswith(("ended", "status", "a traceback", "the field"))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="sources of an earlier version, to compare with")
    parser.add_argument("--seconds", type=float, default=120, help="after which a run is ended")
    parser.add_argument("--into", type=Path, help="document to write the table to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
