"""A batch gives what one analysis of the same manifest gives, whoever reads and whatever dies."""

import csv
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from tests.batches.pools import Here
from tests.cohorts import blank, table, write_fields
from typer.testing import CliRunner, Result

import marrowscope
from marrowscope.batches import run, work
from marrowscope.batches.merge import merge
from marrowscope.batches.records import folder_of
from marrowscope.batches.run import Batch, BatchProgress
from marrowscope.batches.shards import Shard, shard_named
from marrowscope.cli.app import app
from marrowscope.cohort.settings import RunSettings
from marrowscope.errors import DamagedRecordError, InputError
from marrowscope.exports.case.laboratory import read_laboratory
from marrowscope.models.bundle import load_bundle
from marrowscope.synth.slide import Area, draw_slide

TABLES = ("patients.csv", "cells.csv", "megakaryocytes.csv")
NAMES = ("P 2", "P 10", "Ärztin/3", "gone", "empty", "shared")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    pool = Here()
    monkeypatch.setattr(run, "open_pool", lambda *_, **__: pool)
    return pool


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six patients: one without a folder, one without cells, two with a common image, one image broken."""
    folder = tmp_path_factory.mktemp("cohort")
    first = write_fields(folder / "a", 2, seed=70)
    write_fields(folder / "b", 1, seed=72)
    (folder / "b" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write_fields(folder / "c", 1, seed=73)
    blank(folder / "d" / "blank.png")
    (folder / "e").mkdir()
    shutil.copy(first[0], folder / "e" / "copy.png")
    rows = zip(NAMES, ("a", "b", "c", "none", "d", "e"), strict=True)
    lines = ["patient,path,specimen", *(f"{name},{place},marrow" for name, place in rows)]
    (folder / "patients.csv").write_text("\n".join(lines), "utf-8")
    return folder / "patients.csv"


@pytest.fixture(scope="module")
def small(manifest: Path) -> Path:
    """Two of them, in a folder of their own."""
    folder = manifest.parent / "small"
    for name in ("c", "d"):
        shutil.copytree(manifest.parent / name, folder / name)
    lines = ["patient,path", "Ärztin/3,c", "empty,d"]
    (folder / "patients.csv").write_text("\n".join(lines), "utf-8")
    return folder / "patients.csv"


@pytest.fixture(scope="module")
def analysed(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("analysed")
    marrowscope.analyse((), out, manifest=manifest)
    return out


def batch(manifest: Path, out: Path, *, shard: str = "1/1", workers: int = 1, engine: str = "local") -> Batch:
    settings = RunSettings(workers=workers, threads=1, engine=engine, laboratory=read_laboratory(None))
    return Batch(manifest, out, load_bundle(), settings, shard=shard_named(shard))


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


def same_tables(one: Path, other: Path) -> bool:
    return all(written(one / name) == written(other / name) for name in TABLES)


def written(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def test_killed_workers_change_no_byte(manifest: Path, analysed: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(progress: BatchProgress) -> None:
        """Kill one worker when the first patient is finished, when others are being read."""
        if progress.done < 1 or killed:
            return
        for each in psutil.Process().children():
            if "spawn_main" in " ".join(each.cmdline()):
                killed.append(each.pid)
                os.kill(each.pid, signal.SIGKILL)

    result = batch(manifest, tmp_path, workers=2).run(listener=kill)
    assert len(killed) >= 2
    assert result.failed == {}
    assert same_tables(tmp_path, analysed)


def test_shards_are_joined_in_the_order_of_the_manifest(
    here: Here, manifest: Path, analysed: Path, tmp_path: Path
) -> None:
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    held = [[name for name in NAMES if shard.holds(name)] for shard in shards]
    assert sorted(name for names in held for name in names) == sorted(NAMES)
    for shard in shards[:2]:
        result = batch(manifest, tmp_path / "own" / str(shard.number), shard=str(shard)).run()
        assert result.merged is None
    outs = [tmp_path / "own" / "1", tmp_path / "own" / "2"]
    assert set(merge(outs, tmp_path / "part").missing) == set(held[2])
    third = command(manifest, "-o", tmp_path / "own" / "3", "--shard", "3/3", "--json")
    assert third.exit_code == 0, third.output
    merged = merge([*outs, tmp_path / "own" / "3"], tmp_path / "all")
    assert merged.missing == ()
    assert same_tables(tmp_path / "all", analysed)


def test_the_record_of_a_batch_names_networks_settings_and_failures(
    here: Here, manifest: Path, tmp_path: Path
) -> None:
    done = command(manifest, "-o", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] == len(NAMES)
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["bundle"]["sha256"] == load_bundle().sha256
    assert [(each["patient"], each["field"]) for each in record["failures"]] == [("P 10", "broken.png")]
    assert [each["patient"] for each in record["patients"]] == [
        row["patient"] for row in table(tmp_path / "out" / "patients.csv")
    ]
    own = tmp_path / "out" / record["patients"][2]["folder"]
    assert (own / "report.html").is_file()


def test_a_finished_batch_is_not_read_again_and_a_changed_patient_is(
    here: Here, small: Path, tmp_path: Path
) -> None:
    cohort = shutil.copytree(small.parent, tmp_path / "cohort")
    copied, out = cohort / small.name, tmp_path / "out"
    batch(copied, out).run()
    with pytest.raises(InputError, match="--resume"):
        batch(copied, out).run()
    here.asked.clear()
    first = (out / "patients.csv").read_bytes()
    result = batch(copied, out).run(resume=True)
    assert (here.asked, result.earlier) == ([], 2)
    assert (out / "patients.csv").read_bytes() == first
    write_fields(cohort / "c", 2, seed=73)
    os.utime(cohort / "c" / "field_00.png", ns=(0, 0))
    batch(copied, out).run(resume=True)
    assert here.asked == ["Ärztin/3"]
    rows = {row["patient"]: row for row in table(out / "patients.csv")}
    assert rows["Ärztin/3"]["fields"] == "2"


def test_another_rule_needs_no_new_reading_and_another_scale_is_refused(
    here: Here, small: Path, tmp_path: Path
) -> None:
    arguments = (small, "-o", tmp_path, "--quiet")
    assert command(*arguments).exit_code == 0
    again = command(*arguments, "--resume", "--rule", "who-2022")
    assert again.exit_code == 0, again.output
    assert {row["rule"] for row in table(tmp_path / "patients.csv")} == {"who-2022"}
    refused = command(*arguments, "--resume", "--mpp", "0.1")
    assert refused.exit_code == 2
    assert "mpp" in refused.stderr
    assert command(*arguments, "--overwrite", "--mpp", "0.1").exit_code == 0


def test_a_patient_on_whom_workers_die_has_a_row_with_the_reason(
    here: Here, manifest: Path, analysed: Path, tmp_path: Path
) -> None:
    here.deadly = {"P 10": 3, "P 2": 2}
    done = command(manifest, "-o", tmp_path, "--quiet")
    assert done.exit_code == 1
    assert "1 patient could not be read" in done.stderr
    rows = {row["patient"]: row for row in table(tmp_path / "patients.csv")}
    assert list(rows) == [row["patient"] for row in table(analysed / "patients.csv")]
    assert "3 worker processes" in rows["P 10"]["reasons"]
    assert rows["P 10"]["decision"] == "insufficient"
    assert here.asked.count("P 2") == 3
    assert command(manifest, "-o", tmp_path, "--quiet", "--resume").exit_code == 0
    assert same_tables(tmp_path, analysed)


def test_a_fault_in_the_software_costs_one_patient(
    here: Here, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(reader: object, task: work.PatientTask) -> None:
        if task.patient == "empty":
            raise ZeroDivisionError("three by nought")
        read(reader, task)  # type: ignore[arg-type]  # a reader

    read = work._read
    monkeypatch.setattr(work, "_read", fail)
    result = batch(small, tmp_path).run()
    assert list(result.failed) == ["empty"]
    assert "three by nought" in result.failed["empty"]


def test_shards_of_other_patients_are_not_joined(here: Here, manifest: Path, tmp_path: Path) -> None:
    for name in ("P", "Q"):
        (tmp_path / f"{name}.csv").write_text(f"patient,path\n{name},{manifest.parent / 'd'}\n", "utf-8")
        batch(tmp_path / f"{name}.csv", tmp_path / name).run()
    with pytest.raises(InputError, match="different manifests"):
        merge([tmp_path / "P", tmp_path / "Q"], tmp_path / "all")


def test_shards_of_other_settings_are_not_joined(here: Here, manifest: Path, tmp_path: Path) -> None:
    names = [next(f"p{n}" for n in range(9) if Shard(k, 2).holds(f"p{n}")) for k in (1, 2)]
    lines = ["patient,path", *(f"{name},{manifest.parent / 'd'}" for name in names)]
    (tmp_path / "m.csv").write_text("\n".join(lines), "utf-8")
    for number in ("1", "2"):
        shard = ("--shard", f"{number}/2", "--target-cells", f"30{number}")
        assert command(tmp_path / "m.csv", "-o", tmp_path / number, *shard, "-q").exit_code == 0
    refused = command("merge", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "all")
    assert refused.exit_code == 2
    assert ": target;" in refused.stderr


def test_shards_with_and_without_pictures_are_joined(here: Here, small: Path, tmp_path: Path) -> None:
    whole = batch(small, tmp_path / "whole").run()
    assert whole.merged is not None
    assert whole.merged.patients == 2
    outs = [tmp_path / "with", tmp_path / "without"]
    for out, more, finished in zip(outs, ((), ("--no-pictures",)), ("Ärztin/3", "empty"), strict=True):
        assert command(small, "-o", out, *more, "-q").exit_code == 0
        (other,) = {"Ärztin/3", "empty"} - {finished}
        shutil.rmtree(folder_of(out, other))
    merged = merge(outs, tmp_path / "all")
    assert merged.missing == ()
    assert same_tables(tmp_path / "all", tmp_path / "whole")
    settings = json.loads((tmp_path / "all" / "run.json").read_text("utf-8"))["settings"]
    assert settings["pictures"] == "false, true"


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five patients: two with a field that holds megakaryocytes, one with none, small fields, and blood."""
    folder = tmp_path_factory.mktemp("wide")
    for name, seed, large in (("a", 8, 1), ("b", 9, 2), ("c", 10, 0)):
        areas = np.full((14, 16), Area.MONOLAYER, np.uint8)
        slide = draw_slide(seed, mpp=0.25, areas=areas, megakaryocytes=large)
        (folder / name).mkdir()
        Image.fromarray(slide.pixels).save(folder / name / "wide.png", dpi=(25_400 / 0.25,) * 2)
    write_fields(folder / "d", 1, seed=74)
    lines = ["patient,path,specimen", "P 9,b,marrow", "P 10,a,marrow", "P 2,d,marrow", "P 1,c,marrow"]
    (folder / "patients.csv").write_text("\n".join([*lines, "P 3,a,blood"]), "utf-8")
    return folder / "patients.csv"


