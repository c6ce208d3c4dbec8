"""Kill workers during a batch, and compare its tables with those of an undisturbed one.

    python bench/batches/kill.py --into docs/how-to/cluster.md

Drawn patients are first read undisturbed. Then they are read again, while workers are killed with kill -9 at
even steps of the work. Both tables must be the same to the byte. The exit code is 1 otherwise.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from tests.cohorts import write_fields

from marrowscope.batches.run import Batch, BatchProgress
from marrowscope.cohort.settings import RunSettings
from marrowscope.models.bundle import load_bundle

TABLES = ("patients.csv", "cells.csv")


class Killer:
    """Kills one worker at each of some steps of the work."""

    def __init__(self, patients: int, kills: int, seed: int) -> None:
        self.killed: list[int] = []
        self._steps = [patients * (number + 1) // (kills + 1) for number in range(kills)]
        self._random = random.Random(seed)

    def __call__(self, progress: BatchProgress) -> None:
        if len(self.killed) == len(self._steps) or progress.done < self._steps[len(self.killed)]:
            return
        workers = [
            each.pid for each in psutil.Process().children() if "spawn_main" in " ".join(each.cmdline())
        ]
        if workers:
            self.killed.append(self._random.choice(workers))
            os.kill(self.killed[-1], signal.SIGKILL)


def main() -> None:
    options = _parse()
    bundle = load_bundle()
    settings = RunSettings(threads=1, workers=options.workers)
    with tempfile.TemporaryDirectory(prefix="marrowscope-kill-") as name:
        scratch = Path(name)
        print("Drawing ...", file=sys.stderr)
        lines = ["patient,path"]
        for number in range(options.patients):
            write_fields(scratch / "images" / f"P {number:03d}", options.fields, seed=100 * number, cells=4)
            lines.append(f"P {number:03d},images/P {number:03d}")
        manifest = scratch / "manifest.csv"
        manifest.write_text("\n".join(lines), "utf-8")
        print("Reading undisturbed ...", file=sys.stderr)
        Batch(manifest, scratch / "undisturbed", bundle, settings).run()
        print("Reading while workers are killed ...", file=sys.stderr)
        killer = Killer(options.patients, options.kills, options.seed)
        started = time.monotonic()
        result = Batch(manifest, scratch / "disturbed", bundle, settings).run(listener=killer)
        seconds = time.monotonic() - started
        same = [
            name
            for name in TABLES
            if (scratch / "undisturbed" / name).read_bytes() == (scratch / "disturbed" / name).read_bytes()
        ]
    text = f"""
| what | measured |
|---|---|
| patients, fields | {options.patients}, {options.patients * options.fields} |
| workers killed (kill -9) | {len(killer.killed)} |
| patients who could not be read | {len(result.failed)} |
| same to the byte | {", ".join(same) or "NOTHING"} |
| time | {seconds:.0f} s |

`python bench/batches/kill.py --patients {options.patients} --fields {options.fields}
--kills {options.kills}`;
{machine()}.
"""
    print(text)
    if options.into:
        put(options.into, "bench/batches/kill.py", text)
    raise SystemExit(len(same) < len(TABLES) or len(killer.killed) < options.kills)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--fields", type=int, default=1, help="of each patient")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the choice of workers")
    parser.add_argument("--into", type=Path, help="document to write the table to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
