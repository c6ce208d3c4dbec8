"""Worker processes: one that dies costs its own work alone, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

from marrowscope.engines.pool import (
    MAX_DEATHS,
    WorkerDiedError,
    WorkerPool,
    WorkLimits,
    WorkTooLargeError,
)
from marrowscope.engines.reading import measure_by
from marrowscope.engines.work import measure_scales


def blas_threads() -> set[int]:
    """Return how many threads each library of linear algebra in this process has."""
    import scipy.linalg  # noqa: F401, PLC0415  # loads its own, beside numpy's

    loaded = import_module("threadpoolctl").threadpool_info()
    return {library["num_threads"] for library in loaded if library["user_api"] == "blas"}


def test_workers_multiply_matrices_with_no_more_threads_than_they_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("threadpoolctl")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    pool = WorkerPool(1, blas_threads=1)
    try:
        assert pool.submit(blas_threads).result(60) == {1}
    finally:
        pool.close()


def test_a_dead_worker_costs_its_own_work_alone() -> None:
    pool = WorkerPool(2)
    try:
        slow = pool.submit(time.sleep, 3)
        other = pool.submit(os.getpid).result(60)
        victim = pool.submit(time.sleep, 60)
        time.sleep(0.5)  # until it is at work
        os.kill(other, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            victim.result(60)
        assert pool.submit(os.getpid).result(60) != other
        assert slow.result(60) is None
    finally:
        pool.close()


def test_work_that_takes_too_long_is_ended_and_its_process_replaced() -> None:
    pool = WorkerPool(1, limits=WorkLimits(seconds=5))
    try:
        first = pool.submit(os.getpid).result()
        endless = pool.submit(time.sleep, 3600)
        behind = pool.submit(os.getpid)
        with pytest.raises(WorkTooLargeError, match="more than 5 seconds"):
            endless.result()
        assert behind.result() != first
        psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=60)
        assert not psutil.pid_exists(first)
    finally:
        pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_work_that_takes_too_much_memory_fails_alone() -> None:
    pool = WorkerPool(1, limits=WorkLimits(memory_bytes=4 * 2**30))
    try:
        with pytest.raises(WorkTooLargeError, match="more memory"):
            pool.submit(bytes, 8 * 2**30).result()
        assert len(pool.submit(bytes, 2**20).result()) == 2**20
    finally:
        pool.close()


SCRIPT = """
import os
from marrowscope.engines.pool import WorkerPool
print("the script runs", flush=True)
pool = WorkerPool(1)
assert pool.submit(os.getpid).result() != os.getpid()
pool.close()
"""


def test_a_script_that_uses_workers_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "the script runs\n", "")


PARENT = """
import os, sys, time
from marrowscope.engines.pool import WorkerPool
if __name__ == "__main__":
    pool = WorkerPool(1)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_workers_do_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        assert worker.is_running()
        parent.kill()
    psutil.wait_procs([worker], timeout=30)
    assert not worker.is_running()


class DyingPool:
    """A pool whose workers die of so many pieces of work first."""

    workers = 1

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths

    def submit(self, work: Callable[[Any, Any], Any], networks: Any, tasks: Any, /) -> "Future[Any]":
        future: Future[Any] = Future()
        self.deaths -= 1
        if self.deaths < 0:
            future.set_result((work, networks, tasks))
        else:
            future.set_exception(WorkerDiedError("died"))
        return future

    def close(self, *, at_once: bool = False) -> None:
        del at_once


def test_scales_are_measured_by_workers_until_too_many_die_of_it() -> None:
    networks: Any = "networks"
    for deaths in range(MAX_DEATHS):
        got: Any = measure_by(DyingPool(deaths), networks, ())
        assert got == (measure_scales, networks, ())
    assert measure_by(DyingPool(MAX_DEATHS), networks, ()) == {}
