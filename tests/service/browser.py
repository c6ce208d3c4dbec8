"""A real service process and a real browser for tests and for the bench of the page."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest
from PIL import Image

from marrowscope.synth.patient import draw_patient

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PASSWORD = "correct horse battery"
CHROMIUM_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SECONDS_TO_START = 120


def chromium() -> str | None:
    """Return the machine's browser: that of the variable CHROMIUM, else one found under its usual names."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


@contextmanager
def browsing(*options: str) -> "Iterator[Browser]":
    """Run the machine's Chromium until the block ends; a test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=path, args=[*CHROMIUM_OPTIONS, *options])
        yield started
        started.close()


def marrowscope(*arguments: str) -> list[str]:
    """Return the command line of the program under test."""
    return [sys.executable, "-m", "marrowscope", *arguments]


def add_user(data: Path, username: str, name: str, *role: str) -> None:
    """Make an account by the command line, as an administrator would."""
    command = marrowscope("users", "add", username, "--name", name, "--data", str(data), *role)
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True, timeout=120)


@dataclass(frozen=True)
class Running:
    """A service that answers."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def serving(data: Path, log: Path, **settings: str) -> Iterator[Running]:
    """Run `marrowscope serve` on a port of its own choice until the block ends."""
    environment = {**os.environ, "MARROWSCOPE_WORKERS": "1", **settings}
    command = marrowscope("serve", "--data", str(data), "--port", "0")
    with (
        log.open("w", encoding="utf-8") as stream,
        subprocess.Popen(
            command, stdout=stream, stderr=subprocess.STDOUT, text=True, env=environment
        ) as process,
    ):
        try:
            yield Running(_address(process, log), process)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://[\w.:\[\]]+:\d+", log.read_text(encoding="utf-8"))
        if found and _answers(found[0]):
            return found[0]
        time.sleep(0.2)
    raise RuntimeError(f"the service did not start:\n{log.read_text(encoding='utf-8')}")


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx2.TransportError:
        return False


def draw_smear(folder: Path, seed: int, blast_share: float, cells: int, fields: int) -> list[Path]:
    """Draw a synthetic patient's fields as JPEG files that state their scale."""
    folder.mkdir(parents=True)
    patient = draw_patient(seed, blast_share=blast_share, cells=cells, fields=fields)
    paths = []
    for number, field in enumerate(patient.fields, start=1):
        path = folder / f"field-{number:02d}.jpg"
        Image.fromarray(field.pixels).save(path, quality=92, dpi=(25_400 / field.mpp, 25_400 / field.mpp))
        paths.append(path)
    return paths
