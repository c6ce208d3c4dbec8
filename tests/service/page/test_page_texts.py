"""The page's texts and what the service names, records and refuses: none without words, none too many."""

import ast
import re
from pathlib import Path

import pytest
from tests.scripts import script

import marrowscope
from marrowscope.domain import cells
from marrowscope.domain.case.morphology import morphology
from marrowscope.domain.decision import BASIS_WORDS, COUNTED_WORDS, RULES, Basis
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.quality import QualityFlag
from marrowscope.service.reports import checklist
from marrowscope.service.store.tables.analyses import ENDED

PACKAGE = Path(marrowscope.__file__).parent
SOURCES = PACKAGE / "web" / "src"
GERMAN = SOURCES / "texts" / "de"


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|//[^\n]*|\w+|[{}\[\](),:]')


def keys_of(path: Path, table: str) -> set[str]:
    """Return the names of a table (``name: {`` or ``const name = {``) in a file of texts."""
    text = text_of(path)
    start = re.search(rf"\b{table}(: \{{|\b[^\n]* = \{{)", text)
    assert start is not None, f"{path.name} has no table {table}"
    depth, before = 1, "{"
    keys: set[str] = set()
    for found in _TOKEN.finditer(text, start.end()):
        token = found[0]
        depth += (token in "{[(") - (token in "}])")
        if depth == 0:
            return keys
        if depth == 1 and before in "{," and text[found.end()] == ":":
            keys.add(token.strip('"'))
        if not token.startswith("//"):
            before = token
    raise AssertionError(f"{table} in {path.name} does not end")


def recorded_actions() -> set[str]:
    """Return every action that the service enters in the audit trail."""
    found: set[str] = set()
    for path in PACKAGE.joinpath("service").rglob("*.py"):
        tree = ast.parse(text_of(path))
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not ast.unparse(call.func).endswith("audit.record"):
                continue
            action = call.args[2]
            if isinstance(action, ast.Constant):
                found.add(str(action.value))
            elif isinstance(action, ast.JoinedStr):
                start, _, end = ast.unparse(action)[2:-1].partition(".")
                assert end == "{status}", f"{path.name}: {ast.unparse(action)}"
                found |= {f"{start}.{status}" for status in ENDED}
            else:
                found |= _assigned(tree, ast.unparse(action))
    return found


def _assigned(tree: ast.Module, name: str) -> set[str]:
    """Return the actions that a module gives a variable."""
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    found = {each for each in constants if isinstance(each, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", each)}
    assert found, f"nothing is known of {name}"
    return found


def open_points() -> set[str]:
    """Return the key of every point that may be open before signing."""
    tree = ast.parse(text_of(Path(checklist.__file__)))
    parts = [node.elts for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) == 4]
    return {str(key.value) for key, *_ in parts if isinstance(key, ast.Constant)}


def test_every_recorded_action_has_words_and_no_others_have() -> None:
    assert keys_of(SOURCES / "texts" / "patient.ts", "actions") == recorded_actions()


def test_a_group_of_the_history_holds_actions_that_are_recorded() -> None:
    starts = " ".join(keys_of(SOURCES / "texts" / "patient.ts", "groups")).split()
    actions = recorded_actions()
    assert [start for start in starts if not any(action.startswith(start) for action in actions)] == []


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("types", {kind.id for kind in taxonomy()}),
        ("rules", set(RULES)),
        ("sections", {section.id for section in morphology().sections}),
        ("phrases", {phrase.id for section in morphology().sections for phrase in section.phrases}),
        ("said", open_points()),
        (
            "problems",
            {kind for _, kind in script("reference", "packaging/documentation").problem_types()} - {"http"},
        ),
        (
            "flags",
            {str(flag) for flag in QualityFlag}
            | {value for name, value in vars(cells).items() if name.startswith("FLAG_")},
        ),
        (
            "shares",
            {COUNTED_WORDS, "Corrected", *BASIS_WORDS.values()} - {BASIS_WORDS[Basis.NONE]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_german_has_words_for_whatever_the_service_names(table: str, names: set[str]) -> None:
    assert keys_of(GERMAN / "served.ts", table) == names


def test_the_page_carries_the_notice_of_every_export() -> None:
    assert f'"{NOTICE}"' in text_of(SOURCES / "strings.ts")
