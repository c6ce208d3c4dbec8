"""The public names of the package, and that importing it is light."""

import subprocess
import sys

import marrowscope

HEAVY = ("torch", "onnxruntime", "scipy", "matplotlib", "monai", "PIL", "fastapi", "sqlalchemy", "pydantic")


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split("\n")[-2].split())


def test_public_names_are_sorted_and_there() -> None:
    assert list(marrowscope.__all__) == sorted(marrowscope.__all__)
    for name in marrowscope.__all__:
        assert getattr(marrowscope, name) is not None
    assert set(dir(marrowscope)) == set(marrowscope.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(marrowscope, "diagnose")


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_after("import marrowscope").intersection(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    run = "CliRunner().invoke(app, ['--help'])"
    imports = "from typer.testing import CliRunner; from marrowscope.cli.app import app"
    assert not loaded_after(f"{imports}; {run}").intersection(HEAVY)
