"""Whole runs of `marrowscope analyse`, from files to the finished report: clock, processor, memory.

Fields are drawn, and turned and mirrored: each shows other cells at other places, as equal ones would be
read or counted only once. Memory is the sampled resident set of the process and its workers.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from bench.figures import Options, resident
from PIL import Image

from marrowscope.synth import draw_field

FEW, MANY = 50, 500
SIDE, CELLS = 888, 12
_WAYS = 8  # to turn and mirror a square
_SAMPLE_S = 0.1
_MIB = 2**20


def measure(options: Options) -> dict[str, Any]:
    """Return seconds and memory of a patient of few fields, and of one of many."""
    del options  # minutes: measured once
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-") as name:
        scratch = Path(name)
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            drawn = list(pool.map(_draw, range(-(-MANY // _WAYS))))
        found = {}
        for fields in (FEW, MANY):
            folder = scratch / f"patient of {fields}"
            folder.mkdir()
            for number in range(fields):
                way, seed = divmod(number, len(drawn))
                path = folder / f"field_{number:04d}.jpg"
                Image.fromarray(_turned(drawn[seed], way)).save(path, quality=92)
            found[str(fields)] = _run(folder, scratch / f"results of {fields}")
    return found


def _draw(seed: int) -> npt.NDArray[np.uint8]:
    return draw_field(seed, width=SIDE, height=SIDE, cells=CELLS).pixels


def _turned(pixels: npt.NDArray[np.uint8], way: int) -> npt.NDArray[np.uint8]:
    turned = np.rot90(pixels, way % 4)
    return np.ascontiguousarray(turned[:, ::-1] if way >= 4 else turned)


def _run(images: Path, out: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "marrowscope", "analyse", str(images), "-o", str(out), "-q", "--json"]
    started, before = time.perf_counter(), os.times()
    child = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident(child))
        time.sleep(_SAMPLE_S)
    if child.returncode:
        sys.exit("the run failed")
    after = os.times()
    with (out / "cells.csv").open(newline="", encoding="utf-8") as stream:
        counted = sum(row["counted"] == "true" for row in csv.DictReader(stream))
    return {
        "cells counted": counted,
        "seconds": time.perf_counter() - started,
        "processor seconds": sum(after[2:4]) - sum(before[2:4]),
        "peak MiB": peak / _MIB,
    }


def bars(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what is measured, its bar, and the figure."""
    few, many = figures[str(FEW)], figures[str(MANY)]
    grown = (many["peak MiB"] - few["peak MiB"]) * _MIB / 1e6
    patient = f"a patient of {FEW} fields, {few['cells counted']} cells counted, from files to report"
    times = many["seconds"] / few["seconds"]
    processor = many["processor seconds"] / few["processor seconds"]
    return [
        (patient, "≤ 12 s", f"{few['seconds']:.1f} s"),
        (
            f"from {FEW} to {MANY} fields, the time",
            "≤ 10.3 times",
            f"{times:.1f} times ({processor:.1f} of the processors)",
        ),
        (f"from {FEW} to {MANY} fields, peak memory", "≤ 50 MB more", f"{grown:+.0f} MB"),
    ]


def text(figures: dict[str, Any]) -> str:
    """Return a table of the runs."""
    heads = f"| fields of {SIDE} × {SIDE} px | cells counted | clock | processors | fields/s | peak memory |"
    lines = [heads, "|---|---|---|---|---|---|"]
    lines += [
        f"| {fields} | {run['cells counted']} | {run['seconds']:.1f} s | {run['processor seconds']:.1f} s | "
        f"{int(fields) / run['seconds']:.1f} | {run['peak MiB']:.0f} MiB |"
        for fields, run in figures.items()
    ]
    return "\n".join(lines)
