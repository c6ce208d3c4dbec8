"""The command line as a user meets it: help, results on stdout, errors in one line."""

import csv
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from tests.cohorts import write_fields
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app
from marrowscope.cli.console import UNREAD
from marrowscope.exports.tables import CELL_COLUMNS


def names_of(command: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """Walk over the commands that can be called, by their words."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield words
    for name, each in sorted(inner.items()):
        yield from names_of(each, *words, *name.split())


COMMANDS = list(names_of(typer.main.get_command(app)))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in") / "patient"
    write_fields(folder, 2, seed=60)
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_an_option_takes_is_never_broken_at_80_columns(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = [re.sub(r"\[[^]]*\]", "", line) for line in run(*command, "--help").output.splitlines()]
    assert not [line for line in lines if line.count("<") != line.count(">")]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    answer = run(*command, "--help")
    assert answer.exit_code == 0
    assert f"marrowscope {' '.join(command)}" in " ".join(answer.stdout.split())
    assert "Example:" in answer.stdout


def test_the_walk_finds_all_kinds_of_commands() -> None:
    assert {("analyse",), ("export",), ("doctor",), ("batch", "merge"), ("train", "classifier")} <= set(
        COMMANDS
    )


def test_a_layout_that_is_not_written_is_refused_before_a_set_is_read(tmp_path: Path) -> None:
    answer = run("data", "convert", tmp_path / "nowhere", "-o", tmp_path / "out", "--to", "parquet")
    assert answer.exit_code == 2
    assert "no layout parquet to write" in answer.stderr


def test_analyse_prints_json_for_programs(patient: Path, tmp_path: Path) -> None:
    answer = run("analyse", patient, "-o", tmp_path, "--json", "--min-cells", 1, "--threshold", 30)
    assert answer.exit_code == 0, answer.stderr
    (row,) = json.loads(answer.stdout)
    assert row["patient"] == "patient"
    assert row["rule"] == "custom"
    assert row["decision"] in {"positive", "negative", "indeterminate"}


def test_an_earlier_run_is_not_overwritten_unasked(patient: Path, tmp_path: Path) -> None:
    assert run("analyse", patient, "-o", tmp_path, "-q").exit_code == 0
    before = (tmp_path / "patients.csv").read_bytes()
    refused = run("analyse", patient, "-o", tmp_path)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert run("analyse", patient, "-o", tmp_path, "-q", "--resume").exit_code == 0
    assert (tmp_path / "patients.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analyse"], "nothing to analyse"),
        (["analyse", "no-such-folder", "-o", "{out}"], "no-such-folder"),
        (["analyse", "{in}", "-o", "{out}", "--rule", "who-1999"], "who-1999"),
        (["analyse", "{in}", "-o", "{out}", "--threshold", "120"], "120"),
        (["analyse", "{in}", "-o", "{out}", "--mpp", "9"], "0.005 to 5"),
        (["analyse", "{in}", "-o", "{out}", "--bundle", "none"], "no bundle none"),
        (["analyse", "{in}", "-o", "{out}", "--blast-equivalents", "platelet"], "platelet is not a counted"),
        (["bundle", "show", "none"], "no bundle none"),
        (["data", "check", "no-such-folder"], "no-such-folder"),
        (["evaluate", "detector", "--data", "no-such-folder"], "no-such-folder"),
        (["evaluate", "classifier", "--data", "no-such-folder"], "no-such-folder"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, patient: Path, tmp_path: Path
) -> None:
    answer = run(
        *(a.replace("{in}", str(patient)).replace("{out}", str(tmp_path / "out")) for a in arguments)
    )
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert "Traceback" not in answer.output


def test_detect_and_classify_agree_on_the_cells(patient: Path) -> None:
    image = next(patient.glob("*.png"))
    boxes = json.loads(run("detect", image, "--json").stdout)
    named = json.loads(run("classify", image, "--json").stdout)
    assert [cell["box"] for cell in boxes[0]["cells"]] == [cell["box"] for cell in named[0]["cells"]]
    assert len(named[0]["cells"]) >= 4


def test_rows_for_people_have_heads(patient: Path) -> None:
    image = next(patient.glob("*.png"))
    for command, last in (("detect", "score"), ("classify", "probability")):
        title, heads, first, *_ = run(command, image).stdout.splitlines()
        assert title.startswith(f"{image}: ")
        assert heads.split()[0] == "x0,"
        assert heads.split()[-1] == last
        assert float(first.split()[0]) >= 0


def test_an_image_that_is_not_there_is_named_once_and_has_no_cells(tmp_path: Path) -> None:
    answer = run("detect", tmp_path / "none.jpg")
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert answer.stderr.count(str(tmp_path / "none.jpg")) == 1


@pytest.mark.skipif(not hasattr(select, "poll"), reason="pipes of this system tell nothing")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_where_nobody_reads_on_a_command_ends_without_a_word(unbuffered: str) -> None:
    command = [sys.executable, "-m", "marrowscope", "bundle", "list"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command,
            stdout=writer,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    finally:
        os.close(writer)
    assert done.stderr == b""
    assert done.returncode == UNREAD


def test_one_bad_image_does_not_stop_the_others(patient: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no image")
    answer = run("detect", tmp_path / "bad.png", next(patient.glob("*.png")), "--json")
    assert answer.exit_code == 2
    rows = json.loads(answer.stdout)
    assert rows[0]["error"]
    assert rows[1]["cells"]


def test_the_built_in_bundle_verifies() -> None:
    answer = run("bundle", "verify", "--json")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["intact"]
    assert "Limits" in run("bundle", "show").stdout or "limits" in run("bundle", "show").stdout


def test_a_set_is_split_by_blocks_and_written(tmp_path: Path) -> None:
    for kind in ("blast", "lymphocyte"):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (40, 40), "white").save(tmp_path / "set" / kind / f"{number}.png")
    out = tmp_path / "split.csv"
    answer = run("data", "split", tmp_path / "set", "-o", out, "--parts", "train=0.6,test=0.4", "--json")
    assert json.loads(answer.stdout)["parts"] == {"train": 12, "test": 8}
    rows = list(csv.DictReader(out.read_text("utf-8").splitlines()))
    blasts = [row for row in rows if "/blast" in row["kind"]]
    assert [Path(row["path"]).stem for row in blasts if row["part"] == "train"] == list("012345")
    faulty = run("data", "split", tmp_path / "set", "-o", out, "--parts", "train")
    assert (faulty.exit_code, faulty.stderr.count("\n")) == (2, 1)


def test_reviewed_cells_become_a_folder_per_type(tmp_path: Path) -> None:
    (tmp_path / "patients" / "P1").mkdir(parents=True)
    Image.new("RGB", (100, 50), "white").save(tmp_path / "patients" / "P1" / "a.png")
    table = tmp_path / "cells.csv"
    columns = (*CELL_COLUMNS, "reviewed_type")
    values = "P1,a.png,1,10.0,10.0,30.0,30.0,0.9,blast,0.8,0.8,true,true,,monocyte"
    table.write_text(f"{','.join(columns)}\n{values}\n")
    command = ("data", "convert", table, "--images", tmp_path / "patients", "--to", "cells", "-o")
    assert "1 field, 1 box" in run(*command, tmp_path / "new").stdout
    assert [p.relative_to(tmp_path / "new").as_posix() for p in (tmp_path / "new").rglob("*.png")] == [
        "monocyte/P1@a_0.png"
    ]
    table.write_text(table.read_text().replace("a.png", "../../a.png"))
    refused = run(*command, tmp_path / "other")
    assert (refused.exit_code, refused.stderr.count("\n"), "leads out" in refused.stderr) == (2, 1, True)


def test_the_known_sets_are_listed() -> None:
    sets = json.loads(run("data", "list", "--json").stdout)
    assert {"bccd", "bmc", "lmu", "cnmc"} <= {known["id"] for known in sets}
    assert "bmc" in run("data", "list").stdout


def test_a_set_is_converted_into_a_new_folder_only(tmp_path: Path) -> None:
    (tmp_path / "set" / "images").mkdir(parents=True)
    (tmp_path / "set" / "labels").mkdir()
    Image.new("RGB", (100, 50), "white").save(tmp_path / "set" / "images" / "a.png")
    (tmp_path / "set" / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.4\n")
    command = ("data", "convert", tmp_path / "set", "--to", "coco", "-o", tmp_path / "new")
    assert "1 field, 1 box" in run(*command).stdout
    document = json.loads((tmp_path / "new" / "annotations.coco.json").read_text("utf-8"))
    assert document["annotations"][0]["bbox"] == pytest.approx([40, 15, 20, 20])
    again = run(*command)
    assert (again.exit_code, "not empty" in again.stderr) == (2, True)
