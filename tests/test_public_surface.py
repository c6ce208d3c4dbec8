"""The public names of the package, and that importing it is light."""

import ast
import subprocess
import sys
from pathlib import Path

import marrowscope

HEAVY = ("torch", "onnxruntime", "scipy", "matplotlib", "monai", "PIL", "fastapi", "sqlalchemy", "pydantic")


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split("\n")[-2].split())


def test_public_names_are_sorted_and_there() -> None:
    assert list(marrowscope.__all__) == sorted(marrowscope.__all__)
    for name in dir(marrowscope):
        assert getattr(marrowscope, name) is not None
    assert set(dir(marrowscope)) == {*marrowscope.__all__, "open"}


def test_importing_all_names_leaves_the_built_in_open() -> None:
    code = "from marrowscope import *; import builtins; print(open is builtins.open, callable(analyse))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "True"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(marrowscope, "diagnose")


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import marrowscope").intersection(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    run = "CliRunner().invoke(app, ['--help'])"
    imports = "from typer.testing import CliRunner; from marrowscope.cli.app import app"
    assert not loaded_after(f"{imports}; {run}").intersection(HEAVY)


def test_every_public_name_is_checked_for_its_types() -> None:
    tree = ast.parse((Path(__file__).parent / "typing" / "api.py").read_text("utf-8"))
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    checked = {use.attr for use in uses if isinstance(use.value, ast.Name) and use.value.id == "marrowscope"}
    assert checked == set(dir(marrowscope))
