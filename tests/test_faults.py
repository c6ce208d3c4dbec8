"""Every write of a run fails once: the command says so in a line, and what was recorded is not read again."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import marrowscope
from marrowscope.cli.app import app
from marrowscope.cohort import reader as cohort
from marrowscope.cohort.settings import RunSettings
from marrowscope.engines import looking
from marrowscope.engines.reading import read_here
from marrowscope.pipeline import FieldReader, FieldResult, FieldTask
from tests.cohorts import write_fields
from tests.faults import Here, fault
from tests.imaging.files.encoded import stack_of, textured

SAME = ("patients.csv", "cells.csv")
PICTURES = "annotated"
_PARTS = 6


class Known:
    """The readings of fields that were read before, so that a run takes no time; which were read again."""

    def __init__(self) -> None:
        self.results: dict[str, FieldResult] = {}
        self.read: list[str] = []

    def __call__(self, reader: FieldReader, tasks: Iterable[FieldTask]) -> Iterator[FieldResult]:
        for task in tasks:
            self.read.append(task.source.name)
            if task.sha256 not in self.results:
                (self.results[task.sha256],) = read_here(reader, [task])
            yield self.results[task.sha256]


@pytest.fixture(scope="module")
def patients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A field with cells, and a file of two fields without."""
    folder = tmp_path_factory.mktemp("in") / "P1"
    write_fields(folder, 1, seed=80)
    (folder / "two.tif").write_bytes(stack_of(textured(1), textured(2)))
    return folder


@pytest.fixture(scope="module")
def known() -> Known:
    return Known()


@pytest.fixture
def run(patients: Path, known: Known, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `analyse` as a user does, with readings that are known."""
    monkeypatch.setattr(looking, "WorkerPool", Here)
    monkeypatch.setattr(cohort, "read_here", known)
    reader = FieldReader(marrowscope.load_bundle(), RunSettings().reading)
    monkeypatch.setattr(reader, "measure_patient", lambda _: {})
    monkeypatch.setattr(cohort, "FieldReader", lambda *_: reader)

    def analyse(out: Path, *options: str) -> Result:
        known.read.clear()
        return CliRunner().invoke(app, ["analyse", str(patients), "-o", str(out), "-q", *options])

    return analyse


def files_of(out: Path) -> dict[str, bytes]:
    pictures = [path.relative_to(out).as_posix() for path in sorted((out / PICTURES).rglob("*.jpg"))]
    return {name: (out / name).read_bytes() for name in (*SAME, *pictures)}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_write_of_a_run_may_fail(
    run: Callable[..., Result], known: Known, tmp_path: Path, part: int
) -> None:
    with fault(tmp_path / "whole", None) as counted:
        assert run(tmp_path / "whole").exit_code == 0
    assert counted.seen > 40
    undisturbed, fields = files_of(tmp_path / "whole"), len(known.read)
    for at in range(part, counted.seen, _PARTS):
        out, how = tmp_path / str(at), (errno.ENOSPC, errno.EIO)[at // _PARTS % 2]
        with fault(out, at, how) as failing:
            answer = run(out)
        assert failing.happened
        if answer.exit_code == 0:  # what is only tidied up may stay behind
            assert files_of(out) == undisturbed
            continue
        assert answer.exit_code == 1, (at, answer.stderr)
        assert answer.stderr.count("\n") == 1, answer.stderr
        assert os.strerror(how) in answer.stderr
        recorded = sum(b'"status"' in path.read_bytes() for path in out.glob(".marrowscope/fields/*.json"))
        again = run(out, "--resume")
        assert again.exit_code == 0, (at, again.stderr)
        assert len(known.read) == fields - recorded
        assert files_of(out) == undisturbed


KILLED = """
import sys
from pathlib import Path
from tests.faults import Here, fault
from marrowscope.cli.app import app
patients, out, at = sys.argv[1:]
with fault(Path(out), int(at), "kill"):
    app(["analyse", patients, "-o", out, "-q"])
"""


@pytest.fixture(scope="module")
def whole(patients: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed run writes."""
    out = tmp_path_factory.mktemp("whole")
    marrowscope.analyse(patients, out)
    return files_of(out)


@pytest.mark.slow
@pytest.mark.parametrize("at", [2, 15, 28])
def test_a_run_killed_at_a_write_goes_on(
    patients: Path, whole: dict[str, bytes], tmp_path: Path, at: int
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(patients), str(out), str(at)]
    assert subprocess.run(command, env=environment, check=False).returncode == 137
    marrowscope.analyse(patients, out, resume=True)
    assert files_of(out) == whole
