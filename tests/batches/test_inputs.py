"""Images in object storage: read as if they lay in a folder, within limits, and not kept."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.batches.pools import Here
from tests.cohorts import table, write_fields

import marrowscope
from marrowscope.batches import inputs, run
from marrowscope.batches.inputs import at_hand, check_reachable, listed
from marrowscope.batches.run import Batch
from marrowscope.cohort.settings import RunSettings
from marrowscope.domain.case.details import NOTHING_STATED
from marrowscope.errors import InputError, MissingExtraError
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.imaging.files.decode import DEFAULT_LIMITS
from marrowscope.imaging.files.manifest import ManifestRow
from marrowscope.models.bundle import load_bundle

fsspec = pytest.importorskip("fsspec", reason="needs the 'remote' extra")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which nobody else uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def bucket() -> Iterator[str]:
    """A URL in this process's memory."""
    system = fsspec.filesystem("memory")
    yield "memory://bucket"
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def put(url: str, content: bytes) -> None:
    with fsspec.open(url, "wb") as stream:
        stream.write(content)


def row(url: str) -> ManifestRow:
    return ManifestRow("P", url, None, NOTHING_STATED)


def test_files_are_fetched_with_their_folders_and_deleted(bucket: str, temporary: Path) -> None:
    put(f"{bucket}/p/slide 1/a.png", b"one")
    put(f"{bucket}/p/.hidden/b.png", b"two")
    with at_hand([row(f"{bucket}/p/")], DEFAULT_LIMITS) as ((here,), problems):
        assert [path.relative_to(here.path).as_posix() for path in here.path.rglob("*.png")] == [
            "slide 1/a.png"
        ]
        assert (here.path / "slide 1" / "a.png").read_bytes() == b"one"
    assert problems == []
    assert list(temporary.iterdir()) == []


def test_a_file_is_a_place_and_what_is_not_there_is_a_problem(bucket: str) -> None:
    put(f"{bucket}/p/a.png", b"one")
    with at_hand([row(f"{bucket}/p/a.png"), row(f"{bucket}/q")], DEFAULT_LIMITS) as (rows, problems):
        assert [each.path.name for each in rows] == ["a.png"]
        assert rows[0].path.read_bytes() == b"one"
    assert problems == [f"no such file or folder: {bucket}/q"]


def test_large_files_stay_where_they_are(bucket: str) -> None:
    put(f"{bucket}/p/a.png", b"1234")
    put(f"{bucket}/p/b.png", b"12")
    limits = replace(DEFAULT_LIMITS, max_bytes=3)
    with at_hand([row(f"{bucket}/p")], limits) as ((here,), problems):
        assert [path.name for path in here.path.iterdir()] == ["b.png"]
    assert problems == ["a.png was not fetched: it has more than 3 bytes, the limit"]


def test_too_much_for_one_patient_is_refused(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(f"{bucket}/p/a.png", b"1234")
    monkeypatch.setattr(inputs, "MOST_BYTES", 3)
    with pytest.raises(InputError, match="too much"), at_hand([row(f"{bucket}/p")], DEFAULT_LIMITS):
        pass


def test_names_never_lead_out_of_the_folder(bucket: str) -> None:
    system = fsspec.filesystem("memory")
    put(f"{bucket}/p/a.png", b"one")
    system.store["/bucket/p/../../b.png"] = system.store["/bucket/p/a.png"]
    with pytest.raises(InputError, match=r"\.\."), at_hand([row(f"{bucket}/p")], DEFAULT_LIMITS):
        pass


def test_what_a_killed_worker_fetched_is_deleted_by_the_next(bucket: str, temporary: Path) -> None:
    put(f"{bucket}/p/a.png", b"one")
    with at_hand([row(f"{bucket}/p")], DEFAULT_LIMITS):
        (own,) = temporary.iterdir()
        in_use = shutil.copytree(own, temporary / f"{own.name}-left")
        for folder in (own, in_use):
            long_ago = time.time() - 3600
            os.utime(folder, (long_ago, long_ago))
        with at_hand([row(f"{bucket}/p")], DEFAULT_LIMITS):
            assert own.exists()
            assert not in_use.exists()


def test_a_change_in_the_storage_is_seen(bucket: str) -> None:
    put(f"{bucket}/p/a.png", b"one")
    first = listed([row(f"{bucket}/p")])
    assert listed([row(f"{bucket}/p")]) == first
    put(f"{bucket}/p/a.png", b"two")
    assert listed([row(f"{bucket}/p")]) != first


def test_a_storage_that_nothing_reads_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="nonsense"):
        check_reachable([row("nonsense://bucket")])
    monkeypatch.setattr("marrowscope.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="remote"):
        check_reachable([row("s3://bucket")])
    check_reachable([row("/folder")])


def test_analyse_says_who_reads_object_storage(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("patient,path\nP,s3://bucket/p/\n", "utf-8")
    with pytest.raises(InputError, match="marrowscope batch"):
        marrowscope.analyse((), tmp_path / "out", manifest=tmp_path / "m.csv")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that answers as S3 does, with one bucket."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs", reason="needs the 'remote' extra")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": address, "skip_instance_cache": True})
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="smears")
    yield address
    server.stop()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore")
def test_a_batch_reads_s3_as_it_reads_folders(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Here()
    monkeypatch.setattr(run, "open_pool", lambda *_, **__: pool)
    write_fields(tmp_path / "p", 2, seed=90)
    system = fsspec.filesystem("s3")
    system.put(str(tmp_path / "p") + "/", "smears/p/", recursive=True)
    tables = {}
    for kind, place in (("folder", str(tmp_path / "p")), ("storage", "s3://smears/p/")):
        manifest = tmp_path / f"{kind}.csv"
        manifest.write_text(f"patient,path\nP,{place}\nQ,{place.replace('/p', '/q')}\n", "utf-8")
        settings = RunSettings(laboratory=read_laboratory(None))
        asked = Batch(manifest, tmp_path / kind, load_bundle(), settings)
        result = asked.run()
        assert result.failed == {}
        tables[kind] = (tmp_path / kind / "cells.csv").read_bytes()
        assert asked.run(resume=True).earlier == 2
    assert tables["storage"] == tables["folder"]
    rows = table(tmp_path / "storage" / "patients.csv")
    assert "no such file or folder: s3://smears/q/" in rows[1]["reasons"]
