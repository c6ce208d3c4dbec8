"""What the code has, the docs name: commands, options, columns, files, errors, settings, packages."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import marrowscope
from marrowscope.cli.app import app
from marrowscope.cli.console import INTERRUPTED, UNREAD
from marrowscope.domain import cells
from marrowscope.domain.case.details import DETAILS
from marrowscope.errors import MarrowscopeError
from marrowscope.exports import tables
from marrowscope.service.settings import OTHERS, PREFIX, Settings
from tests.cohorts import write_fields
from tests.scripts import script

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
VARIABLE = r"MARROWSCOPE_[A-Z_]*[A-Z]"
PACKAGE = Path(marrowscope.__file__).parent
reference = script("reference", "packaging/documentation")


def section(page: str, title: str) -> str:
    """Give what stands under a title of a page."""
    text = (DOCS / page).read_text("utf-8")
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(text: str, heading: str) -> list[str]:
    """List what the first column of a table names, the table being told by its heading."""
    table = text.split(f"| {heading} |")[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [name for row in table for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documented")
    write_fields(folder / "patients" / "one", 1)
    command = ["analyse", str(folder / "patients"), "-o", str(folder / "out"), "--suggest-review", "2", "-q"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return folder / "out"


def columns(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return next(csv.reader(stream))


def test_written_pages_are_current() -> None:
    pages = reference.pages()
    assert len(pages) > 4
    old = [path.name for path, text in pages.items() if path.read_text("utf-8") != text]
    assert not old, "run `make docs`"


def test_every_test_that_a_hazard_names_exists() -> None:
    text = (DOCS / "assurance" / "hazards.md").read_text("utf-8")
    named_tests = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    rows = [row for row in text.splitlines() if row.startswith("| ") and not row.startswith("| hazard")]
    assert len(named_tests) >= len(rows) > 20
    missing = [
        f"{path}::{name}"
        for path, name in named_tests
        if not re.search(rf"^def {name}\(", (ROOT / "tests" / path).read_text("utf-8"), re.MULTILINE)
    ]
    assert not missing


def test_every_option_is_explained() -> None:
    options = [
        (" ".join(words), option)
        for words, command in reference.commands(typer.main.get_command(app))
        for option in command.params
    ]
    assert len(options) > 50
    assert not [f"{words} {option.name}" for words, option in options if not option.help]


def test_columns_of_patients_are_explained(out: Path) -> None:
    explained = named(section("reference/files.md", "patients.csv"), "column")
    assert explained == columns(out / "patients.csv")


def test_columns_of_a_manifest_are_explained() -> None:
    explained = named(section("reference/files.md", "The manifest"), "column")
    assert sorted(explained) == sorted(("patient", "path", "truth", *DETAILS))


def test_columns_of_cells_are_explained(out: Path) -> None:
    explained = named(section("reference/files.md", "cells.csv"), "column")
    optional = (*tables.REVIEW_COLUMNS, *tables.SIGNED_COLUMNS)
    assert explained == [*columns(out / "cells.csv"), *optional]


def test_columns_of_a_review_are_explained(out: Path) -> None:
    explained = named(section("reference/files.md", "review.csv"), "column")
    assert sorted(explained) == sorted(columns(out / "review.csv"))


def test_flags_of_cells_are_explained() -> None:
    flags = [value for name, value in vars(cells).items() if name.startswith("FLAG_")]
    assert named(section("reference/files.md", "cells.csv"), "flag") == flags


def test_the_record_of_a_run_is_explained(out: Path) -> None:
    record = json.loads((out / "run.json").read_text("utf-8"))
    assert named(section("reference/files.md", "run.json"), "key") == list(record)


def test_the_columns_of_megakaryocytes_are_explained() -> None:
    columns = named(section("reference/files.md", "megakaryocytes.csv"), "column")
    assert columns == list(tables.MEGAKARYOCYTE_COLUMNS)


def test_every_file_of_results_is_explained(out: Path) -> None:
    explained = named((DOCS / "reference/files.md").read_text("utf-8"), "in `OUT`")
    only_of_wide_fields = {"megakaryocytes.csv"}
    written = {path.name for path in out.iterdir()} | only_of_wide_fields
    assert {name.split("/")[0] for name in explained} == written


def test_every_exit_code_is_explained() -> None:
    classes = reference.error_classes()
    codes = {reference.exit_code(name, classes) for name in classes} | {0, INTERRUPTED, UNREAD}
    table = section("reference/errors.md", "Exit codes").split("|---|---|\n")[1].strip().splitlines()
    assert {int(row.split("|")[1]) for row in table} == codes


def test_classes_of_errors_are_read_rightly() -> None:
    classes = reference.error_classes()
    known = list(kinds(MarrowscopeError))
    assert len(known) > 5
    for kind in known:
        assert reference.exit_code(kind.__name__, classes) == kind.exit_code, kind


def kinds(kind: type[MarrowscopeError]) -> Iterator[type[MarrowscopeError]]:
    """Walk over a class of errors and all that are loaded below it."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__.startswith("marrowscope."):
            yield from kinds(below)


def test_every_setting_is_explained() -> None:
    pages = ("reference/settings.md", "how-to/service.md")
    explained = {
        name for page in pages for name in re.findall(rf"{PREFIX}([A-Z_]+)", (DOCS / page).read_text("utf-8"))
    }
    assert {name.upper() for name in Settings.model_fields} == explained - {
        name.removeprefix(PREFIX) for name in OTHERS
    }


def test_every_variable_the_package_names_is_explained() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if "node_modules" not in path.parts]
    found = {name for path in sources for name in re.findall(VARIABLE, path.read_text("utf-8"))}
    pages = [path.read_text("utf-8") for path in DOCS.rglob("*.md")]
    explained = {name for page in pages for name in re.findall(VARIABLE, page)}
    assert len(found) > 1
    assert found <= explained


def test_packages_are_explained() -> None:
    packages = [path.parent for path in PACKAGE.rglob("__init__.py") if "node_modules" not in path.parts]
    rooms = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    missing = [p.name for p in packages if p.parent == PACKAGE and f"`{p.name}/`" not in rooms]
    assert len(packages) > 10
    assert not missing, f"not in ARCHITECTURE.md: {missing}"
    silent = [str(p) for p in packages if not (p / "__init__.py").read_text("utf-8").startswith('"""')]
    assert not silent, f"packages that do not say what they hold: {silent}"


def test_every_page_is_reached_and_every_link_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    reached = set()
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
                reached.add((page.parent / link).resolve())
    assert not [page.relative_to(DOCS) for page in DOCS.rglob("*.md") if page not in reached]
