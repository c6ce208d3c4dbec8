"""What the page on clusters says can be done: its commands parse, and so do the files to copy."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from marrowscope.batches.shards import shard_named
from marrowscope.cli.app import app

ROOT = Path(__file__).parents[2]
FILES = ROOT / "packaging" / "cluster"
PAGE = ROOT / "docs" / "how-to" / "cluster.md"
VARIABLES = {
    "$MANIFEST": "patients.csv",
    "$RESULTS": "/shared/results",
    "$SLURM_ARRAY_TASK_ID": "3",
    "$SLURM_ARRAY_TASK_COUNT": "8",
    "$SLURM_CPUS_PER_TASK": "4",
    "$((JOB_COMPLETION_INDEX + 1))": "8",
}


def commands() -> list[list[str]]:
    """List the commands of the page and of the files to copy."""
    found = []
    for path in (PAGE, *FILES.iterdir()):
        text = path.read_text("utf-8")
        for variable, value in VARIABLES.items():
            text = text.replace(variable, value)
        found += [
            shlex.split(line) for line in re.findall(r"^(?: +|.*exec )?marrowscope (batch .*)$", text, re.M)
        ]
    for document in documents():
        (container,) = document["spec"]["template"]["spec"]["containers"]
        if "command" not in container:
            found.append(container["args"])
    return found


def documents() -> list[dict[str, Any]]:
    """Return those for Kubernetes."""
    found = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(FILES.glob("*.yaml"))]
    return [each for each in found if "kind" in each]


def test_commands_parse() -> None:
    root = typer.main.get_command(app)
    asked = commands()
    assert len(asked) >= 7
    for words in asked:
        with root.make_context("marrowscope", list(words)) as context:
            _, command, left = root.resolve_command(context, list(words))  # type: ignore[attr-defined]  # a group
            made = command.make_context(command.name, left)
        if "shard" in made.params:
            shard_named(made.params["shard"])


def test_a_merge_is_told_from_a_manifest() -> None:
    assert {words[1] == "merge" for words in commands()} == {True, False}


@pytest.mark.parametrize("path", sorted(FILES.glob("*.sbatch")), ids=lambda path: path.name)
def test_job_scripts_are_shell(path: Path) -> None:
    checked = subprocess.run(["/bin/sh", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_every_pod_has_a_shard_of_its_own() -> None:
    job = next(each for each in documents() if each["spec"].get("completionMode") == "Indexed")
    spec = job["spec"]
    assert f"/{spec['completions']} " in spec["template"]["spec"]["containers"][0]["args"][0]


def test_every_file_to_copy_is_named() -> None:
    page = PAGE.read_text("utf-8")
    assert not [
        path.name
        for path in FILES.iterdir()
        if f"({path.relative_to(ROOT)})".replace("(", "(../../") not in page
    ]