def test_megakaryocytes_of_all_patients_are_those_of_one_analysis(
    here: Here, wide: Path, tmp_path: Path
) -> None:
    marrowscope.analyse((), tmp_path / "analysed", manifest=wide)
    found = [row["patient"] for row in table(tmp_path / "analysed" / "megakaryocytes.csv")]
    assert list(dict.fromkeys(found)) == ["P 9", "P 10"], "in the manifest's order"
    batch(wide, tmp_path / "whole").run()
    assert same_tables(tmp_path / "whole", tmp_path / "analysed")
    outs = [tmp_path / str(number) for number in (1, 2)]
    for number, out in enumerate(outs, start=1):
        batch(wide, out, shard=f"{number}/2").run()
    merge(outs, tmp_path / "all")
    assert same_tables(tmp_path / "all", tmp_path / "analysed")
    lost = folder_of(tmp_path / "whole", "P 10") / "megakaryocytes.csv"
    lost.unlink()
    with pytest.raises(DamagedRecordError, match="megakaryocytes of P 10"):
        merge([tmp_path / "whole"], tmp_path / "whole")
    batch(wide, tmp_path / "whole").run(resume=True)
    assert same_tables(tmp_path / "whole", tmp_path / "analysed")


def test_where_none_could_be_seen_no_earlier_table_of_them_stays(
    here: Here, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "megakaryocytes.csv").write_text("of other images", "utf-8")
    batch(small, tmp_path).run()
    assert not (tmp_path / "megakaryocytes.csv").exists()


