"""Small synthetic cohorts on disk, for tests of the main job."""

from pathlib import Path

import numpy as np
from PIL import Image

from marrowscope.synth import draw_field


def write_fields(
    folder: Path, count: int, *, seed: int = 0, cells: int = 6, scale: float = 1.0
) -> list[Path]:
    """Write `count` small synthetic fields and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        field = draw_field(seed + number, width=480, height=360, cells=cells)
        image = Image.fromarray(field.pixels)
        size = (round(image.width * scale), round(image.height * scale))
        paths.append(folder / f"field_{number:02d}.png")
        image.resize(size, Image.Resampling.LANCZOS).save(paths[-1])
    return paths


def blank(path: Path, size: tuple[int, int] = (200, 150), grey: int = 255) -> Path:
    """Write a field of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), grey, np.uint8)).save(path)
    return path
