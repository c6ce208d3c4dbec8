"""The house stays in rooms: modules one can read, packages one can survey, rules that stand once."""

import re
from collections import Counter
from pathlib import Path

import pytest

import marrowscope
from marrowscope.service.store.tables.analyses import Cell
from tests.conftest import REPOSITORY

PACKAGE = Path(marrowscope.__file__).parent
MOST_LINES = 400
MOST_MODULES = 12

HOMES = {
    "the falling learning rate": (r"math\.cos\(math\.pi", "training/loop.py"),
    "the running average of weights": (r"_foreach_lerp_", "training/loop.py"),
    "writing a checkpoint": (r"torch\.save\(content, partial", "training/loop.py"),
    "which image repeats another": (r"the same (?:image|field) as \{", "domain/repeats.py"),
    "where a cell's answer is kept": (r'__tablename__ = "answers"', "service/store/tables/reviews.py"),
    "what a scale rests on": (r'"red cells"', "domain/scale.py"),
    "the scale at which detectors are trained": (r"WORKING_MPP\b.*= \d", "imaging/scale.py"),
    "the highest level of Deep Zoom": (r"\) - 1\)\.bit_length\(\)", "imaging/slides/deep_zoom.py"),
    "why work that ends its workers is given up": (r"more memory than there is", "engines/pool.py"),
    "reading a table of a spreadsheet": (r"utf-8-sig", "imaging/files/spreadsheets.py"),
}
"""Rule → what its code looks like, and the one module in which that may stand."""


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "node_modules" not in path.parts]


@pytest.mark.parametrize("rule", HOMES)
def test_a_rule_stands_in_one_place(rule: str) -> None:
    pattern, home = HOMES[rule]
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if re.search(pattern, path.read_text("utf-8"))
    ]
    assert found == [home]


def test_answers_of_readers_are_not_columns_of_cells() -> None:
    assert not {"reviewed_type", "reviewed_by", "reviewed_at", "deleted", "revision"} & set(
        Cell.__table__.columns.keys()
    )


def page_modules() -> list[Path]:
    """Modules of the review page, but the one that `make shapes` writes."""
    sources = PACKAGE / "web" / "src"
    return [path for path in sources.rglob("*.ts*") if path != sources / "api" / "schema.ts"]


def test_no_module_is_longer_than_one_can_read() -> None:
    tests = list((REPOSITORY / "tests").rglob("*.py"))
    assert page_modules()
    assert tests
    every = [*modules(), *page_modules(), *tests]
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in every}
    assert {path.name: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_package_is_wider_than_one_can_survey() -> None:
    # Migrations are a list that only grows: nobody surveys it, and none of them changes again.
    surveyed = [path for path in modules() if path.parent.name != "versions"]
    side_by_side = Counter(path.parent for path in surveyed if path.name != "__init__.py")
    wide = {
        folder.relative_to(PACKAGE).as_posix(): n for folder, n in side_by_side.items() if n > MOST_MODULES
    }
    assert wide == {}


def test_every_package_says_in_a_sentence_what_lives_there() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        if "node_modules" not in path.parts:
            assert re.match(r'"""\w.+', path.read_text("utf-8")), f"{path} says nothing"


def test_the_life_of_a_correction_passes_the_files_that_the_architecture_names() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
    life = text.split("## The life of one correction")[1].split("\n## ")[0]
    named = re.findall(r"`([\w./]+\.(?:tsx?|py))` \(", life)
    assert len(named) == 6
    page = PACKAGE / "web" / "src" / "review"
    places = [PACKAGE, page]
    assert all(any((place / name).is_file() for place in places) for name in named), named
