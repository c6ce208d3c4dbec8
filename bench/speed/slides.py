"""Measure a whole slide of four gigapixels: time against countable area, and peak memory.

    python bench/speed/slides.py --areas 0.5 1 2 4 --into docs/reference/costs.md

Slides are made here, each with its own area of monolayer: a scanner's pyramid (Aperio's) whose JPEG tiles are
repeated, around the monolayer a thick area and bare glass. Each is analysed in a process of its own, from the
file to the finished report, once all of its countable area (`--tiles all`) and once until 500 cells are
counted. Memory is the sampled resident set of the process and its workers, with their greatest sum. On a busy
machine, processor seconds tell more than the clock.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put, resident

import marrowscope
from marrowscope.synth.slide import Area, draw_slide

_SIDE = 64_512  # px of the slide: 4.16 gigapixels
_TILE = 512
_MPP = 0.25
_ZOOM = 4  # between levels
_LEVELS = 3
_SAMPLE_S = 0.05
_MIB = 2**20
_POOL = 12  # different tiles of monolayer

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Measured:
    """One run: what was counted, in how many seconds, with how much memory."""

    countable_mm2: float
    counted_mm2: float
    cells: int
    seconds: dict[str, float]
    processor_s: float
    clock: float
    peak_mib: float


def main() -> None:
    options = _parse()
    if options.child:
        _read(*options.child, tiles=options.tiles)
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-", dir=options.scratch) as name:
        scratch = Path(name)
        pool = _pool()
        for area in options.areas:
            print(f"Making a slide with {area:g} mm² of monolayer ...", file=sys.stderr)
            patient = scratch / f"{area:g} mm2"
            patient.mkdir()
            _write(patient / "smear.svs", pool, area)
            for tiles in ("random", "all"):
                print(f"Analysing it (--tiles {tiles}) ...", file=sys.stderr)
                measured = _measure(patient, scratch / f"out {area:g} {tiles}", tiles)
                rows.append((area, tiles, (patient / "smear.svs").stat().st_size, measured))
            (patient / "smear.svs").unlink()
    text = _table(rows)
    print(text)
    if options.into:
        put(options.into, "bench/speed/slides.py", text)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--areas", type=float, nargs="+", default=[0.5, 1, 2, 4], help="mm² of monolayer")
    parser.add_argument("--into", type=Path, help="document to put the table into")
    parser.add_argument("--scratch", type=Path, help="folder with a gigabyte of room")
    parser.add_argument("--tiles", default="random", help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def _pool() -> dict[Area, list[Pixels]]:
    """Return tiles of each kind of area."""
    found: dict[Area, list[Pixels]] = {}
    for area, number in ((Area.GLASS, 1), (Area.MONOLAYER, _POOL), (Area.THICK, 4)):
        drawn = draw_slide(5, mpp=_MPP, areas=np.full((24, 32), area, np.uint8)).pixels
        corners = [
            (y, x) for y in range(0, 1536 - _TILE + 1, _TILE) for x in range(0, 2048 - _TILE + 1, _TILE)
        ]
        found[area] = [drawn[y : y + _TILE, x : x + _TILE] for y, x in corners[:number]]
    return found


def _write(path: Path, pool: dict[Area, list[Pixels]], area_mm2: float) -> None:
    """Write a slide with a square of monolayer, beside it a thick area as large, the rest glass."""
    across = _SIDE // _TILE
    side = round(area_mm2**0.5 * 1000 / _MPP / _TILE)
    kinds = np.full((across, across), Area.GLASS, np.uint8)
    top, left = across // 3, across // 3
    kinds[top : top + side, left : left + side] = Area.MONOLAYER
    kinds[top : top + side, left - side : left] = Area.THICK
    random = np.random.default_rng(1)
    numbers = random.integers(1000, size=kinds.shape)
    about = (
        f"Aperio Image Library v11.2.1\r\n{_SIDE}x{_SIDE} [0,0 {_SIDE}x{_SIDE}] ({_TILE}x{_TILE}) "
        f"JPEG/RGB Q=85|AppMag = 40|MPP = {_MPP}"
    )
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for level in range(_LEVELS):
            shape = (_SIDE // _ZOOM**level, _SIDE // _ZOOM**level, 3)
            writer.write(
                _tiles(pool, kinds, numbers, _ZOOM**level),
                shape=shape,
                dtype=np.uint8,
                tile=(_TILE, _TILE),
                photometric="ycbcr",
                subsampling=(2, 2),
                compression="jpeg",
                subfiletype=int(level > 0),
                metadata=None,
                description=about,
            )


def _tiles(
    pool: dict[Area, list[Pixels]], kinds: Pixels, numbers: npt.NDArray[np.int64], factor: int
) -> Iterator[bytes]:
    """Yield the tiles of a level as JPEG; equal ones are coded once."""
    small = {
        area: [np.asarray(Image.fromarray(t).reduce(factor)) for t in tiles] for area, tiles in pool.items()
    }
    coded: dict[bytes, bytes] = {}
    step = _TILE // factor
    for top in range(0, kinds.shape[0], factor):
        for left in range(0, kinds.shape[1], factor):
            chosen = [
                (
                    y,
                    x,
                    kinds[top + y, left + x],
                    numbers[top + y, left + x] % len(pool[kinds[top + y, left + x]]),
                )
                for y in range(min(factor, kinds.shape[0] - top))
                for x in range(min(factor, kinds.shape[1] - left))
            ]
            key = np.array([each[2:] for each in chosen]).tobytes()
            if key not in coded:
                tile = np.full((_TILE, _TILE, 3), 255, np.uint8)
                for y, x, area, number in chosen:
                    tile[y * step : (y + 1) * step, x * step : (x + 1) * step] = small[area][number]
                stream = io.BytesIO()
                Image.fromarray(tile).save(stream, "JPEG", quality=85)
                coded[key] = stream.getvalue()
            yield coded[key]


def _measure(patient: Path, out: Path, tiles: str) -> Measured:
    command = [sys.executable, __file__, "--tiles", tiles, "--child", str(patient), str(out)]
    started = time.perf_counter()
    child = psutil.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident(child))
        time.sleep(_SAMPLE_S)
    if child.returncode:
        sys.exit("the run failed")
    found = json.loads(child.stdout.read())
    return Measured(**found, clock=time.perf_counter() - started, peak_mib=peak / _MIB)


def _read(patient: Path, out: Path, *, tiles: str) -> None:
    report = marrowscope.analyse(patient, out, tiles=tiles)
    used = os.times()
    (found,) = report.patients[0].slides
    told = {
        "countable_mm2": found.countable_mm2,
        "counted_mm2": found.counted_mm2,
        "cells": report.patients[0].differential.counted,
        "seconds": dict(report.provenance.seconds),
        "processor_s": used.user + used.system + used.children_user + used.children_system,
    }
    print(json.dumps(told))


def _table(rows: list[tuple[float, str, int, Measured]]) -> str:
    lines = [
        "| monolayer | file | `--tiles` | counted | cells | search | reading | all | processor | memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for area, tiles, size, found in rows:
        lines.append(
            f"| {area:g} mm² (found: {found.countable_mm2:.2f}) | {size / 1e6:.0f} MB | {tiles} | "
            f"{found.counted_mm2:.2f} mm² | {found.cells} | {found.seconds['listing']:.1f} s | "
            f"{found.seconds['reading']:.1f} s | {found.clock:.1f} s | {found.processor_s:.0f} s | "
            f"{found.peak_mib:.0f} MiB |"
        )
    command = (
        f"`python bench/speed/slides.py`; slides of {_SIDE:,} × {_SIDE:,} pixels at {_MPP} µm; {machine()}."
    )
    return "\n".join([*lines, "", command])


if __name__ == "__main__":
    main()
