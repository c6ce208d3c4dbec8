"""How much of the package the tests run, a line per package: `python -m pytest -p tests.measured`.

Measured by SlipCover: the package's modules have their lines marked when they are imported, and a mark goes
once its line has run; from Python 3.12 on the interpreter itself does so. A tracer is called for the lines of
every library instead: on Python 3.11 it took 20 to 70 % more processor time, folder by folder.

Tests that run side by side (`-n`) are measured in each process, and the marks are put together at the end.
What marrowscope's own workers and commands run in processes of their own is not counted.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from slipcover import Slipcover, merge_coverage
from slipcover.importer import SlipcoverLoader

PACKAGE = "marrowscope"
# Before Python 3.12, every function of the package is searched for when a mark that has done its work was met
# so often: a search takes as long as a million such meetings, and after fifty it was most of what this costs.
_MET = 1_000_000
SOURCES = Path(__file__).resolve().parents[1] / "src" / PACKAGE


class Finder(MetaPathFinder):
    """Finds the package's own modules and has their lines marked; leaves all others to Python."""

    def __init__(self, cover: Slipcover) -> None:
        self._cover = cover

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of the package."""
        if not f"{fullname}.".startswith(f"{PACKAGE}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = SlipcoverLoader(self._cover, spec.loader, spec.loader.path)
        return spec


def table(files: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Sum lines run and lines there are by package, the whole in the last row."""
    ran: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for name, seen in files.items():
        inside = Path(name).resolve().relative_to(SOURCES)
        for group in (inside.parts[0] if len(inside.parts) > 1 else "(modules)", "all"):
            ran[group] += len(seen["executed_lines"])
            lines[group] += len(seen["executed_lines"]) + len(seen["missing_lines"])
    return [(name, ran[name], lines[name]) for name in [*sorted(set(lines) - {"all"}), "all"]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what ran here to the process that prints the table, where that is another."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["coverage"] = json.dumps(cover.get_coverage())


class Gathered:
    """What ran in the processes among which the tests were dealt out (hooks of pytest-xdist)."""

    def __init__(self) -> None:
        self.coverage: list[Mapping[str, Any]] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Keep what a process that ends has sent."""
        if "coverage" in getattr(node, "workeroutput", {}):
            self.coverage.append(json.loads(node.workeroutput["coverage"]))


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the processes among which the tests are dealt out."""
    config.pluginmanager.register(gathered)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    terminalreporter.section(f"lines of {PACKAGE} that the tests ran")
    whole = cover.get_coverage()
    for coverage in gathered.coverage:
        merge_coverage(whole, coverage)
    for name, ran, lines in table(whole["files"]):
        share = 100 * ran / lines if lines else 100
        terminalreporter.write_line(f"{name:<14}{ran:>7,} of {lines:>7,}{share:>8.1f} %")


gathered = Gathered()
cover = Slipcover(source=[str(SOURCES)], omit=["*/node_modules/*"], d_miss_threshold=_MET)
sys.meta_path.insert(0, Finder(cover))
