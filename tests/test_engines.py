"""Worker processes: one that dies costs its own work alone, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from marrowscope.engines.pool import WorkerDiedError, WorkerPool


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
