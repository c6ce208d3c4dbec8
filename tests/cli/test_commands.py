"""The command line as a user meets it: help, results on stdout, errors in one line."""

import json
from pathlib import Path

import pytest
from tests.cohorts import write_fields
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app

COMMANDS = [
    ["analyse"],
    ["demo"],
    ["detect"],
    ["classify"],
    ["evaluate", "detector"],
    ["evaluate", "classifier"],
    ["evaluate", "patients"],
    ["evaluate", "bundle"],
    ["train", "detector"],
    ["train", "classifier"],
    ["data", "check"],
    ["bundle", "list"],
    ["bundle", "show"],
    ["bundle", "verify"],
    ["bundle", "build"],
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in") / "patient"
    write_fields(folder, 2, seed=60)
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str]) -> None:
    answer = run(*command, "--help")
    assert answer.exit_code == 0
    assert f"marrowscope {' '.join(command)}" in " ".join(answer.stdout.split())
    assert "Example:" in answer.stdout


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
        (["analyse", "{in}", "-o", "{out}", "--mpp", "9"], "--mpp"),
        (["analyse", "{in}", "-o", "{out}", "--bundle", "none"], "no bundle none"),
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
