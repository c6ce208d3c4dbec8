"""How long a live count takes from a written image to the share that counts it.

Drawn fields of 1.3 megapixels and 15 cells each are written one after another; each waits for the one before.
"""

import statistics
import tempfile
from pathlib import Path
from threading import Event
from typing import Any

from bench.figures import Options
from PIL import Image

import marrowscope
from marrowscope.live.count import LiveUpdate
from marrowscope.synth import draw_field

WIDTH, HEIGHT, CELLS = 1280, 1024, 15


class Camera:
    """Writes the next image when the one before is counted."""

    def __init__(self, folder: Path, images: int) -> None:
        self.stop = Event()
        self.seconds: list[float] = []
        self.cells: list[int] = []
        self._folder = folder
        self._images = images

    def shoot(self) -> None:
        number = len(self.seconds)
        field = draw_field(number, width=WIDTH, height=HEIGHT, cells=CELLS)
        # Drawing takes seconds: the clock starts when the finished picture is in the folder.
        path = self._folder / f"field_{number:03d}.jpg"
        hidden = path.with_name(f".{path.name}")
        Image.fromarray(field.pixels).save(hidden, quality=95)
        hidden.touch()
        hidden.rename(path)

    def __call__(self, update: LiveUpdate) -> None:
        if not update.new:
            return
        self.seconds.append(update.seconds)
        self.cells += [len(field.cells) for _, field in update.new]
        if len(self.seconds) < self._images:
            self.shoot()
        else:
            self.stop.set()


def measure(options: Options) -> dict[str, Any]:
    """Return the seconds from a written image to its count."""
    images = 4 * options.turns
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "camera")
        folder.mkdir()
        camera = Camera(folder, images)
        camera.shoot()
        marrowscope.watch(folder, Path(name, "results"), stop=camera.stop, listener=camera)
    seconds = sorted(camera.seconds[1:])  # the first waits for the networks, too
    return {
        "images": images,
        "cells an image": statistics.mean(camera.cells),
        "median seconds": statistics.median(seconds),
        "largest seconds": seconds[-1],
    }


def bars(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is measured, its bar, and the figure."""
    what = "`watch`: an image of 1.3 megapixels and 15 cells, from written to counted"
    middle, largest = figures["median seconds"], figures["largest seconds"]
    return [(what, "≤ 1.5 s", f"{middle:.2f} s (at most {largest:.2f} s)")]


def text(figures: dict[str, Any]) -> str:
    """Return nothing beside the bar."""
    del figures
    return ""
