"""Measure batches: two workers against one, what a patient costs, what the parent and the scheduler cost.

    python bench/batches/batch.py --write bench/batches/batch.json

Two Dask workers of one thread are compared with one on the same patients, in turns, both warm: medians. They
have the settings of `packaging/cluster/dask.yaml`. First they are free: what a worker decodes and draws
beside its reading then uses a second processor that is idle. Then each is held to a processor, as by a
cluster that gives a worker one. What patients of different sizes cost is measured in processor seconds, which
other work on the machine disturbs least. The file is what `bench/batches/plan.py` plans with.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import dask
import distributed
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine

import marrowscope
from marrowscope.batches.merge import merge
from marrowscope.batches.records import BatchSettings, begin, read_patient_record, write_patient_record
from marrowscope.batches.run import Batch, finished, unfinished
from marrowscope.batches.work import PatientTask, read_whole_patient
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.case.details import NOTHING_STATED
from marrowscope.domain.case.specimen import Specimen
from marrowscope.engines.work import Networks, reader_of
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.imaging.files.manifest import ManifestRow
from marrowscope.models.bundle import Bundle, load_bundle
from marrowscope.pipeline import ReadingSettings
from marrowscope.synth import draw_field

WIDTH, HEIGHT = 1280, 1024
# Fields, cells in each, side relative to the full field: so that what a field costs, a megapixel and a cell,
# can be told apart.
SHAPES = (
    (1, 4, 0.5),
    (1, 16, 1.0),
    (2, 12, 0.5),
    (3, 4, 1.0),
    (4, 8, 0.5),
    (4, 16, 1.0),
    (6, 13, 0.5),
    (8, 4, 0.5),
    (12, 10, 0.5),
    (20, 8, 0.5),
)
T = TypeVar("T")
DASK = Path(__file__).resolve().parents[2] / "packaging" / "cluster" / "dask.yaml"
SETTINGS = RunSettings(threads=1, laboratory=read_laboratory(None))


def main() -> None:
    options = _parse()
    dask.config.refresh(paths=[str(DASK)])
    bundle = load_bundle()
    with tempfile.TemporaryDirectory(prefix="marrowscope-bench-") as name:
        scratch = Path(name)
        _tell("Measuring what patients cost ...")
        start, patients = _costs(scratch / "costs", bundle)
        _tell("Comparing two workers with one ...")
        compared = _compare(scratch / "compared", bundle, options)
        _tell("Measuring the parent ...")
        parent = _parent(scratch / "parent", bundle, options.finished, options.files)
    figures = {
        "command": f"python bench/batches/batch.py --patients {options.patients} --fields {options.fields} "
        f"--rounds {options.rounds} --finished {options.finished} --files {options.files}",
        "machine": machine(),
        "version": marrowscope.__version__,
        "worker_start_cpu_s": round(start, 2),
        "patients": patients,
        "dask": compared,
        "parent": parent,
    }
    text = json.dumps(figures, indent=1)
    print(text)
    if options.write:
        options.write.write_text(text + "\n", "utf-8")


def _costs(scratch: Path, bundle: Bundle) -> tuple[float, list[dict[str, float]]]:
    """Return processor seconds to load the networks, and the cost of a patient of each shape."""
    networks = Networks(bundle.folder, bundle.sha256, ReadingSettings(), 1)
    before = _cpu_s()
    reader_of(networks)
    start = _cpu_s() - before
    digest = BatchSettings.of(SETTINGS, bundle, Specimen.MARROW).digest
    costs = []
    for number, shape in enumerate([SHAPES[0], *SHAPES]):  # the first is the warm-up
        images = _draw(scratch / "images" / str(number), *shape, seed=100 * number)
        row = ManifestRow(str(number), str(images), None, NOTHING_STATED)
        task = PatientTask(str(number), (row,), NOTHING_STATED, scratch / "out", SETTINGS, digest)
        before = _cpu_s()
        fault = read_whole_patient(networks, task)
        cpu_s = _cpu_s() - before
        record = read_patient_record(task.folder)
        if fault or record is None:
            sys.exit(fault)
        read, written = _files(images), _files(task.folder)
        costs.append(
            {
                "fields": shape[0],
                "megapixels": round(shape[0] * WIDTH * HEIGHT * shape[2] ** 2 / 1e6, 3),
                "cells": record.cells,
                "cpu_s": round(cpu_s, 2),
                "bytes_read": sum(read),
                "bytes_written": sum(written),
                "files_written": len(written),
            }
        )
    return start, costs[1:]


def _draw(folder: Path, fields: int, cells: int, side: float, seed: int) -> Path:
    folder.mkdir(parents=True)
    for number in range(fields):
        width, height = round(WIDTH * side), round(HEIGHT * side)
        drawn = draw_field(seed + number, cells=cells, width=width, height=height)
        Image.fromarray(drawn.pixels).save(folder / f"field_{number:03d}.jpg", quality=92)
    return folder


def _files(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


def _cpu_s() -> float:
    """Return the processor seconds of this process and of those it has started."""
    own = psutil.Process()
    times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _compare(scratch: Path, bundle: Bundle, options: argparse.Namespace) -> dict[str, Any]:
    images = [
        _draw(scratch / "images" / f"p{n}", options.fields, 10, 0.5, seed=1000 + 100 * n)
        for n in range(options.patients)
    ]
    manifest = scratch / "manifest.csv"
    manifest.write_text("\n".join(["patient,path", *(f"{path.name},{path}" for path in images)]), "utf-8")
    with _cluster(1) as one, _cluster(2) as two:
        clusters = {"one worker": one, "two workers": two}
        free = _seconds(clusters, manifest, scratch / "free", bundle, options.rounds)
        for engine in clusters.values():
            _hold(engine)
        held = _seconds(clusters, manifest, scratch / "held", bundle, options.rounds)
        rate = _scheduler_rate(one)
    return {
        "patients": options.patients,
        "fields": options.fields,
        "held to a processor each": held,
        "free": free,
        "scheduler_tasks_per_s": round(rate, 1),
    }


def _seconds(
    clusters: dict[str, str], manifest: Path, scratch: Path, bundle: Bundle, rounds: int
) -> dict[str, Any]:
    """Return the seconds that each cluster takes for a manifest's patients, in turns; the first warms up."""
    seconds: dict[str, list[float]] = {title: [] for title in clusters}
    for turn in range(rounds + 1):
        for title, engine in clusters.items():
            asked = Batch(manifest, scratch / f"{turn} {title}", bundle, replace(SETTINGS, engine=engine))
            started = time.perf_counter()
            asked.run()
            if turn:
                seconds[title].append(round(time.perf_counter() - started, 2))
    one, two = (statistics.median(each) for each in seconds.values())
    return {**seconds, "times faster": round(one / two, 2)}


