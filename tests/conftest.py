"""Fixtures shared by all tests."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

# Tests run side by side, a process for each processor. The threads that numpy and PyTorch start for their
# products wait by turning round: on a busy machine, two take ten times the processor time of one. It is read
# when numpy is imported, and holds for programs that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says something of the machine, not of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


# Files with slow tests go first: one of them, left for the end, would keep a single processor busy. It takes
# `--no-loadscope-reorder`, without which files with few tests, of which these are, go last.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files by how many of their tests are slow, those with most first."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow") is not None)
    items.sort(key=lambda item: -slow[item.path])


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: packed ones may hold the moment they were made at."""
    return argname if isinstance(val, bytes) else None


REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images used in development; tests that need it skip where it is not there."""
    folder = Path(os.environ.get("MARROWSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "fields").is_dir():
        pytest.skip(f"real images not at hand: {folder} (set MARROWSCOPE_DATA)")
    return folder
