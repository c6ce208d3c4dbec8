"""The table of how much the tests ran: right, and of the package alone."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module", params=[0, 2], ids=["one process", "side by side"])
def printed(request: pytest.FixtureRequest) -> str:
    options = ["-p", "tests.measured", "-q", "-n", str(request.param), "--dist", "loadfile"]
    command = [sys.executable, "-m", "pytest", *options, "tests/domain/test_percent.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(printed: str) -> dict[str, tuple[int, int]]:
    found = re.findall(r"^(\S+)\s+([\d,]+) of\s+([\d,]+)\s+[\d.]+ %$", printed, re.MULTILINE)
    return {name: (int(ran.replace(",", "")), int(of.replace(",", ""))) for name, ran, of in found}


def test_every_package_has_its_line(printed: str) -> None:
    package = ROOT / "src" / "marrowscope"
    holding = {path.parent.name for path in package.glob("*/*.py")}
    assert holding <= set(rows(printed))


def test_what_ran_is_counted_and_what_did_not_is_not(printed: str) -> None:
    table = rows(printed)
    ran, lines = table["domain"]
    assert 20 < ran < lines  # the tests of one of its modules
    assert table["synth"][0] == 0 < table["synth"][1]
    whole = table.pop("all")
    assert whole == (sum(ran for ran, _ in table.values()), sum(lines for _, lines in table.values()))
