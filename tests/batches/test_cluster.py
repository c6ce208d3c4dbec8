"""A batch on a Dask cluster: patients are read where the workers are, and a dead worker costs nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cohorts import dask_cluster, write_fields

import marrowscope
from marrowscope.batches.run import Batch, BatchProgress
from marrowscope.cohort.settings import RunSettings
from marrowscope.engines.choose import open_pool
from marrowscope.engines.pool import MAX_DEATHS, WorkerDiedError
from marrowscope.engines.work import Networks
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.models.bundle import load_bundle
from marrowscope.pipeline import ReadingSettings

distributed = pytest.importorskip("distributed", reason="needs the 'dask' extra")


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a cluster of two worker processes on this machine."""
    with dask_cluster() as address:
        yield address


def end(networks: Networks, task: object) -> None:
    """End the worker that is asked to do this."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_dead_worker_of_a_cluster_changes_no_byte(cluster: str, tmp_path: Path) -> None:
    for number in range(3):
        write_fields(tmp_path / "cohort" / f"P {number}", 1, seed=40 + number)
    lines = ["patient,path", *(f"P {number},P {number}" for number in range(3))]
    manifest = tmp_path / "cohort" / "manifest.csv"
    manifest.write_text("\n".join(lines), "utf-8")
    marrowscope.analyse((), tmp_path / "here", manifest=manifest)
    address = cluster.replace("dask://", "tcp://")
    killed: list[int] = []

    def kill(progress: BatchProgress) -> None:
        if progress.done and not killed:
            with distributed.Client(address, set_as_default=False) as client:
                killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    settings = RunSettings(threads=1, engine=cluster, laboratory=read_laboratory(None))
    result = Batch(manifest, tmp_path / "there", load_bundle(), settings).run(listener=kill)
    assert len(killed) == 2
    assert result.failed == {}
    for name in ("patients.csv", "cells.csv"):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_work_on_which_several_workers_die_is_not_tried_again(cluster: str) -> None:
    pool = open_pool(cluster, 1)
    bundle = load_bundle()
    networks = Networks(bundle.folder, bundle.sha256, ReadingSettings())
    with pytest.raises(WorkerDiedError) as told:
        pool.submit(end, networks, "poison").result(120)
    assert told.value.deaths >= MAX_DEATHS
    pool.close()
