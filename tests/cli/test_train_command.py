"""``marrowscope train``: what it refuses, in one line and with exit code 2, before anything is read."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app

FIELDS = '[[source]]\npath = "a"\nlayout = "voc"\nmpp = 0.1\n'


def train(*words: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, words)])


def refused(answer: Result, message: str) -> None:
    assert answer.exit_code == 2, answer.stderr
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--resume"], "adapting takes no --resume"),
        (["--set", "steps = 3"], "adapting takes no --set"),
        (["--set", "steps = 3", "--resume"], "adapting takes no --set and no --resume"),
    ],
)
def test_adapting_ignores_nothing_silently(tmp_path: Path, option: list[str], message: str) -> None:
    refused(train("classifier", "--from", "builtin", "--data", tmp_path, *option), message)
    refused(train("classifier", "--from", "builtin", "--reviews", tmp_path / "t.zip", *option), message)


@pytest.mark.parametrize("option", [["--layout", "yolo"], ["--mpp", "0.2"], ["--steps", "3"]])
def test_a_recipe_states_its_sources_and_schedule_itself(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "r.toml").write_text(FIELDS)
    answer = train("detector", "--data", tmp_path, "--recipe", tmp_path / "r.toml", *option)
    refused(answer, f"leave out {option[0]}")


def test_a_network_starts_from_one_place(tmp_path: Path) -> None:
    answer = train("detector", "--data", tmp_path, "--mpp", 0.1, "--init", "w.npz", "--from", "builtin")
    refused(answer, "--init or --from, not both")


@pytest.mark.train
def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text(FIELDS)
    (tmp_path / "c.toml").write_text('[[cells]]\npath = "a"\nmpp = 0.1\n')
    for network, recipe in (("detector", "d.toml"), ("classifier", "c.toml")):
        command = ("--data", tmp_path, "--recipe", tmp_path / recipe, "-o", tmp_path / "out", "--resume")
        refused(train(network, *command), "no checkpoint to resume from")
    assert not (tmp_path / "out").exists()


@pytest.mark.train
def test_settings_change_without_a_recipe_too(tmp_path: Path) -> None:
    command = ("detector", "--data", tmp_path, "--mpp", 0.1, "--set")
    refused(train(*command, "stepz = 3"), "unknown settings: stepz")
    refused(train(*command, "warm_up_steps = 3"), "warm_up_steps is now called warm_up")


@pytest.mark.train
def test_old_words_of_a_recipe_are_named(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('[[cells]]\npath = "a"\num_per_px = 0.1\n')
    answer = train("classifier", "--data", tmp_path, "--recipe", tmp_path / "r.toml")
    refused(answer, "cells: um_per_px is now called mpp")
