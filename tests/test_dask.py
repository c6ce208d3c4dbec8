"""A Dask cluster reads what this machine reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import marrowscope
from marrowscope.engines.choose import open_pool
from marrowscope.engines.work import Networks, read_field
from marrowscope.errors import InputError
from marrowscope.exports.tables import patient_row
from marrowscope.pipeline import ReadingSettings
from tests.cohorts import dask_cluster, write_fields

pytest.importorskip("distributed", reason="needs the 'dask' extra")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two worker processes on this machine."""
    with dask_cluster() as address:
        yield address


def test_a_cluster_gives_the_same_figures(cluster: str, tmp_path: Path) -> None:
    write_fields(tmp_path / "P 1", 3, seed=40)
    (tmp_path / "P 1" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (here,) = marrowscope.analyse(tmp_path / "P 1", tmp_path / "here").patients
    (there,) = marrowscope.analyse(tmp_path / "P 1", tmp_path / "there", engine=cluster).patients
    assert patient_row(there) == patient_row(here)
    assert (tmp_path / "there" / "cells.csv").read_bytes() == (tmp_path / "here" / "cells.csv").read_bytes()
    assert [field.message for field in there.fields] == [field.message for field in here.fields]


def test_networks_that_differ_are_refused(cluster: str, tmp_path: Path) -> None:
    bundle = marrowscope.load_bundle()
    networks = Networks(bundle.folder, "0" * 64, ReadingSettings())
    pool = open_pool(cluster, 1)
    assert pool.workers == 2
    with pytest.raises(InputError, match="not the one"):
        pool.submit(read_field, networks, ()).result(60)
    pool.close()


@pytest.mark.parametrize("engine", ["dask://127.0.0.1:1", "dask://", "slurm", "dask://nonsense"])
def test_an_engine_that_is_not_there_is_told_in_one_line(engine: str) -> None:
    with pytest.raises(InputError) as told:
        open_pool(engine, 1)
    assert "\n" not in str(told.value)