def test_what_was_lost_of_a_finished_patient_is_told(here: Here, small: Path, tmp_path: Path) -> None:
    batch(small, tmp_path).run()
    (folder_of(tmp_path, "Ärztin/3") / "cells.csv").unlink()
    with pytest.raises(DamagedRecordError, match="Ärztin"):
        merge([tmp_path], tmp_path)
    batch(small, tmp_path).run(resume=True)
    with (tmp_path / "cells.csv").open(newline="", encoding="utf-8") as stream:
        assert {row[0] for row in csv.reader(stream)} > {"Ärztin/3"}


def test_patients_never_share_a_folder(here: Here, manifest: Path, tmp_path: Path) -> None:
    place = manifest.parent / "d"
    (tmp_path / "m.csv").write_text(f"patient,path\nOne,{place}\none,{place}\n", "utf-8")
    with pytest.raises(InputError, match="share a folder"):
        batch(tmp_path / "m.csv", tmp_path / "out").run()
    (tmp_path / "m.csv").write_text(f"patient,path\nrun.json,{place}\n", "utf-8")
    batch(tmp_path / "m.csv", tmp_path / "out").run()
    assert (tmp_path / "out" / "run.json").is_file()


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/3"])
def test_a_shard_that_does_not_exist_is_told(text: str) -> None:
    with pytest.raises(InputError, match="2/8"):
        shard_named(text)


def test_usage_errors_are_one_line(tmp_path: Path) -> None:
    blank(tmp_path / "p" / "a.png")
    (tmp_path / "m.csv").write_text("patient,path\nP,p\n", "utf-8")
    for arguments in (
        [tmp_path / "none.csv"],
        [tmp_path / "m.csv", "--engine", "slurm"],
        [tmp_path / "m.csv", "--shard", "9/8"],
        [tmp_path / "m.csv", "--rule", "mine"],
        ["merge", tmp_path, "-o", tmp_path / "all"],
    ):
        done = command(*arguments, "-o", tmp_path / "out")
        assert done.exit_code == 2, (arguments, done.output)
        assert done.stderr.count("\n") == 1


def test_the_results_of_an_analysis_are_not_mixed_with_a_batch(manifest: Path, analysed: Path) -> None:
    with pytest.raises(InputError, match="another folder"):
        batch(manifest, analysed).run(overwrite=True)
