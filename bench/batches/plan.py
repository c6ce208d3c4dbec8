"""Plan for 10,000 slides a day: what a slide costs, how many workers it takes, what is full first.

    python bench/batches/plan.py --measured bench/batches/batch.json --into docs/how-to/cluster.md

A cost model is fitted to patients that `batch.py` measured: processor seconds for a patient, a field, a
megapixel and a cell, none below zero. A day is then simulated (simpy): slides arrive by chance during working
hours and wait for a worker, and for storage; some take much longer than others; workers die, and what they
were reading goes on from its journal. What is assumed instead of measured is an option, and printed.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import put

PARTS = ("patient", "field", "megapixel", "cell")
_HOUR = 3600.0
_MB = 1e6


@dataclass(frozen=True)
class Costs:
    """What a patient costs: processor seconds by part, bytes by megapixel, and seconds of the parent."""

    parts: tuple[float, ...]
    error: float
    spread: float
    start_s: float
    bytes_per_megapixel: float
    parent_s: float
    scheduler_s: float

    def cpu_s(self, fields: float, megapixels: float, cells: float) -> float:
        return float(np.dot(self.parts, (1, fields, megapixels, cells)))


def fitted(measured: dict[str, Any]) -> Costs:
    """Fit the model by least squares of relative errors, with no cost below zero."""
    patients = measured["patients"]
    shape = np.array([[1, p["fields"], p["megapixels"], p["cells"]] for p in patients], float)
    seconds = np.array([p["cpu_s"] for p in patients])
    parts, _ = nnls(shape / seconds[:, None], np.ones(len(seconds)))
    ratios = seconds / (shape @ parts)
    parent = measured["parent"]
    return Costs(
        tuple(parts.tolist()),
        float(np.median(np.abs(ratios - 1))),
        float(np.std(np.log(ratios))),
        measured["worker_start_cpu_s"],
        sum(p["bytes_read"] + p["bytes_written"] for p in patients) / shape[:, 2].sum(),
        (parent["resume_s"] + parent["merge_s"] + parent["hand_out_s"]) / parent["patients"],
        1 / measured["dask"]["scheduler_tasks_per_s"],
    )


@dataclass
class Day:
    """A day's simulation: hours from arrival to result, and how long each part was at work."""

    hours: list[float]
    busy_s: dict[str, float]
    deaths: int = 0
    end_s: float = 0.0


def simulate(costs: Costs, workers: int, slides: int, options: argparse.Namespace) -> Day:
    """Simulate one day; storage is shared by as many streams as it has."""
    random = np.random.default_rng(options.seed)
    world = simpy.Environment()
    worker, storage, parent = (simpy.Resource(world, number) for number in (workers, options.streams, 1))
    day = Day([], {"workers": 0.0, "storage": 0.0, "parent": 0.0})

    def busy(kind: str, resource: simpy.Resource, seconds: float) -> Generator[Any, Any, None]:
        with resource.request() as turn:
            yield turn
            yield world.timeout(seconds)
            day.busy_s[kind] += seconds

    def slide(arrives: float) -> Generator[Any, Any, None]:
        yield world.timeout(arrives)
        fields = max(1.0, random.lognormal(math.log(options.fields), options.spread))
        megapixels, cells = fields * options.megapixels, fields * options.cells
        cpu_s = costs.cpu_s(fields, megapixels, cells) * random.lognormal(0, costs.spread)
        if random.random() < options.stragglers:
            cpu_s *= options.slower
        moved_s = megapixels * costs.bytes_per_megapixel / (options.storage_mb * _MB / options.streams)
        yield from busy("parent", parent, costs.parent_s + costs.scheduler_s)
        left = cpu_s
        while left > 0:
            with worker.request() as turn:
                yield turn
                began = world.now
                yield from busy("storage", storage, moved_s)
                dies = random.exponential(options.mtbf * _HOUR)
                if dies < left:
                    # What was read is in the journal: one field is lost, and a worker has to be started.
                    day.deaths += 1
                    yield world.timeout(dies + options.restart + costs.start_s)
                    left += min(cpu_s / fields, dies) - dies
                else:
                    yield world.timeout(left)
                    left = 0
                day.busy_s["workers"] += world.now - began
        day.hours.append((world.now - arrives) / _HOUR)

    for arrives in np.sort(random.uniform(0, options.hours * _HOUR, slides)):
        world.process(slide(float(arrives)))
    world.run()
    day.end_s = world.now
    return day


