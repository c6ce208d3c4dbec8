"""Measure which megakaryocytes are found, and what else, on drawn slides and on real fields without any.

    python bench/counts/megakaryocytes.py --data DATA --into docs/reference/files.md

Slides are drawn from seeds on which nothing was set, and looked at whole, as wide fields, or as slides are
surveyed; the area is what was drawn, and what of it counts as examined. Of the real fields every other one
was looked at while the method was made; the others are measured. They are of known scale, of five
laboratories, and hold no megakaryocyte; most are smaller than fields in which these are looked for otherwise,
so that limit is lowered.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import put
from tests.imaging.slides.test_survey import InMemory

from marrowscope.domain.case.megakaryocytes import MegakaryocyteCandidate, MegakaryocyteSearch
from marrowscope.imaging.slides import megakaryocytes
from marrowscope.imaging.slides.megakaryocytes import search_field
from marrowscope.imaging.slides.survey import survey
from marrowscope.synth.slide import Area, SyntheticSlide, draw_slide

REAL = {
    "allidb_validation/images": 0.10, "apml": 0.10, "segpc/images": 0.16,
    "chula_background": 0.127, "deepbionet/images": 0.12,
}  # fmt: skip
"""Folder of real fields, and their micrometres per pixel."""
_SEEDS = range(400, 406)
_EACH = 8
_COLUMNS = ("measured on", "megakaryocytes", "found", "false candidates", "area", "examined")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"


def monolayer(seed: int, distractors: int, cells_per_mm2: float) -> SyntheticSlide:
    """Draw a slide that is all monolayer."""
    areas = np.full((64, 90), Area.MONOLAYER, np.uint8)
    return draw_slide(
        seed, mpp=0.5, areas=areas, megakaryocytes=_EACH, distractors=distractors,
        cells_per_mm2=cells_per_mm2,
    )  # fmt: skip


def hits(slide: SyntheticSlide, found: tuple[MegakaryocyteCandidate, ...]) -> npt.NDArray[np.bool_]:
    """Return (candidates, megakaryocytes): whether the middle of one lies in the other."""
    boxes = np.array([each.box for each in found], np.float64).reshape(-1, 4)
    middles = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = (middles >= slide.megakaryocytes[:, :2]) & (middles <= slide.megakaryocytes[:, 2:])
    return np.asarray(inside.all(axis=2))


def as_field(slide: SyntheticSlide) -> MegakaryocyteSearch:
    """Look at a slide as one wide field."""
    return search_field(slide.pixels, slide.mpp)


def as_slide(slide: SyntheticSlide) -> MegakaryocyteSearch:
    """Look at a slide as every whole slide is surveyed."""
    return survey(InMemory(slide.pixels, slide.mpp)).megakaryocytes


def row(
    name: str,
    slides: Iterator[SyntheticSlide],
    look: Callable[[SyntheticSlide], MegakaryocyteSearch] = as_field,
) -> str:
    """Return the row of drawn slides."""
    there = found = false = 0
    area = examined = 0.0
    for slide in slides:
        search = look(slide)
        pairs = hits(slide, search.candidates)
        examined += search.examined_mm2
        there, found = there + pairs.shape[1], found + int(pairs.any(axis=0).sum())
        false += int((~pairs.any(axis=1)).sum())
        area += slide.pixels.shape[0] * slide.pixels.shape[1] * (slide.mpp / 1000) ** 2
    return f"| {name} | {there} | {found} | {false} | {area:.1f} mm² | {examined:.1f} mm² |\n"


def row_of_real(data: Path) -> str:
    """Return the row of real fields."""
    false = number = 0
    area = examined = 0.0
    with patch.object(megakaryocytes, "LEAST_FIELD_UM", 55.0):
        for folder, mpp in REAL.items():
            for path in sorted((data / "fields" / folder).rglob("*.jpg"))[1::2]:
                with Image.open(path) as image:
                    pixels = np.asarray(image.convert("RGB"))
                pixels = pixels[64:-64] if folder.startswith("segpc") else pixels  # without scale bars
                search = search_field(np.ascontiguousarray(pixels), mpp)
                false += len(search.candidates)
                examined += search.examined_mm2
                area += pixels.shape[0] * pixels.shape[1] * mpp**2 / 1e6
                number += 1
    name = f"{number} real fields of {len(REAL)} laboratories"
    return f"| {name} | 0 | 0 | {false} | {area:.1f} mm² | {examined:.1f} mm² |\n"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the real images")
    parser.add_argument("--into", type=Path, help="document to write the table into")
    given = parser.parse_args()
    table = _HEAD
    table += row(
        "drawn monolayers, with as many clumps, small clots and precipitates each",
        (monolayer(seed, _EACH, 900.0) for seed in _SEEDS),
    )
    for density in (1800, 2600):
        name = f"drawn monolayers of {density:,} nucleated cells per mm²"
        table += row(name, (monolayer(seed, 0, density) for seed in _SEEDS[:3]))
    for name, look in (("wide fields", as_field), ("whole slides", as_slide)):
        smears = (
            draw_slide(seed, width_um=2400, height_um=1600, mpp=0.5, megakaryocytes=_EACH, distractors=_EACH)
            for seed in _SEEDS[:4]
        )
        table += row(f"drawn smears with thick areas, particles and clots, as {name}", smears, look)
    table += row_of_real(given.data)
    print(table)
    if given.into is not None:
        put(given.into, "bench/counts/megakaryocytes.py", table)


if __name__ == "__main__":
    main()
