"""Small synthetic cohorts on disk, for tests of the main job, and what a run makes of them."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import marrowscope
from marrowscope.domain.patient import CohortReport, FieldReading
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.sources import discover
from marrowscope.planning import Plan, look, plan_patient
from marrowscope.synth import draw_field

_DASK = Path(__file__).resolve().parents[1] / "packaging" / "cluster" / "dask.yaml"


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


def write_windows(folder: Path, *corners: tuple[int, int]) -> None:
    """Write parts of one drawn field, as a stage that is moved too little gives them."""
    folder.mkdir(parents=True, exist_ok=True)
    field = draw_field(7, width=900, height=600, cells=22)
    for number, (x, y) in enumerate(corners):
        window = np.ascontiguousarray(field.pixels[y : y + 420, x : x + 600])
        Image.fromarray(window).save(folder / f"{number}.jpg", quality=93)


def blank(path: Path, size: tuple[int, int] = (200, 150), grey: int = 255) -> Path:
    """Write a field of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size[1], size[0], 3), grey, np.uint8)).save(path)
    return path


def analyse(inputs: Path, out: Path, **options: object) -> CohortReport:
    """Analyse as a program does."""
    return marrowscope.analyse(inputs, out, **options)  # type: ignore[arg-type]  # any of its options


def fields_of(report: CohortReport) -> dict[str, FieldReading]:
    """Return all fields of a report by their names."""
    return {field.name: field for patient in report.patients for field in patient.fields}


def table(path: Path) -> list[dict[str, str]]:
    """Read a table of the results."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def planned(folder: Path) -> Plan:
    """Return what there is to read of one patient's folder."""
    (source,) = discover([folder])
    return plan_patient(source, partial(look, DEFAULT_LIMITS, folder.parent / "parts"), lambda _: None)


@contextmanager
def dask_cluster(workers: int = 2) -> Iterator[str]:
    """Run a cluster of worker processes on this machine until the block ends; yields its address.

    It has the settings that are told to those who set up one. Its scheduler serves a dashboard whether it is
    asked to or not, so that it is given a port that is free.
    """
    distributed = pytest.importorskip("distributed", reason="needs the 'dask' extra")
    pytest.importorskip("dask.config").refresh(paths=[str(_DASK)])
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as found:
        yield found.scheduler_address.replace("tcp://", "dask://")
