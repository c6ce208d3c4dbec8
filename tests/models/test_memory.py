"""Workers keep the memory that they free, whatever the environment says."""

import os
import platform
import subprocess
import sys

import pytest

from marrowscope.models.memory import keep_memory

FREED = """
import sys
import numpy as np, psutil
from marrowscope.engines.work import Networks, reader_of
from marrowscope.models.bundle import load_bundle
from marrowscope.pipeline import ReadingSettings

if sys.argv[1] == "with networks":
    bundle = load_bundle()
    reader_of(Networks(bundle.folder, bundle.sha256, ReadingSettings()))
before = psutil.Process().memory_info().rss
array = np.ones(20 << 20, np.uint8)
del array
print(psutil.Process().memory_info().rss - before)
"""


def kept(worker: str) -> int:
    """Return how many of the 20 MiB that it frees a process still has, where it is told to give all back."""
    told = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", FREED, worker]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, env=told).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are not told")
def test_a_worker_with_networks_keeps_what_it_frees() -> None:
    assert kept("without networks") < 5 << 20
    assert kept("with networks") > 15 << 20


def test_keeping_memory_is_harmless_where_it_is_not_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # a C library without mallopt
    assert keep_memory() is False
