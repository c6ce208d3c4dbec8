"""How much of the package the tests run, a line per package: `python -m pytest -p tests.measured`.

Measured by SlipCover: the package's modules have their lines marked when they are imported, and a mark goes
once its line has run; from Python 3.12 on the interpreter itself does so. A tracer is called for the lines of
every library instead: on Python 3.11 it took 20 to 70 % more processor time, folder by folder. This takes two
seconds in all, and a few per cent.

What worker processes and commands run in processes of their own is not counted.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from slipcover import Slipcover
from slipcover.importer import SlipcoverLoader

PACKAGE = "marrowscope"
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    terminalreporter.section(f"lines of {PACKAGE} that the tests ran")
    for name, ran, lines in table(cover.get_coverage()["files"]):
        share = 100 * ran / lines if lines else 100
        terminalreporter.write_line(f"{name:<14}{ran:>7,} of {lines:>7,}{share:>8.1f} %")


cover = Slipcover(source=[str(SOURCES)], omit=["*/node_modules/*"])
sys.meta_path.insert(0, Finder(cover))
