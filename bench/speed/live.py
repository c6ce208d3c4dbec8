"""How long a live count takes from a written image to the share that counts it.

    python bench/speed/live.py

Drawn fields of 1.3 megapixels and 15 cells each are written one after another; each waits for the one before.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from threading import Event

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


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--images", type=int, default=12)
    images = arguments.parse_args().images
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "camera")
        folder.mkdir()
        camera = Camera(folder, images)
        camera.shoot()
        marrowscope.watch(folder, Path(name, "results"), stop=camera.stop, listener=camera)
    seconds = sorted(camera.seconds[1:])  # the first waits for the networks, too
    print(
        json.dumps(
            {
                "images": images,
                "cells per image": round(statistics.mean(camera.cells), 1),
                "median s": round(statistics.median(seconds), 2),
                "largest s": round(seconds[-1], 2),
            }
        )
    )


if __name__ == "__main__":
    main()