def _hold(engine: str) -> None:
    """Hold each worker of a cluster, and what it starts, to a processor of its own."""
    with distributed.Client(engine.replace("dask://", "tcp://"), set_as_default=False) as client:
        processors = sorted(os.sched_getaffinity(0))
        for processor, worker in zip(processors, client.scheduler_info()["workers"], strict=False):
            client.run(_hold_to, processor, workers=[worker])


def _hold_to(processor: int) -> None:
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        for thread in process.threads():
            os.sched_setaffinity(thread.id, {processor})


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as found:
        yield found.scheduler_address.replace("tcp://", "dask://")


def _scheduler_rate(engine: str, tasks: int = 500) -> float:
    """Return how many tasks of no work a scheduler hands out and takes back in a second."""
    with distributed.Client(engine.replace("dask://", "tcp://"), set_as_default=False) as client:
        executor = client.get_executor(pure=False)
        started = time.perf_counter()
        for future in [executor.submit(abs, number) for number in range(tasks)]:
            future.result()
        return tasks / (time.perf_counter() - started)


class _AtOnce:
    """A pool that has done everything already."""

    workers = 2

    def submit(self, work: Callable[[Any, Any], T], networks: Any, task: Any, /) -> "Future[T]":
        del work, networks, task
        future: Future[Any] = Future()
        future.set_result("")
        return future

    def close(self, *, at_once: bool = False) -> None:
        del at_once


def _parent(scratch: Path, bundle: Bundle, patients: int, files: int) -> dict[str, Any]:
    """Return what the parent does for so many finished patients: telling that they are, the tables."""
    scratch.mkdir()
    (scratch / "one").mkdir()
    _draw(scratch / "one" / "p", 1, 10, 0.5, seed=9)
    (scratch / "one.csv").write_text(f"patient,path\np,{scratch / 'one' / 'p'}\n", "utf-8")
    Batch(scratch / "one.csv", scratch / "first", bundle, SETTINGS).run()
    record = read_patient_record(scratch / "first" / "p")
    if record is None:
        sys.exit("the first patient was not read")
    cells = (scratch / "first" / "p" / "cells.csv").read_bytes()
    out, tasks = scratch / "out", []
    for number in range(patients):
        name = f"p{number}"
        folder = scratch / "images" / name
        folder.mkdir(parents=True)
        for field in range(files):
            (folder / f"{field}.png").touch()
        row = ManifestRow(name, str(folder), None, NOTHING_STATED)
        task = PatientTask(name, (row,), NOTHING_STATED, out, SETTINGS, record.settings)
        images = {f"{number:060d}{field:04d}": f"{field}.png" for field in range(files)}
        write_patient_record(task.folder, replace(record, patient=name, inputs=task.digest(), images=images))
        (task.folder / "cells.csv").write_bytes(cells)
        tasks.append(task)
    begin(out, [task.patient for task in tasks], BatchSettings.of(SETTINGS, bundle, Specimen.NOT_STATED))
    started = time.perf_counter()
    left = len(unfinished(tasks))
    resume_s = time.perf_counter() - started
    started = time.perf_counter()
    merged = merge([out], out)
    merge_s = time.perf_counter() - started
    if left or merged.patients != patients:
        sys.exit(f"{left} patients were not seen to be finished")
    started = time.perf_counter()
    networks = Networks(bundle.folder, bundle.sha256, ReadingSettings(), 1)
    handed_out = len(list(finished(_AtOnce(), networks, tasks)))
    return {
        "patients": patients,
        "files_a_patient": files,
        "resume_s": round(resume_s, 2),
        "merge_s": round(merge_s, 2),
        "hand_out_s": round(time.perf_counter() - started, 3) if handed_out else 0.0,
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=12, help="to compare one and two workers with (12)")
    parser.add_argument("--fields", type=int, default=4, help="of each (4)")
    parser.add_argument("--rounds", type=int, default=3, help="measured turns (3)")
    parser.add_argument("--finished", type=int, default=10_000, help="patients to resume and merge (10,000)")
    parser.add_argument("--files", type=int, default=10, help="of each of these (10)")
    parser.add_argument("--write", type=Path, help="file for the figures, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