def report(measured: dict[str, Any], options: argparse.Namespace) -> str:
    """Return the plan as a page."""
    costs = fitted(measured)
    usual = (options.fields, options.fields * options.megapixels, options.fields * options.cells)
    typical = costs.cpu_s(*usual)
    # The mean of sizes that spread by chance, and of those that take longer.
    mean = typical * math.exp(options.spread**2 / 2) * (1 + options.stragglers * (options.slower - 1))
    least = options.slides * mean / (options.hours * _HOUR)
    wanted = [math.ceil(least * factor) for factor in options.factors]
    days = {workers: simulate(costs, workers, options.slides, options) for workers in wanted}
    held, free = (measured["dask"][kind]["times faster"] for kind in ("held to a processor each", "free"))
    parts = ", ".join(f"{part:.2f} a {name}" for name, part in zip(PARTS, costs.parts, strict=True))
    return f"""
**What a patient costs.** Processor seconds of one thread, fitted to {len(measured["patients"])} measurements
(median error {100 * costs.error:.0f} %): {parts}. A slide of {options.fields} fields of {options.megapixels}
megapixels and {options.cells:g} cells takes {typical:.0f} s, the slides of a day {mean:.0f} s on average.

**Two workers** on Dask are {held:.2f} times as fast as one where each is held to a processor, as clusters
hold them, with scheduler and parent on the same two; {free:.2f} times where one may use the other's for what
it decodes and draws.

**A day of {options.slides:,} slides**, simulated: they arrive by chance within {options.hours:g} hours.

| workers of one thread | at work | result after, median | 95 % within | last result | workers that died |
|--:|--:|--:|--:|--:|--:|
{_table_of_days(days)}

{_what_is_full(days[wanted[-1]], wanted[-1], options)}

Assumed: the number of fields spreads by {options.spread} (log-normal); {100 * options.stragglers:g} %
of slides take {options.slower:g} times as long; a worker dies every {options.mtbf:g} hours, and is replaced
after {options.restart:g} s; storage moves {options.storage_mb} MB/s in {options.streams} streams.

`{options.command}`; measured by `{measured["command"]}`: {measured["machine"]}.
"""


def _table_of_days(days: dict[int, Day]) -> str:
    rows = []
    for workers, day in days.items():
        ranked = sorted(day.hours)
        share = day.busy_s["workers"] / workers / day.end_s
        median, most = statistics.median(ranked), ranked[int(0.95 * len(ranked))]
        end = f"{day.end_s / _HOUR:.1f} h"
        rows.append(f"| {workers} | {share:.0%} | {_time(median)} | {_time(most)} | {end} | {day.deaths} |")
    return "\n".join(rows)


def _what_is_full(day: Day, workers: int, options: argparse.Namespace) -> str:
    """Return how many slides each part can take, and which is the first to have no time left."""
    parts = {
        "workers": (f"{workers} workers", workers),
        "storage": (f"storage of {options.storage_mb} MB/s", options.streams),
        "parent": ("parent and scheduler", 1),
    }
    most = {
        kind: options.slides * options.hours * _HOUR * number / day.busy_s[kind]
        for kind, (_, number) in parts.items()
    }
    first, second = sorted(most, key=most.__getitem__)[:2]
    rows = "\n".join(
        f"| {parts[kind][0]} | {int(float(f'{most[kind]:.2g}')):,} |"
        for kind in sorted(most, key=most.__getitem__)
    )
    limit = round(workers * most[second] / most[first])
    told = "More workers would not help."
    if first == "workers":
        told = f"Workers are full first. From {limit} of them on, it is {parts[second][0]}."
    return f"""
**What is full first.** Slides in {options.hours:g} hours at which a part has no time left:

| part | slides |
|---|--:|
{rows}

{told}
""".strip()


def _time(hours: float) -> str:
    minutes = 60 * hours
    return (
        f"{60 * minutes:.0f} s"
        if minutes < 2
        else f"{minutes:.0f} min"
        if minutes < 120
        else f"{hours:.1f} h"
    )


def main() -> None:
    options = _parse()
    text = report(json.loads(options.measured.read_text("utf-8")), options)
    print(text)
    if options.into:
        put(options.into, "bench/batches/plan.py", text)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--measured",
        type=Path,
        default=Path(__file__).with_name("batch.json"),
        help="from bench/batches/batch.py",
    )
    add("--slides", type=int, default=10_000, help="a day (10,000)")
    add("--hours", type=float, default=10, help="within which they arrive (10)")
    add("--fields", type=int, default=50, help="of a slide, median (50)")
    add("--cells", type=float, default=10, help="of a field (10)")
    add("--megapixels", type=float, default=1.3, help="of a field (1.3)")
    add("--spread", type=float, default=0.3, help="of the number of fields, log-normal (0.3)")
    add("--stragglers", type=float, default=0.01, help="share of slides that take longer (0.01)")
    add("--slower", type=float, default=10, help="so many times (10)")
    add("--mtbf", type=float, default=24, help="hours after which a worker dies (24)")
    add("--restart", type=float, default=60, help="seconds until it is replaced (60)")
    add("--storage-mb", type=int, default=500, help="MB/s of the shared storage (500)")
    add("--streams", type=int, default=16, help="that it serves at a time (16)")
    add("--factors", type=float, nargs="+", default=[0.9, 1.05, 1.2, 1.5], help="workers, of the least")
    add("--seed", type=int, default=1)
    add("--into", type=Path, help="document to write the plan to")
    options = parser.parse_args()
    options.command = "python bench/batches/plan.py" + (f" --into {options.into}" if options.into else "")
    return options


if __name__ == "__main__":
    main()
