"""Measure fields and cells per second of the whole pipeline, and its peak memory, on synthetic fields.

    python bench/speed/throughput.py --fields 50 500

Each number of fields is run in a separate process, from images to finished report, with the networks loaded
from disk. On a busy machine, processor seconds are more meaningful than clock time. Memory is the sampled
resident set of the process and its workers; it should not grow with the number of fields.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import resident

import marrowscope
from marrowscope.synth import draw_field

_DRAWN = 10  # distinct fields; the others are shifted copies, as drawing takes longer than reading
_PATIENTS = 5
_SAMPLE_S = 0.02
_MIB = 2**20


@dataclass(frozen=True)
class Measurement:
    """One run: clock and processor seconds, peak resident MiB."""

    fields: int
    cells: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def main() -> None:
    options = _parse()
    if options.child:
        _read(*options.child, workers=options.workers, threads=options.threads)
        return
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-") as name:
        scratch = Path(name)
        runs = []
        for count in options.fields:
            print(f"Drawing {count} fields ...", file=sys.stderr)
            images = _draw(scratch / f"fields-{count}", count, options.width, options.height, options.cells)
            print(f"Reading {count} fields ...", file=sys.stderr)
            runs.append(_measure(images, scratch / f"out-{count}", options.workers, options.threads))
    _print(runs, options)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--fields", type=int, nargs="+", default=[50, 500], help="fields of each run (50 500)"
    )
    parser.add_argument("--cells", type=int, default=12, help="leukocytes per field (12)")
    parser.add_argument("--width", type=int, default=1024, help="px (1024)")
    parser.add_argument("--height", type=int, default=768, help="px (768)")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.add_argument("--threads", type=int, default=2, help="threads in each (2)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--child", type=Path, nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def _draw(folder: Path, count: int, width: int, height: int, cells: int) -> Path:
    """Write `count` fields, all different, as equal ones would be read only once."""
    random = np.random.default_rng(0)
    drawn = [
        draw_field(seed, width=width, height=height, cells=cells).pixels for seed in range(min(count, _DRAWN))
    ]
    for number in range(count):
        shift = (0, 0) if number < len(drawn) else tuple(random.integers(1, (height, width)))
        path = folder / f"patient_{number % _PATIENTS}" / f"field_{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.roll(drawn[number % len(drawn)], shift, axis=(0, 1))
        Image.fromarray(pixels).save(path, quality=92)
    return folder


def _measure(images: Path, out: Path, workers: int, threads: int) -> Measurement:
    command = [sys.executable, __file__, "--workers", str(workers), "--threads", str(threads)]
    child = psutil.Popen([*command, "--child", str(images), str(out)], stdout=subprocess.PIPE, text=True)
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident(child))
        time.sleep(_SAMPLE_S)
    if child.returncode:
        sys.exit("the run failed")
    return Measurement(**json.loads(child.stdout.read()), peak_mib=peak / _MIB)


def _read(images: Path, out: Path, *, workers: int, threads: int) -> None:
    """Analyse, and print the durations; runs in the measured process."""
    started, before = time.perf_counter(), _cpu_seconds()
    report = marrowscope.analyse(images, out, workers=workers, threads=threads)
    seconds, cpu_seconds = time.perf_counter() - started, _cpu_seconds() - before
    fields = sum(len(patient.fields) for patient in report.patients)
    cells = sum(len(patient.cells) for patient in report.patients)
    print(json.dumps({"fields": fields, "cells": cells, "seconds": seconds, "cpu_seconds": cpu_seconds}))


def _cpu_seconds() -> float:
    return sum(os.times()[:4])  # user and system time, including finished children


def _print(runs: list[Measurement], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps([asdict(run) for run in runs], indent=2))
        return
    print(
        f"marrowscope {marrowscope.__version__}, {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}; {options.width} x {options.height} px, "
        f"{options.workers} processes of {options.threads} threads"
    )
    print(f"{'fields':>7} {'cells':>7} {'s':>8} {'cpu s':>8} {'fields/s':>9} {'cells/s':>9} {'peak MiB':>9}")
    for run in runs:
        print(
            f"{run.fields:7d} {run.cells:7d} {run.seconds:8.1f} {run.cpu_seconds:8.1f} "
            f"{run.fields / run.seconds:9.2f} {run.cells / run.seconds:9.1f} {run.peak_mib:9.0f}"
        )
    if len(runs) > 1:
        growth = runs[-1].peak_mib / runs[0].peak_mib - 1
        print(f"Memory from {runs[0].fields} to {runs[-1].fields} fields: {growth:+.0%}")


if __name__ == "__main__":
    main()
