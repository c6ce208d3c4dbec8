"""A suppressed warning states its reason, on its own line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("bench", "examples", "packaging", "runs", "src", "tests")
# The marks are put together from parts, so that this file holds none.
_MARK = r"(?:noqa|type: ignore)"
_CODES = r"(?:: ?(?:[A-Z]+[0-9]+,? ?)+|\[[a-z-]+(?:, ?[a-z-]+)*\])?"
BARE = re.compile(f"# {_MARK}{_CODES}\\s*(?=# {_MARK}|$)")


def bare_in(text: str) -> list[int]:
    """Number the lines on which a warning is suppressed without a reason."""
    return [number for number, line in enumerate(text.splitlines(), 1) if BARE.search(line)]


@pytest.mark.parametrize(
    ("line", "is_bare"),
    [
        ("x = 1  # " + "noqa", True),
        ("x = 1  # " + "noqa: E402", True),
        ("x = 1  # " + "noqa: E402, S101", True),
        ("x = 1  # " + "type: ignore[arg-type, misc]", True),
        ("x = 1  # " + "type: ignore[no-untyped-def]  # " + "noqa: ANN201 - why", True),
        ("x = 1  # " + "noqa: E402 - torch first", False),
        ("x = 1  # " + "noqa: E402 (torch first)", False),
        ("x = 1  # " + "type: ignore[misc]  # why", False),
    ],
)
def test_bare_suppressions_are_recognised(line: str, is_bare: bool) -> None:
    assert bool(bare_in(line)) is is_bare


def test_every_suppressed_warning_states_its_reason() -> None:
    files = [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 100
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        if "node_modules" not in path.parts
        for number in bare_in(path.read_text("utf-8"))
    ]
    assert not bare, "suppressed without a reason: " + ", ".join(bare)
