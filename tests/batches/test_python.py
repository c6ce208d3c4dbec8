"""Batches asked for in Python: the tables of one analysis, and one clear error for what cannot be."""

from pathlib import Path

import pytest
from tests.batches.pools import Here
from tests.cohorts import blank, write_fields

import marrowscope
from marrowscope.batches import run
from marrowscope.batches.run import BatchProgress
from marrowscope.batches.shards import Shard
from marrowscope.domain.decision import RULES
from marrowscope.errors import InputError

NAMES = ("P 1", "P 2", "P 3")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    pool = Here()
    monkeypatch.setattr(run, "open_pool", lambda *_, **__: pool)
    return pool


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    write_fields(folder / "a", 2, seed=80)
    write_fields(folder / "b", 1, seed=82)
    blank(folder / "c" / "blank.png")
    lines = ["patient,path", *(f"{name},{place}" for name, place in zip(NAMES, "abc", strict=True))]
    (folder / "patients.csv").write_text("\n".join(lines), "utf-8")
    return folder / "patients.csv"


def tables(out: Path) -> list[bytes]:
    return [(out / name).read_bytes() for name in ("patients.csv", "cells.csv")]


def test_a_batch_gives_the_bytes_of_one_analysis_by_the_same_options(
    here: Here, manifest: Path, tmp_path: Path
) -> None:
    seen: list[BatchProgress] = []
    rule, options = RULES["who-2022"], {"floor": 2, "target": 5, "mpp": 0.1, "specimen": "blood"}
    report = marrowscope.analyse((), tmp_path / "one", manifest=manifest, rule=rule, **options)  # type: ignore[arg-type]  # each of its own type
    result = marrowscope.batch(
        manifest,
        str(tmp_path / "batch"),
        rule=rule,
        **options,  # type: ignore[arg-type]  # as above
        listener=seen.append,
    )
    assert tables(tmp_path / "batch") == tables(tmp_path / "one")
    assert (result.patients, result.earlier, result.failed) == (3, 0, {})
    assert seen[-1].done == 3
    counts = [patient.differential.counts for patient in marrowscope.open(tmp_path / "batch").patients]
    assert counts == [patient.differential.counts for patient in report.patients]


def test_shards_are_read_apart_and_joined(here: Here, manifest: Path, tmp_path: Path) -> None:
    marrowscope.analyse((), tmp_path / "one", manifest=manifest)
    outs = [tmp_path / "shard 1", tmp_path / "shard 2"]
    for number, out in enumerate(outs, 1):
        result = marrowscope.batch(manifest, out, shard=f"{number}/2")
        assert (result.shard, result.merged) == (Shard(number, 2), None)
    merged = marrowscope.merge_batch(outs, str(tmp_path / "all"))
    assert (merged.patients, merged.missing) == (3, ())
    assert tables(tmp_path / "all") == tables(tmp_path / "one")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shard": "3/2"}, "no shard 3/2"),
        ({"engine": "slurm"}, "no engine slurm"),
        ({"specimen": "bone"}, "no specimen bone"),
        ({"blast_equivalents": ["platelet"]}, "platelet"),
        ({"tiles": "some"}, "no order of tiles some"),
        ({"workers": 0}, "workers is 0: give at least 1"),
        ({"threads": -1}, "threads is -1"),
        ({"floor": 0}, "floor is 0"),
        ({"mpp": float("nan")}, "mpp is nan"),
        ({"laboratory": "none.toml"}, "none.toml"),
    ],
)
def test_an_option_that_cannot_be_is_one_error_before_anything_is_read(
    options: dict[str, object], words: str, manifest: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        marrowscope.batch(manifest, tmp_path / "out", **options)  # type: ignore[arg-type]  # that is asked here
    assert not (tmp_path / "out" / "patients.csv").exists()


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        marrowscope.batch(tmp_path / "none.csv", tmp_path / "out")


def test_a_folder_without_a_batch_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not hold a batch"):
        marrowscope.merge_batch(tmp_path, tmp_path / "all")


@pytest.mark.parametrize("mpp", [0, -1, 9])
def test_no_function_takes_a_scale_that_no_microscope_has(mpp: float, manifest: Path) -> None:
    image = manifest.parent / "a" / "field_00.png"
    for function in (marrowscope.detect, marrowscope.classify):
        with pytest.raises(InputError, match=r"expected 0\.005 to 5"):
            function(image, mpp=mpp)
