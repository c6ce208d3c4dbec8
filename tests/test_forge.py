"""Hooks and workflow run what a person is told to run."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = ".github/workflows/tests.yml"
SETUP = "actions/setup-python@"


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def recipe(target: str) -> list[str]:
    """Give the commands of a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", makefile, re.MULTILINE)
    assert found is not None
    return [line.strip().removeprefix("@") for line in found[1].splitlines()]


def test_hooks_are_the_commands_of_make_check() -> None:
    (local,) = read(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    entries = [hook["entry"] for hook in local["hooks"]]
    assert entries == [command.replace("$(BIN)", ".venv/bin") for command in recipe("check")]
    assert not any(hook["pass_filenames"] for hook in local["hooks"])


def test_the_workflow_runs_the_commands_of_the_readme() -> None:
    (job,) = read(WORKFLOW)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    told = re.findall(r"^    (make \S+)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert told == ["make demo", "make test"]
    assert [command for command in commands if command.startswith("make")] == told
    for command in commands:
        assert all((ROOT / word).exists() for word in shlex.split(command) if "/" in word), command


def test_the_workflow_runs_on_every_python_that_is_promised() -> None:
    (job,) = read(WORKFLOW)["jobs"].values()
    setup = [step["with"] for step in job["steps"] if step.get("uses", "").startswith(SETUP)]
    assert setup == [{"python-version": "${{ matrix.python }}"}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = job["strategy"]["matrix"]["python"]
    assert [f"Programming Language :: Python :: {version}" for version in versions] == [
        line for line in project["classifiers"] if line.startswith("Programming Language")
    ]
    assert project["requires-python"] == f">={versions[0]}"


def test_the_workflow_may_only_read() -> None:
    assert read(WORKFLOW)["permissions"] == {"contents": "read"}
